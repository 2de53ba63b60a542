"""Copies and sums of floats by native kernels, which can be part of a plan; of other types by NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import nn as native
from eckart.base.threads import get_num_threads

Array = NDArray[Any]

FLOATS = frozenset({np.dtype(np.float32), np.dtype(np.float64)})  # the types of kernels


def contiguous(a: Array) -> Array:
    """Return the array C-contiguous: itself, or a copy."""
    if a.flags.c_contiguous:
        return a
    native_copy = a.dtype in FLOATS and a.flags.aligned
    return native.copy(a, None, get_num_threads()) if native_copy else np.ascontiguousarray(a)


def assign(to: Array, a: Array) -> None:
    """Write a into `to`, as ``to[...] = a``."""
    if to.shape == a.shape and to.dtype == a.dtype and a.dtype in FLOATS:
        native.copy(np.asarray(a), to, get_num_threads())
    else:
        to[...] = a


def plus(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return a + b, in `out` if given (which may be a or b)."""
    if a.ndim < b.ndim:
        a, b = b, a
    if a.dtype == b.dtype and a.dtype in FLOATS and a.shape[a.ndim - b.ndim :] == b.shape:
        a, b = np.asarray(a), np.asarray(b)  # NumPy makes numbers of sums
        return native.add(contiguous(a), contiguous(b), out, get_num_threads())
    return np.add(a, b, out=out)


def unbroadcast(gradient: Array, like: Array) -> Array:
    """Return the gradient summed over the axes along which an input was repeated, in the input's type."""
    if gradient.shape != like.shape:
        extra = gradient.ndim - like.ndim
        if like.size > 1 and gradient.shape[extra:] == like.shape and gradient.dtype in FLOATS:
            gradient = native.sum_leading(contiguous(gradient), like.shape, None, get_num_threads())
        else:
            ones = [i + extra for i, n in enumerate(like.shape) if n == 1 and gradient.shape[i + extra] != 1]
            gradient = np.add.reduce(gradient, axis=(*range(extra), *ones)).reshape(like.shape)
    return gradient if gradient.dtype == like.dtype else gradient.astype(like.dtype)
