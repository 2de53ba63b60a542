"""Convolutions, in PyTorch's layouts: images (n, channels, h, w), weights (out, in / groups, kh, kw)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.nn.functional._native import as_given, as_pair, as_planes, like, operands, threads
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]

Sizes = int | Sequence[int]


def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes | str = 0, dilation: Sizes = 1,
    groups: int = 1, activation: str | None = None,
) -> Tensor:  # fmt: skip
    """Return f(w * x + b): the cross-correlation that networks call convolution.

    x : (n, in, h, w) or one image (in, h, w); weight : (out, in / groups, kh, kw); bias : (out,), or
        (out, oh, ow) where each position has its own (LeCun et al. 1989), or None
    padding : zeros on both sides of an axis; or "valid" (none), or "same" (as many positions out as in)
    groups : output channels of a group see the input channels of that group
    activation : None, "relu", "tanh" or "sigmoid", computed in the same pass

    Returns (n, out, oh, ow), oh = (h + 2 padding - dilation (kh - 1) - 1) // stride + 1. Raises ValueError
    where shapes, types or options do not fit.
    """
    return _apply("convolution", x, weight, bias, axes=2, stride=stride, padding=padding, dilation=dilation,
                  groups=groups, activation=activation or "none")  # fmt: skip


def conv1d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes | str = 0, dilation: Sizes = 1,
    groups: int = 1, activation: str | None = None,
) -> Tensor:  # fmt: skip
    """Return :func:`conv2d` of sequences: x (n, in, length) or (in, length), weight (out, in / groups, k)."""
    return _apply("convolution", x, weight, bias, axes=1, stride=stride, padding=padding, dilation=dilation,
                  groups=groups, activation=activation or "none")  # fmt: skip


def conv_transpose2d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes = 0, output_padding: Sizes = 0,
    groups: int = 1, dilation: Sizes = 1,
) -> Tensor:  # fmt: skip
    """Return the transposed of a convolution, applied to x: what its gradient would be, plus b.

    x : (n, in, h, w) or (in, h, w); weight : (in, out / groups, kh, kw); bias : (out,) or None
    stride, padding, dilation : of the convolution that leads back from the result to x
    output_padding : rows and columns beyond the fewest that lead to x's shape; less than stride or dilation

    Returns (n, out, oh, ow), oh = (h - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1.
    """
    return _apply("transposed convolution", x, weight, bias, axes=2, stride=stride, padding=padding,
                  dilation=dilation, groups=groups, output_padding=output_padding)  # fmt: skip


def conv_transpose1d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes = 0, output_padding: Sizes = 0,
    groups: int = 1, dilation: Sizes = 1,
) -> Tensor:  # fmt: skip
    """Return :func:`conv_transpose2d` of sequences: x (n, in, length), weight (in, out / groups, k)."""
    return _apply("transposed convolution", x, weight, bias, axes=1, stride=stride, padding=padding,
                  dilation=dilation, groups=groups, output_padding=output_padding)  # fmt: skip


def _apply(name: str, x: Any, weight: Any, bias: Any, **options: Any) -> Tensor:
    for key, value in options.items():
        if isinstance(value, (list, np.ndarray)):
            options[key] = tuple(value)
    return apply(name, x, weight, bias, **options)


@lru_cache(maxsize=256)  # small networks would spend as long here as in their kernels
def _geometry(
    kernel: tuple[int, ...], axes: int, stride: Sizes, padding: Sizes | str, dilation: Sizes, groups: int
) -> Any:
    """Return (stride, margins: top, left, bottom, right, dilation, groups) as the kernels have them."""
    steps, spread = as_pair(stride, axes, "stride", 1), as_pair(dilation, axes, "dilation", 1)
    if not isinstance(padding, str):
        return steps, as_pair(padding, axes, "padding", 0) * 2, spread, groups
    if padding not in ("same", "valid"):
        raise ValueError(f"padding: expected numbers, 'same' or 'valid', got {padding!r}")
    if padding == "valid":
        return steps, (0, 0, 0, 0), spread, groups
    if steps != (1, 1):
        raise ValueError(f"padding: expected numbers for a stride of {stride}, got 'same'")
    total = [d * (k - 1) for d, k in zip(spread, kernel, strict=True)]
    before = [n // 2 for n in total]
    return steps, (*before, *[n - b for n, b in zip(total, before, strict=True)]), spread, groups


def _kernels(weight: Array, axes: int) -> Array:
    if weight.ndim != axes + 2:
        raise ValueError(f"weight: expected {axes + 2} dimensions, got shape {weight.shape}")
    return weight if axes == 2 else weight[:, :, None]


def _convolve(
    x: Array, weight: Array, bias: Array | None, *, axes: int, activation: str, **sizes: Any
) -> tuple[Array, Any]:
    given, (x, weight, bias) = x, operands(x, weight, bias)
    x, weight = as_planes(x, axes), _kernels(weight, axes)
    geometry = _geometry(weight.shape[2:], axes, **sizes)
    own = bias is not None and bias.ndim > 1  # for each position
    bias = bias if not own or axes == 2 else bias[:, None]
    y = native.conv2d(x, weight, bias, *geometry, activation, threads())
    return as_given(y, given, axes), (x, weight, geometry, own)


def _convolve_back(step: Step, gradient: Array) -> list[Array | None]:
    axes, activation = step.options["axes"], step.options["activation"]
    x, weight, geometry, own = step.saved
    dy = as_planes(*operands(gradient), axes)
    y = None if activation == "none" else as_planes(step.output, axes)
    dw, db = step.target(1), step.target(2)
    dw = dw if dw is None else _kernels(dw, axes)
    db = db[:, None] if own and axes == 1 and db is not None else db
    return like(native.conv2d_backward(
        x, weight, dy, y, *geometry, activation, step.needs, dw, db, threads(), own
    ), step.arrays)  # fmt: skip


def _transpose(
    x: Array, weight: Array, bias: Array | None, *, axes: int, output_padding: Sizes, **sizes: Any
) -> tuple[Array, Any]:
    given, (x, weight, bias) = x, operands(x, weight, bias)
    x, weight = as_planes(x, axes), _kernels(weight, axes)
    steps, margins, spread, groups = _geometry(weight.shape[2:], axes, **sizes)
    extra = as_pair(output_padding, axes, "output_padding", 0)
    if any(not 0 <= e < max(s, d) for e, s, d in zip(extra, steps, spread, strict=True)):
        raise ValueError(f"output_padding: expected less than stride or dilation, got {output_padding}")
    shape = [
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(
            x.shape[2:], steps, margins, spread, weight.shape[2:], extra, strict=False
        )
    ]
    # What is appended after the end, the convolution that leads back does not reach.
    margins = (*margins[:2], margins[0] - extra[0], margins[1] - extra[1])
    geometry = steps, margins, spread, groups
    full = (len(x), weight.shape[1] * groups, *shape)
    y = native.conv2d_transposed(x, weight, bias, full, *geometry, "none", threads())
    return as_given(y, given, axes), (x, weight, geometry)


def _transpose_back(step: Step, gradient: Array) -> list[Array | None]:
    axes, target = step.options["axes"], step.target(1)
    x, weight, geometry = step.saved
    dy = as_planes(*operands(gradient), axes)
    found: list[Array | None] = [None] * 3
    if step.needs[0]:
        found[0] = native.conv2d(dy, weight, None, *geometry, "none", threads())
    if step.needs[1]:
        _, found[1], _ = native.conv2d_backward(
            dy, weight, x, None, *geometry, "none", (False, True, False),
            None if target is None else _kernels(target, axes), None, threads(),
        )  # fmt: skip
    if step.needs[2]:
        found[2] = dy.sum(axis=(0, 2, 3))
    return like(found, step.arrays)


RULES["convolution"] = Rule("convolution", _convolve, _convolve_back, optional=1)
RULES["transposed convolution"] = Rule("transposed convolution", _transpose, _transpose_back, optional=1)
