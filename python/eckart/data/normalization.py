"""Ratings without the habits of users and items: centred or scaled by row, and back again."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import EckartError
from eckart.base.state import State
from eckart.base.validation import check_option
from eckart.data.ratings import Ratings

_METHODS = ("mean", "zscore")
_SIDES = ("user", "item", "both")
Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Normalization:
    """value ↦ (value − offset) / scale by user, by item, or by user and then by item.

    user_offset, user_scale : (n_users,) float64, or None for a side that is not normalised
    item_offset, item_scale : (n_items,) float64, or None
    user_default, item_default : (offset, scale) of rows without ratings and of unknown codes: the
        mean (and deviation) of all values that this side saw
    """

    method: str
    user_offset: Vector | None
    user_scale: Vector | None
    item_offset: Vector | None
    item_scale: Vector | None
    user_default: tuple[float, float] = (0.0, 1.0)
    item_default: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def fit(cls, ratings: Ratings, by: str = "user", method: str = "mean") -> "Normalization":
        """Learn from `ratings`; "both" takes the users' part away first, the items' from what remains.

        method : ``"mean"`` (scale 1) or ``"zscore"`` (population deviation; 0 counts as 1).
        """
        check_option(by, "by", _SIDES)
        check_option(method, "method", _METHODS)
        values = ratings.values.astype(np.float64)
        user = item = (None, None, (0.0, 1.0))
        if by != "item":
            user = _statistics(ratings.user_index, values, ratings.n_users, method)
            values = (values - user[0][ratings.user_index]) / user[1][ratings.user_index]
        if by != "user":
            item = _statistics(ratings.item_index, values, ratings.n_items, method)
        return cls(method, user[0], user[1], item[0], item[1], user[2], item[2])

    def apply(self, ratings: Ratings) -> Ratings:
        """Return the same pairs with normalised values; codes must be those of `fit` (or appended)."""
        values = self.normalize(ratings.user_index, ratings.item_index, ratings.values)
        return ratings.with_values(values.astype(ratings.dtype))

    def normalize(self, user_codes: Any, item_codes: Any, values: Any) -> NDArray[np.float64]:
        """Return normalised values in double. Shapes broadcast; code −1 (unknown) is neutral."""
        offset_u, scale_u, offset_i, scale_i = self._of(np.asarray(user_codes), np.asarray(item_codes))
        return np.asarray(((np.asarray(values) - offset_u) / scale_u - offset_i) / scale_i, dtype=np.float64)

    def undo(self, user_codes: Any, item_codes: Any, values: Any) -> NDArray[Any]:
        """Return values on the scale of the ratings. Shapes broadcast; code −1 (unknown) is neutral."""
        values = np.asarray(values)
        offset_u, scale_u, offset_i, scale_i = self._of(np.asarray(user_codes), np.asarray(item_codes))
        restored = (values * scale_i + offset_i) * scale_u + offset_u
        return restored.astype(values.dtype if values.dtype.kind == "f" else np.float64, copy=False)

    def user_terms(self, codes: NDArray[Any]) -> tuple[Vector, Vector]:
        """Return (offset, scale) of the users of `codes`, each (n,)."""
        return _terms(self.user_offset, self.user_scale, self.user_default, codes)

    def item_terms(self, codes: NDArray[Any]) -> tuple[Vector, Vector]:
        """Return (offset, scale) of the items of `codes`, each (n,)."""
        return _terms(self.item_offset, self.item_scale, self.item_default, codes)

    def with_users_of(self, rows: Ratings) -> "Normalization":
        """Return the normalisation for other users, learned from their `rows`; the items' part stays."""
        if self.user_offset is None:
            return self
        offset, scale, _ = _statistics(
            rows.user_index, rows.values.astype(np.float64), rows.n_users, self.method
        )
        return replace(self, user_offset=offset, user_scale=scale)

    def with_items_of(self, columns: Ratings) -> "Normalization":
        """Return the normalisation for other items, learned from their `columns`; the users' part stays."""
        if self.item_offset is None:
            return self
        users_only = replace(self, item_offset=None, item_scale=None)
        values = users_only.normalize(columns.user_index, columns.item_index, columns.values)
        offset, scale, _ = _statistics(columns.item_index, values, columns.n_items, self.method)
        return replace(self, item_offset=offset, item_scale=scale)

    def _of(self, users: NDArray[Any], items: NDArray[Any]) -> tuple[Any, Any, Any, Any]:
        user = _taken(self.user_offset, self.user_scale, self.user_default, users)
        return (*user, *_taken(self.item_offset, self.item_scale, self.item_default, items))

    def _get_state(self, interactions: bool = True) -> State:
        sides = ("user_offset", "user_scale", "item_offset", "item_scale")
        arrays = {name: getattr(self, name) for name in sides if getattr(self, name) is not None}
        defaults = {"user_default": list(self.user_default), "item_default": list(self.item_default)}
        return State(arrays, {"method": self.method, **defaults})

    @classmethod
    def _from_state(cls, state: State) -> "Normalization":
        method = state.meta.get("method")
        if method not in _METHODS:
            raise EckartError(f"damaged file: no normalisation has the method {method!r}")
        parts: dict[str, Any] = {}
        for side in ("user", "item"):
            offset, scale = f"{side}_offset", f"{side}_scale"
            parts[offset] = parts[scale] = None
            if offset in state.arrays or scale in state.arrays:
                parts[offset] = state.array(offset, shape=(None,), dtype=np.float64)
                parts[scale] = state.array(scale, shape=parts[offset].shape, dtype=np.float64)
                _require(np.isfinite(parts[offset]).all() and np.isfinite(parts[scale]).all(), side)
                _require((parts[scale] > 0).all(), side)
            default = state.meta.get(f"{side}_default")
            _require(isinstance(default, list) and len(default) == 2, side)
            _require(
                all(type(x) in (int, float) and np.isfinite(x) for x in default) and default[1] > 0, side
            )
            parts[f"{side}_default"] = (float(default[0]), float(default[1]))
        return cls(method, **parts)


