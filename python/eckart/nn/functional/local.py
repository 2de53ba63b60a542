"""Locally connected layers: a convolution's windows, with weights of their own at every position."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.nn.arrays import contiguous
from eckart.nn.functional._native import as_pair, operands, over_images, threads
from eckart.nn.ops import expand_dims
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply

__all__ = ["local1d", "local2d"]

Sizes = int | Sequence[int]


def local2d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes = 0, dilation: Sizes = 1,
    activation: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the sums over windows that a convolution has, each with weights of its own.

    y[n, o, i, j] = f(bias[i, j, o] + sum over c, k, l of weight[i, j, o, c, k, l] times the number of x that
    position (i, j) sees at (c, k, l).

    x : (n, in, h, w) or one image (in, h, w); weight : (oh, ow, out, in, kh, kw), for all positions that
    :func:`conv2d` would have; bias : (oh, ow, out) or None
    activation : None, "relu", "tanh" or "sigmoid"

    Returns (n, out, oh, ow). With the same weights everywhere it is conv2d. Raises ValueError where shapes,
    types or options do not fit.
    """
    return _apply(x, weight, bias, 2, (stride, padding, dilation), activation)


def local1d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes = 0, dilation: Sizes = 1,
    activation: str | None = None,
) -> Tensor:  # fmt: skip
    """Return :func:`local2d` of sequences: x (n, in, length), weight (positions, out, in, k)."""
    if np.ndim(weight) != 4:
        raise ValueError(f"weight: expected 4 dimensions, got shape {np.shape(weight)}")
    rows = expand_dims(weight, (0, 4)), bias if bias is None else expand_dims(bias, 0)
    return _apply(x, *rows, 1, (stride, padding, dilation), activation)


def _apply(x: Any, weight: Any, bias: Any, axes: int, sizes: Any, activation: str | None) -> Tensor:
    stride, padding, dilation = sizes
    geometry = (
        as_pair(stride, axes, "stride", 1),
        as_pair(padding, axes, "padding", 0) * 2,
        as_pair(dilation, axes, "dilation", 1),
    )
    options = {"geometry": geometry, "activation": activation or "none"}
    return over_images(x, axes, lambda x: apply("local", x, weight, bias, **options))


def _local(x: Array, weight: Array, bias: Array | None, geometry: Any, activation: str) -> tuple[Array, Any]:
    x, weight, bias = operands(x, weight, bias)
    if weight.ndim != 6:
        raise ValueError(f"weight: expected 6 dimensions, got shape {weight.shape}")
    if bias is not None and bias.shape != weight.shape[:3]:
        raise ValueError(f"bias: expected shape {weight.shape[:3]}, got {bias.shape}")
    return native.local2d(x, weight, bias, *geometry, activation, threads()), (x, weight)


def _local_back(step: Step, gradient: Array) -> Sequence[Array | None]:
    activation = step.options["activation"]
    y = None if activation == "none" else step.output
    return native.local2d_backward(
        *step.saved, contiguous(gradient), y, *step.options["geometry"], activation, step.needs,
        step.target(1), step.target(2), threads(),
    )  # fmt: skip


RULES["local"] = Rule("local", _local, _local_back, optional=1)
