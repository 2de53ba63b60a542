"""Factor models: prediction = mean + user bias + item bias + <user factors, item factors>."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eckart._native import completion as native
from eckart.base.arrays import aligned_empty, take_rows
from eckart.base.csr import Csr
from eckart.base.state import State
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_int
from eckart.completion._model import Codes, CompletionModel, in_codes_of, known_codes
from eckart.completion.index import ItemIndex, export_index
from eckart.completion.recommendations import Recommendations, from_codes
from eckart.data.convert import as_ratings, is_matrix
from eckart.data.normalization import Normalization
from eckart.data.ratings import Ratings
from eckart.linalg.dense import single_threaded
from eckart.linalg.topk import top_k

Self = TypeVar("Self", bound="FactorModel")
FLOATS = (np.float32, np.float64)


@dataclass
class Side:
    """One side of a factor model: factors (n, rank), biases (n,) or None for a model without them."""

    factors: NDArray[Any]
    biases: NDArray[Any] | None

    def copy(self) -> "Side":
        factors = aligned_empty(self.factors.shape, self.factors.dtype)
        factors[...] = self.factors
        return Side(factors, None if self.biases is None else self.biases.copy())

    def assign(self, other: "Side") -> None:
        """Take over the values of `other`, which has the same shape."""
        self.factors[...] = other.factors
        if self.biases is not None:
            self.biases[...] = other.biases


class FactorModel(CompletionModel):
    """Base of the models with user and item factors.

    Attributes after `fit`: ``user_factors_`` (n_users, rank), ``item_factors_`` (n_items, rank),
    ``user_biases_`` (n_users,) and ``item_biases_`` (n_items,) or None, ``mean_`` (what biases and
    factors are added to), ``global_mean_`` (of the training ratings), ``normalization_`` or None.
    """

    user_factors_: NDArray[Any]
    item_factors_: NDArray[Any]
    user_biases_: NDArray[Any] | None
    item_biases_: NDArray[Any] | None
    mean_: float
    global_mean_: float
    normalization_: Normalization | None = None

    @property
    def _user_side(self) -> Side:
        return Side(self.user_factors_, self.user_biases_)

    @property
    def _item_side(self) -> Side:
        return Side(self.item_factors_, self.item_biases_)

    @property
    def _dtype(self) -> Any:
        return self.user_factors_.dtype

    # -- predictions -------------------------------------------------------------------------------

    def _predict_codes(self, users: Codes, items: Codes) -> NDArray[Any]:
        return self._predict_side(self._user_side, self.normalization_, users, items)

    def _predict_side(
        self, side: Side, normalization: Normalization | None, users: Codes, items: Codes
    ) -> NDArray[Any]:
        """Predict pairs for the users of `side`: those of training, or folded-in ones."""
        values = self._inner_products(side, users, items)
        if normalization is not None:
            return np.asarray(normalization.undo(users, items, values), dtype=values.dtype)
        if side.biases is None:
            # Of an unknown id, or a row without ratings, nothing is known but the mean of all ratings.
            zero = np.flatnonzero(values == 0)
            empty = ~side.factors[users[zero]].any(axis=1) | ~self.item_factors_[items[zero]].any(axis=1)
            values[zero[empty | (users[zero] < 0) | (items[zero] < 0)]] = self.global_mean_
        return values

    def _inner_products(self, side: Side, users: Codes, items: Codes) -> NDArray[Any]:
        return native.predict_pairs(
            side.factors, self.item_factors_, side.biases, self.item_biases_, self.mean_,
            np.ascontiguousarray(users, np.int32), np.ascontiguousarray(items, np.int32), get_num_threads(),
        )  # fmt: skip

    def _score_pairs(self, users: Codes, items: Codes) -> NDArray[Any]:
        # Unlike predictions, lists have no use for the mean of all ratings where nothing is known.
        values = self._inner_products(self._user_side, users, items)
        return values if self.normalization_ is None else self.normalization_.undo(users, items, values)

    # -- recommendations ---------------------------------------------------------------------------

    def _recommend_codes(
        self, users: Codes, k: int, exclude: Csr | None, candidates: Codes | None = None
    ) -> tuple[Codes, NDArray[Any]]:
        return self._rank_side(self._user_side, self.normalization_, users, k, exclude, candidates)

    def _rank_side(
        self,
        side: Side,
        normalization: Normalization | None,
        users: Codes,
        k: int,
        exclude: Csr | None,
        candidates: Codes | None,
    ) -> tuple[Codes, NDArray[Any]]:
        queries, items, bias, scale, offset = self._scoring(side, normalization, users)
        if candidates is not None:
            items = items[candidates]
            bias = None if bias is None else bias[candidates]
            exclude = None if exclude is None else exclude.select_columns(candidates)
        codes, scores = top_k(queries, items, k, bias=bias, exclude=exclude)
        if candidates is not None and len(candidates):
            codes = np.where(codes < 0, np.int32(-1), candidates[codes])
        return codes, (scores * scale[:, None] + offset[:, None]).astype(scores.dtype)

    def _scoring(self, side: Side, normalization: Normalization | None, users: Codes) -> tuple[Any, ...]:
        """Return queries, items and item bias whose inner products rank the items, and the (scale, offset)
        of each user that turns them into predictions."""
        queries, dtype = take_rows(side.factors, users), side.factors.dtype
        base = np.full(len(users), self.mean_) if side.biases is None else self.mean_ + side.biases[users]
        if normalization is None:
            return queries, self.item_factors_, self.item_biases_, np.ones(len(users)), base
        # z = o_u + s_u (o_i + s_i (base_u + b_i + <u, v>)): an inner product with one more dimension.
        item_offset, item_scale = normalization.item_terms(np.arange(len(self.items_)))
        user_offset, user_scale = normalization.user_terms(users)
        queries = np.column_stack([queries, base]).astype(dtype)
        factors = np.column_stack([self.item_factors_, np.ones(len(self.items_))]) * item_scale[:, None]
        bias = item_offset + (0.0 if self.item_biases_ is None else item_scale * self.item_biases_)
        return queries, factors.astype(dtype), np.asarray(bias, dtype=dtype), user_scale, user_offset

    def similar_items(self, items: Any, k: int = 10) -> Recommendations:
        """Return the k items whose factors point most nearly the same way (cosine), the item itself left out.

        Raises KeyError for an unknown id. An item without ratings is similar to nothing (score 0).
        """
        self._check_fitted()
        codes = known_codes(self.items_, items, "item")
        found = _most_similar(self.item_factors_, codes, check_int(k, "k"))
        return from_codes(self.items_.decode(codes), *found, self.items_, self.item_titles_)

    def similar_users(self, users: Any, k: int = 10) -> Recommendations:
        """Return the k users whose factors point most nearly the same way (cosine), the user left out."""
        self._check_fitted()
        codes = known_codes(self.users_, users, "user")
        found = _most_similar(self.user_factors_, codes, check_int(k, "k"))
        return from_codes(self.users_.decode(codes), *found, self.users_, None)

    def _item_similarities(self, codes: Codes) -> NDArray[Any]:
        unit = _unit(self.item_factors_)[codes]  # (n, m, rank)
        with single_threaded():
            return unit @ unit.transpose(0, 2, 1)

    def export_index(self, path: Any = None, library: str = "auto") -> ItemIndex:
        """Build an approximate nearest-neighbour index of the items, for lists in microseconds.

        path : where to write it, in the library's own format; None keeps it in memory
        library : "faiss", "hnswlib", "usearch", or "auto" (the first of them that is installed)

        Raises EckartError where the library is not installed.
        """
        return export_index(self, path, library)

    # -- new users ---------------------------------------------------------------------------------

    def _fold_users(self, rows: Ratings) -> tuple[Side, Normalization | None]:
        """Return what training would give to the users of `rows` (whose items are in the model's codes)."""
        raise NotImplementedError

    def _recommend_rows(self, rows: Ratings, k: int, exclude: Csr | None) -> tuple[Codes, NDArray[Any]]:
        side, normalization = self._fold_users(rows)
        users = np.arange(rows.n_users, dtype=np.int32)
        return self._rank_side(side, normalization, users, k, exclude, None)

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the completed matrix: observed entries as they are, missing ones predicted.

        X : (n_samples, n_items) dense with NaN or sparse, or Ratings. Its rows are folded in as new
            users, which gives training rows their training factors again.

        Returns a dense (n_samples, n_items) array. Raises ValueError for another number of columns.
        """
        self._check_fitted()
        rows = self._rows_of(X)
        side, normalization = self._fold_users(rows)
        users = np.repeat(np.arange(rows.n_users, dtype=np.int32), len(self.items_))
        items = np.tile(np.arange(len(self.items_), dtype=np.int32), rows.n_users)
        full = self._predict_side(side, normalization, users, items).reshape(rows.n_users, len(self.items_))
        full[rows.user_index, rows.item_index] = rows.values
        return full

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> NDArray[Any]:
        """Fit, then return the completed matrix."""
        return self.fit(X, y, **fit_params).transform(X)  # type: ignore[attr-defined]

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the columns of :meth:`transform`: those that came in, else x0, x1, ..."""
        self._check_fitted()
        n = len(self.items_)
        names = getattr(self, "feature_names_in_", None) if input_features is None else input_features
        if names is None:
            names = [f"x{i}" for i in range(n)]
        if len(names) != n:
            raise ValueError(f"input_features should have length equal to {n}, got {len(names)}")
        return np.asarray(names, dtype=object)

    def _columns_of(self, X: Any) -> Ratings:
        """Return ratings of new items, their users in the model's codes. KeyError for an unknown user."""
        columns = as_ratings(X, dtype=self.item_factors_.dtype)
        if is_matrix(X):
            if columns.n_users != len(self.users_):
                raise ValueError(f"rows: expected {len(self.users_)} rows, one a user, got {columns.n_users}")
            return columns._replaced(users=self.users_)
        index = in_codes_of(self.users_, columns.users, columns.user_index, "user")
        return columns._replaced(user_index=index, users=self.users_)

    # -- files -------------------------------------------------------------------------------------

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        for name in ("user_factors_", "item_factors_", "user_biases_", "item_biases_"):
            array = getattr(self, name)
            if array is not None:
                state.arrays[name] = array
        state.meta["mean"], state.meta["global_mean"] = float(self.mean_), float(self.global_mean_)
        if self.normalization_ is not None:
            state.put("normalization", self.normalization_._get_state(True))
        return state

    @classmethod
    def _from_state(cls: type[Self], state: State) -> Self:
        model = super()._from_state(state)
        n_users, n_items = len(model.users_), len(model.items_)
        model.user_factors_ = state.array("user_factors_", shape=(n_users, None), dtype=FLOATS)
        rank, dtype = model.user_factors_.shape[1], model.user_factors_.dtype
        model.item_factors_ = state.array("item_factors_", shape=(n_items, rank), dtype=dtype)
        biased = "user_biases_" in state.arrays
        model.user_biases_ = state.array("user_biases_", shape=(n_users,), dtype=dtype) if biased else None
        model.item_biases_ = state.array("item_biases_", shape=(n_items,), dtype=dtype) if biased else None
        model.mean_, model.global_mean_ = state.number("mean"), state.number("global_mean")
        if state.has("normalization"):
            model.normalization_ = Normalization._from_state(state.sub("normalization"))
        return model


def _most_similar(factors: NDArray[Any], codes: Codes, k: int) -> tuple[Codes, NDArray[Any]]:
    unit = _unit(factors)
    self_only = Csr(np.arange(len(codes) + 1, dtype=np.int64), codes, None, len(factors))
    return top_k(unit[codes], unit, k, exclude=self_only)


def _unit(factors: NDArray[Any]) -> NDArray[Any]:
    """Return the rows at length 1; a row of zeros stays."""
    norms = np.linalg.norm(factors, axis=1, keepdims=True)
    return (factors / np.where(norms > 0, norms, 1)).astype(factors.dtype)
