"""Rows of tables, chosen by integers."""

from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.arrays import contiguous
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply

__all__ = ["embedding", "one_hot"]


def embedding(input: Any, weight: Any) -> Tensor:
    """Return row i of weight (n, d) for each integer i of the input (...): (..., d).

    Raises ValueError for a type that is no integer, an index outside [0, n), another shape of weight.
    """
    return apply("embedding", input, weight)


def _ids(indices: Array) -> Array:
    if indices.dtype.kind not in "iu":
        raise ValueError(f"input: expected integers, got {indices.dtype}")
    return np.asarray(indices, dtype=np.int64, order="C")


def _forward(indices: Array, weight: Array) -> Array:
    if weight.ndim != 2 or weight.dtype not in (np.float32, np.float64):
        raise ValueError(f"weight: expected floats (n, d), got {weight.dtype} of shape {weight.shape}")
    return native.embedding(_ids(indices), contiguous(weight), get_num_threads())


def _backward(step: Step, gradient: Array) -> list[Array | None]:
    indices, weight = step.arrays
    gradient = contiguous(gradient)
    return [
        None,
        native.embedding_backward(_ids(indices), gradient, len(weight), step.target(1), get_num_threads()),
    ]


RULES["embedding"] = Rule("embedding", _forward, _backward)


def one_hot(input: Any, num_classes: int = -1) -> Array:
    """Return an int64 array (..., num_classes) with 1 where the classes are; -1: the largest class and
    one.
    """
    indices = _ids(np.asarray(input))
    n = int(indices.max(initial=-1)) + 1 if num_classes == -1 else num_classes
    if indices.size and not (indices.min() >= 0 and indices.max() < n):
        raise ValueError(f"input: expected integers in [0, {n}), got {indices.min()} to {indices.max()}")
    return np.equal(indices[..., None], np.arange(n)).astype(np.int64)
