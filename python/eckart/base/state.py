"""What a storable object hands to the file layer: named arrays and a little JSON."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import EckartError


@dataclass
class State:
    """Arrays (any NumPy number type) and `meta` (JSON values) of one object.

    A class that can be saved has ``_get_state(interactions: bool) -> State`` and the class method
    ``_from_state(State)``, which must check every range it later relies on and raise EckartError.
    Objects within objects go under a prefix: :meth:`put` and :meth:`sub`.
    """

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    def put(self, prefix: str, part: "State") -> None:
        """Store `part` under ``prefix.``."""
        self.arrays.update({f"{prefix}.{name}": array for name, array in part.arrays.items()})
        self.meta[prefix] = part.meta

    def has(self, prefix: str) -> bool:
        return prefix in self.meta

    def sub(self, prefix: str) -> "State":
        """Return what was stored under ``prefix.``."""
        meta = self.meta.get(prefix)
        if not isinstance(meta, dict):
            raise EckartError(f"damaged file: part {prefix!r} is missing")
        head = f"{prefix}."
        return State({n[len(head) :]: a for n, a in self.arrays.items() if n.startswith(head)}, meta)

    def array(self, name: str, *, shape: tuple[int | None, ...], dtype: Any = None) -> NDArray[Any]:
        """Return an array, checked: None in `shape` is any length; `dtype` one or several types.

        Floating arrays must be finite: no model stores anything else.
        """
        array = self.arrays.get(name)
        if array is None:
            raise EckartError(f"damaged file: array {name!r} is missing")
        if array.ndim != len(shape) or any(
            want is not None and want != got for want, got in zip(shape, array.shape, strict=True)
        ):
            raise EckartError(f"damaged file: array {name!r} has shape {array.shape}, expected {shape}")
        if dtype is not None:
            kinds = [np.dtype(d) for d in (dtype if isinstance(dtype, tuple) else (dtype,))]
            if array.dtype not in kinds:
                raise EckartError(f"damaged file: array {name!r} is {array.dtype}, expected {kinds}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise EckartError(f"damaged file: array {name!r} holds NaN or infinity")
        return array

    def number(self, name: str) -> float:
        """Return a number of `meta`, checked to be finite."""
        return finite(self.meta.get(name), name)


def finite(value: Any, name: str) -> float:
    """Return `value` of a file as float; EckartError unless it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise EckartError(f"damaged file: {name!r} is {value!r}, expected a finite number")
    return float(value)
