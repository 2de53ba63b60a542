"""Locally connected layers: a convolution's windows, with weights of their own at every position."""

from collections.abc import Sequence
from typing import Any

from eckart._native import nn as native
from eckart.nn.functional._native import as_pair, as_planes, operands, threads
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
    inputs = (x, weight) if bias is None else (x, weight, bias)
    return apply("local", *inputs, axes=axes, geometry=geometry, activation=activation or "none")


def _kernels(weight: Array, axes: int) -> Array:
    if weight.ndim != 2 * axes + 2:
        raise ValueError(f"weight: expected {2 * axes + 2} dimensions, got shape {weight.shape}")
    return weight if axes == 2 else weight[None, :, :, :, None]


def _local(
    x: Array, weight: Array, bias: Array | None = None, *, axes: int, geometry: Any, activation: str
) -> Array:
    given, (x, weight, *rest) = x, operands(x, weight, *(() if bias is None else (bias,)))
    kernels = _kernels(weight, axes)
    if rest and rest[0].shape != weight.shape[: axes + 1]:
        raise ValueError(f"bias: expected shape {weight.shape[: axes + 1]}, got {rest[0].shape}")
    y = native.local2d(as_planes(x, axes), kernels, *(rest or [None]), *geometry, activation, threads())
    shape = (len(y), y.shape[1], *y.shape[4 - axes :])
    return y.reshape(shape[1:] if given.ndim == axes + 1 else shape)


def _local_back(step: Step, gradient: Array) -> list[Array | None]:
    axes, activation = step.options["axes"], step.options["activation"]
    x, weight, dy = operands(step.arrays[0], step.arrays[1], gradient)
    y = None if activation == "none" else as_planes(step.output, axes)
    dw, db = (*step.targets, None)[1:3]
    geometry, needs = step.options["geometry"], (*step.needs, False)[:3]
    found = native.local2d_backward(
        as_planes(x, axes), _kernels(weight, axes), as_planes(dy, axes), y, *geometry, activation, needs,
        None if dw is None else _kernels(dw, axes),
        None if db is None else db.reshape(_kernels(weight, axes).shape[:3]), threads(),
    )  # fmt: skip
    return [g if g is None else g.reshape(a.shape) for g, a in zip(found, step.arrays, strict=False)]


RULES["local"] = Rule("local", _local, _local_back)
