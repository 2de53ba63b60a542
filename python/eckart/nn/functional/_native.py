"""How layers call their kernels: contiguous arrays of one floating type, as planes, pairs of numbers."""

from collections.abc import Sequence

import numpy as np

from eckart.base.threads import get_num_threads as threads
from eckart.nn.arrays import Array, contiguous

__all__ = ["as_pair", "as_planes", "operands", "threads"]


def operands(x: Array, *others: Array) -> list[Array]:
    """Return the arrays C-contiguous; ValueError unless all are float32, or all float64."""
    kind = x.dtype
    if kind != np.float32 and kind != np.float64:
        raise ValueError(f"x: expected float32 or float64, got {kind}")
    for name, array in zip(("weight", "bias"), others, strict=False):
        if array.dtype != kind:
            raise ValueError(f"{name}: expected {kind} as x has, got {array.dtype}")
    return [contiguous(a) for a in (x, *others)]


def as_pair(value: int | Sequence[int], axes: int, name: str, unit: int) -> tuple[int, int]:
    """Return (rows, columns) of one number for all axes, or `axes` of them; `unit` for a missing axis."""
    numbers = (value,) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(numbers) not in (1, axes):
        raise ValueError(f"{name}: expected a number or {axes} of them, got {value!r}")
    numbers *= axes // len(numbers)
    return (unit, int(numbers[0])) if axes == 1 else (int(numbers[0]), int(numbers[1]))


def as_planes(x: Array, axes: int, name: str = "x") -> Array:
    """Return x (n, c, *axes) or, one image, (c, *axes) as (n, c, h, w), with h = 1 for one axis."""
    if x.ndim not in (axes + 1, axes + 2):
        raise ValueError(
            f"{name}: expected {axes + 2} dimensions, or {axes + 1} of one image, got shape {x.shape}"
        )
    shape = x.shape if x.ndim == axes + 2 else (1, *x.shape)
    return x.reshape(shape if axes == 2 else (*shape[:2], 1, shape[2]))
