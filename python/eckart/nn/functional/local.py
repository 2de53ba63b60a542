"""Locally connected layers: a convolution's windows, with weights of their own at every position."""

from collections.abc import Sequence
from typing import Any

from eckart._native import nn as native
from eckart.nn.functional._native import as_given, as_pair, as_planes, like, operands, threads
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
    return _apply(x, weight, bias, 2, stride, padding, dilation, activation)


def local1d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes = 0, dilation: Sizes = 1,
    activation: str | None = None,
) -> Tensor:  # fmt: skip
    """Return :func:`local2d` of sequences: x (n, in, length), weight (positions, out, in, k)."""
    return _apply(x, weight, bias, 1, stride, padding, dilation, activation)


def _apply(x: Any, weight: Any, bias: Any, axes: int, *sizes: Any) -> Tensor:
    stride, padding, dilation, activation = sizes
    geometry = (
        as_pair(stride, axes, "stride", 1),
        as_pair(padding, axes, "padding", 0) * 2,
        as_pair(dilation, axes, "dilation", 1),
    )
    return apply("local", x, weight, bias, axes=axes, geometry=geometry, activation=activation or "none")


def _kernels(weight: Array, axes: int) -> Array:
    if weight.ndim != 2 * axes + 2:
        raise ValueError(f"weight: expected {2 * axes + 2} dimensions, got shape {weight.shape}")
    return weight if axes == 2 else weight[None, :, :, :, None]


def _local(
    x: Array, weight: Array, bias: Array | None, axes: int, geometry: Any, activation: str
) -> tuple[Array, Any]:
    given, (x, weight, bias) = x, operands(x, weight, bias)
    if bias is not None and bias.shape != weight.shape[: axes + 1]:
        raise ValueError(f"bias: expected shape {weight.shape[: axes + 1]}, got {bias.shape}")
    x, weight = as_planes(x, axes), _kernels(weight, axes)
    y = native.local2d(x, weight, bias, *geometry, activation, threads())
    return as_given(y, given, axes), (x, weight)


def _local_back(step: Step, gradient: Array) -> list[Array | None]:
    axes, activation = step.options["axes"], step.options["activation"]
    y = None if activation == "none" else as_planes(step.output, axes)
    (x, weight), dw, db = step.saved, step.target(1), step.target(2)
    return like(native.local2d_backward(
        x, weight, as_planes(*operands(gradient), axes), y, *step.options["geometry"], activation, step.needs,
        None if dw is None else _kernels(dw, axes), None if db is None else db.reshape(weight.shape[:3]),
        threads(),
    ), step.arrays)  # fmt: skip


RULES["local"] = Rule("local", _local, _local_back, optional=1)