def _require(good: Any, side: str) -> None:
    if not good:
        raise EckartError(f"damaged file: the {side} part of a normalisation holds impossible numbers")


def _statistics(
    codes: NDArray[np.int32], values: Vector, n: int, method: str
) -> tuple[Vector, Vector, tuple[float, float]]:
    """Offset and scale of every row, and those of a row that has no ratings."""
    counts = np.bincount(codes, minlength=n)
    observed = counts > 0
    mean = float(values.mean()) if len(values) else 0.0
    default = (mean, _deviation(float(values.var())) if method == "zscore" and len(values) else 1.0)
    offset, scale = np.full(n, default[0]), np.full(n, default[1])
    offset[observed] = np.bincount(codes, values, minlength=n)[observed] / counts[observed]
    if method == "zscore":
        squares = np.bincount(codes, (values - offset[codes]) ** 2, minlength=n)
        scale[observed] = _deviation(squares[observed] / counts[observed])
    else:
        scale[:] = 1.0
    return offset, scale, default


def _deviation(variance: Any) -> Any:
    deviation = np.sqrt(variance)
    # Equal values leave a variance of rounding errors: that is no deviation either.
    constant = deviation < 1e-7
    return np.where(constant, 1.0, deviation) if np.ndim(deviation) else 1.0 if constant else float(deviation)


def _terms(
    offset: Vector | None, scale: Vector | None, default: tuple[float, float], codes: NDArray[Any]
) -> tuple[Vector, Vector]:
    offsets, scales = _taken(offset, scale, default, codes)
    return np.broadcast_to(offsets, codes.shape), np.broadcast_to(scales, codes.shape)


def _taken(
    offset: Vector | None, scale: Vector | None, default: tuple[float, float], codes: NDArray[Any]
) -> Any:
    if offset is None or scale is None:
        return 0.0, 1.0
    known = (codes >= 0) & (codes < len(offset))
    if len(offset) == 0:
        return np.full(codes.shape, default[0]), np.full(codes.shape, default[1])
    places = np.where(known, codes, 0)
    return np.where(known, offset[places], default[0]), np.where(known, scale[places], default[1])
