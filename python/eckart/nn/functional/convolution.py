"""Convolutions, in PyTorch's layouts: images (n, channels, h, w), weights (out, in / groups, kh, kw)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.nn.arrays import contiguous
from eckart.nn.functional._native import as_pair, operands, over_images, threads
from eckart.nn.ops import expand_dims
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
    geometry = _geometry(weight, 2, stride, padding, dilation, groups)
    options = {"geometry": geometry, "activation": activation or "none"}
    return over_images(x, 2, lambda x: apply("convolution", x, weight, bias, **options))


def conv1d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes | str = 0, dilation: Sizes = 1,
    groups: int = 1, activation: str | None = None,
) -> Tensor:  # fmt: skip
    """Return :func:`conv2d` of sequences: x (n, in, length) or (in, length), weight (out, in / groups, k)."""
    geometry = _geometry(weight, 1, stride, padding, dilation, groups)
    options = {"geometry": geometry, "activation": activation or "none"}
    weight, bias = _of_rows(weight, bias)
    return over_images(x, 1, lambda x: apply("convolution", x, weight, bias, **options))


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
    geometry = _geometry(weight, 2, stride, padding, dilation, groups)
    options = {"geometry": geometry, "extra": as_pair(output_padding, 2, "output_padding", 0)}
    return over_images(x, 2, lambda x: apply("transposed convolution", x, weight, bias, **options))


def conv_transpose1d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes = 0, output_padding: Sizes = 0,
    groups: int = 1, dilation: Sizes = 1,
) -> Tensor:  # fmt: skip
    """Return :func:`conv_transpose2d` of sequences: x (n, in, length), weight (in, out / groups, k)."""
    geometry = _geometry(weight, 1, stride, padding, dilation, groups)
    options = {"geometry": geometry, "extra": as_pair(output_padding, 1, "output_padding", 0)}
    weight, bias = _of_rows(weight, bias)
    return over_images(x, 1, lambda x: apply("transposed convolution", x, weight, bias, **options))


def _of_rows(weight: Any, bias: Any) -> tuple[Tensor, Any]:
    """Return the weight of sequences, and a bias for each of their positions, as images of one row have."""
    return expand_dims(weight, 2), expand_dims(bias, 1) if bias is not None and np.ndim(bias) == 2 else bias


def _geometry(weight: Any, axes: int, *options: Any) -> Any:
    """Return (stride, margins: top, left, bottom, right, dilation, groups) as the kernels have them."""
    kernel = np.shape(weight)[2:]
    if len(kernel) != axes:
        raise ValueError(f"weight: expected {axes + 2} dimensions, got shape {np.shape(weight)}")
    try:
        return _windows(kernel, *options)
    except TypeError:  # lists have no hash
        return _windows(kernel, *[tuple(o) if isinstance(o, (list, np.ndarray)) else o for o in options])


@lru_cache(maxsize=256)  # small networks would spend as long here as in their kernels
def _windows(
    kernel: tuple[int, ...], stride: Sizes, padding: Sizes | str, dilation: Sizes, groups: int
) -> Any:
    axes = len(kernel)
    steps, spread = as_pair(stride, axes, "stride", 1), as_pair(dilation, axes, "dilation", 1)
    if not isinstance(padding, str):
        return steps, as_pair(padding, axes, "padding", 0) * 2, spread, groups
    if padding not in ("same", "valid"):
        raise ValueError(f"padding: expected numbers, 'same' or 'valid', got {padding!r}")
    if padding == "valid":
        return steps, (0, 0, 0, 0), spread, groups
    if steps != (1, 1):
        raise ValueError(f"padding: expected numbers for a stride of {stride}, got 'same'")
    total = [d * (k - 1) for d, k in zip(spread, (1, *kernel)[-2:], strict=True)]
    before = [n // 2 for n in total]
    return steps, (*before, *[n - b for n, b in zip(total, before, strict=True)]), spread, groups


def _convolve(
    x: Array, weight: Array, bias: Array | None, geometry: Any, activation: str
) -> tuple[Array, Any]:
    x, weight, bias = operands(x, weight, bias)
    return native.conv2d(x, weight, bias, *geometry, activation, threads()), (x, weight)


def _convolve_back(step: Step, gradient: Array) -> Sequence[Array | None]:
    (x, weight), bias, activation = step.saved, step.arrays[2], step.options["activation"]
    return native.conv2d_backward(
        x, weight, contiguous(gradient), None if activation == "none" else step.output,
        *step.options["geometry"], activation, step.needs, step.target(1), step.target(2), threads(),
        bias is not None and bias.ndim > 1,
    )  # fmt: skip


def _transpose(
    x: Array, weight: Array, bias: Array | None, geometry: Any, extra: tuple[int, int]
) -> tuple[Array, Any]:
    x, weight, bias = operands(x, weight, bias)
    steps, margins, spread, groups = geometry
    if any(not 0 <= e < max(s, d) for e, s, d in zip(extra, steps, spread, strict=True)):
        raise ValueError(f"output_padding: expected less than stride or dilation, got {extra}")
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
    return native.conv2d_transposed(x, weight, bias, full, *geometry, "none", threads()), (
        x,
        weight,
        geometry,
    )


def _transpose_back(step: Step, gradient: Array) -> Sequence[Array | None]:
    (x, weight, geometry), dy = step.saved, contiguous(gradient)
    found: list[Array | None] = [None] * 3
    if step.needs[0]:
        found[0] = native.conv2d(dy, weight, None, *geometry, "none", threads())
    if step.needs[1]:
        needs, target = (False, True, False), step.target(1)
        found[1] = native.conv2d_backward(
            dy, weight, x, None, *geometry, "none", needs, target, None, threads()
        )[1]
    if step.needs[2]:
        found[2] = dy.sum(axis=(0, 2, 3))
    return found


RULES["convolution"] = Rule("convolution", _convolve, _convolve_back, optional=1)
RULES["transposed convolution"] = Rule("transposed convolution", _transpose, _transpose_back, optional=1)
