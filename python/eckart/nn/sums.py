"""Sums of arrays as networks need them: native where that can be, which is quicker and can be planned."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import nn as native
from eckart.base.threads import get_num_threads

__all__ = ["add", "add_into", "sum_leading"]


def add(a: NDArray[Any], b: NDArray[Any]) -> Any:
    """Return a + b."""
    if _plain(a, b) and a.shape[a.ndim - b.ndim :] == b.shape:
        return native.add(a, b, False, get_num_threads())
    return np.asarray(np.add(a, b))


def add_into(a: NDArray[Any], b: NDArray[Any]) -> None:
    """Add b, of the shape of a, to it."""
    if _plain(a, b) and a.shape == b.shape:
        native.add(a, b, True, get_num_threads())
    else:
        np.add(a, b, out=a)


def sum_leading(x: NDArray[Any], axes: int) -> Any:
    """Return x summed over its first axes."""
    if _plain(x, x):
        return native.sum_rows(x, x.ndim - axes, get_num_threads())
    return np.add.reduce(x, axis=tuple(range(axes)))


def _plain(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Return whether both are C-contiguous floats of one type, and not just numbers."""
    return (
        0 < b.ndim <= a.ndim
        and a.dtype == b.dtype
        and a.dtype.char in "fd"
        and a.flags.c_contiguous
        and b.flags.c_contiguous
    )
