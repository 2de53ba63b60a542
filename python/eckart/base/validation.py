"""Checks of parameters and arrays: the one place where Python decides what a value means.

Every message names the parameter, what was expected and what came.
"""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_int(value: Any, name: str, *, low: int = 1, high: int | None = None) -> int:
    """Return `value` as int; ValueError unless it is a whole number in [low, high]."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < low:
        raise ValueError(f"{name}: expected an integer >= {low}, got {value!r}")
    if high is not None and value > high:
        raise ValueError(f"{name}: expected an integer <= {high}, got {value!r}")
    return int(value)


def check_float(
    value: Any, name: str, *, low: float = 0.0, open_low: bool = False, high: float = np.inf
) -> float:
    """Return `value` as float; ValueError unless it is a finite number in [low, high] (or ]low, high])."""
    good = isinstance(value, numbers.Real) and not isinstance(value, bool) and np.isfinite(float(value))
    if not good or value < low or (open_low and value == low) or value > high:
        bound = f"{'>' if open_low else '>='} {low:g}" + (f" and <= {high:g}" if np.isfinite(high) else "")
        raise ValueError(f"{name}: expected a finite number {bound}, got {value!r}")
    return float(value)


def check_option(value: Any, name: str, options: Sequence[Any]) -> Any:
    """Return `value`; ValueError unless it is one of `options`."""
    if not any(type(value) is type(option) and value == option for option in options):
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, options))}, got {value!r}")
    return value


def check_bool(value: Any, name: str) -> bool:
    """Return `value` as bool; ValueError unless it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def check_finite(values: NDArray[Any], name: str) -> None:
    """ValueError that names the first place where `values` is NaN or infinite."""
    finite = np.isfinite(values)
    if not finite.all():
        flat = int(np.flatnonzero(~finite.ravel())[0])
        place = tuple(int(i) for i in np.unravel_index(flat, values.shape))
        where = place[0] if len(place) == 1 else place
        raise ValueError(
            f"{name}: expected finite numbers, got {values.ravel()[flat]} at position {where} "
            f"({int((~finite).sum())} such value(s))"
        )


def native_array(values: Any, dtype: Any) -> NDArray[Any]:
    """Return `values` as the kernels take it: C-contiguous, aligned, native byte order, of `dtype`."""
    return np.require(values, dtype=np.dtype(dtype).newbyteorder("="), requirements=["C", "A"])
