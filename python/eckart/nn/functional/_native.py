"""How layers call their kernels: contiguous arrays of one floating type, images, pairs of numbers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eckart.base.threads import get_num_threads as threads
from eckart.nn.arrays import FLOATS, Array, contiguous
from eckart.nn.ops import reshape
from eckart.nn.tensor import Tensor

__all__ = ["as_pair", "like", "operands", "over_images", "threads"]


def operands(x: Array, *others: Array | None) -> list[Any]:
    """Return the arrays C-contiguous, None as it is; ValueError unless all are float32, or all float64."""
    kind = x.dtype
    if kind not in FLOATS:
        raise ValueError(f"x: expected float32 or float64, got {kind}")
    for name, array in zip(("weight", "bias"), others, strict=False):
        if array is not None and array.dtype != kind:
            raise ValueError(
                f"{name}: expected {kind} as x has, got {array.dtype} (x.astype or module.to converts)"
            )
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


def over_images(x: Any, axes: int, run: Callable[[Tensor], Tensor]) -> Tensor:
    """Return run(x) of images (n, c, h, w); of one image, of sequences as images of one row, with x's axes.

    axes : 2 for images (n, c, h, w) or (c, h, w), 1 for sequences (n, c, length) or (c, length)
    """
    x = x if isinstance(x, Tensor) else Tensor(x)
    if axes == 2 and x.ndim == 4:
        return run(x)
    if x.ndim not in (axes + 1, axes + 2):
        raise ValueError(
            f"x: expected {axes + 2} dimensions, or {axes + 1} of one image, got shape {x.shape}"
        )
    shape = x.shape if x.ndim == axes + 2 else (1, *x.shape)
    y = run(reshape(x, shape if axes == 2 else (*shape[:2], 1, shape[2])))
    shape = y.shape if axes == 2 else (*y.shape[:2], y.shape[3])
    return reshape(y, shape if x.ndim == axes + 2 else shape[1:])
