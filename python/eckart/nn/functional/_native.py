"""How layers call their kernels: contiguous arrays of one floating type, as planes, pairs of numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from eckart.base.threads import get_num_threads as threads
from eckart.nn.arrays import FLOATS, Array, contiguous

__all__ = ["as_given", "as_pair", "as_planes", "like", "operands", "threads"]


def operands(x: Array, *others: Array | None) -> list[Any]:
    """Return the arrays C-contiguous, None as it is; ValueError unless all are float32, or all float64."""
    kind = x.dtype
    if kind not in FLOATS:
        raise ValueError(f"x: expected float32 or float64, got {kind}")
    for name, array in zip(("weight", "bias"), others, strict=False):
        if array is not None and array.dtype != kind:
            raise ValueError(f"{name}: expected {kind} as x has, got {array.dtype}")
    return [a if a is None or a.flags.c_contiguous else contiguous(a) for a in (x, *others)]


def like(gradients: Sequence[Array | None], arrays: Sequence[Array]) -> list[Array | None]:
    """Return gradients as flat as kernels have them in the shapes of the arrays that they belong to."""
    return [
        g if g is None or g.shape == a.shape else g.reshape(a.shape)
        for g, a in zip(gradients, arrays, strict=True)
    ]


def as_pair(value: int | Sequence[int], axes: int, name: str, unit: int) -> tuple[int, int]:
    """Return (rows, columns) of one number for all axes, or `axes` of them; `unit` for a missing axis."""
    numbers = (value,) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(numbers) not in (1, axes):
        raise ValueError(f"{name}: expected a number or {axes} of them, got {value!r}")
    numbers *= axes // len(numbers)
    return (unit, int(numbers[0])) if axes == 1 else (int(numbers[0]), int(numbers[1]))


def as_planes(x: Array, axes: int, name: str = "x") -> Array:
    """Return x (n, c, *axes) or, one image, (c, *axes) as (n, c, h, w), with h = 1 for one axis."""
    if axes == 2 and x.ndim == 4:
        return x
    if x.ndim not in (axes + 1, axes + 2):
        raise ValueError(
            f"{name}: expected {axes + 2} dimensions, or {axes + 1} of one image, got shape {x.shape}"
        )
    shape = x.shape if x.ndim == axes + 2 else (1, *x.shape)
    return x.reshape(shape if axes == 2 else (*shape[:2], 1, shape[2]))


def as_given(y: Array, x: Array, axes: int) -> Array:
    """Return the result (n, c, h, w) of planes with the axes that x, of which they were made, has."""
    if y.ndim == x.ndim:
        return y
    shape = (*y.shape[:2], *y.shape[4 - axes :])
    return y.reshape(shape[1:] if x.ndim == axes + 1 else shape)
