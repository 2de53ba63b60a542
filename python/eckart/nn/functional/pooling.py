"""Pooling: the largest or the mean of each window of a plane. PyTorch's names and meanings.

x : (n, c, h, w) or (c, h, w); for the functions of one axis (n, c, length) or (c, length)
kernel_size, stride, padding, dilation : one number for all axes, or one each; stride None is kernel_size
ceil_mode : windows that begin inside but end beyond the edge count too

Raises ValueError where shapes, types or options do not fit.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.validation import check_option
from eckart.nn.arrays import contiguous
from eckart.nn.functional._native import as_pair, operands, over_images, threads
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "max_pool1d",
    "max_pool2d",
]

Sizes = int | Sequence[int]


def max_pool2d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, activation: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the largest entry of each window; its gradient goes to the first of equal ones.

    activation : None, or "relu" of the result in the same pass, which is the pool of relu(x) for less work
    """
    return _max_pool(2, x, kernel_size, stride, padding, dilation, ceil_mode, activation)


def max_pool1d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, activation: str | None = None,
) -> Tensor:  # fmt: skip
    """Return :func:`max_pool2d` of sequences."""
    return _max_pool(1, x, kernel_size, stride, padding, dilation, ceil_mode, activation)


def avg_pool2d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """Return the mean of each window; the padding's zeros count, unless `count_include_pad` is False.

    divisor_override : the window's sum is divided by this instead
    """
    if divisor_override == 0:
        raise ValueError("divisor_override: expected another number than 0")
    return _avg_pool(
        2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, int(divisor_override or 0)
    )


def avg_pool1d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """Return the mean of each window of a sequence."""
    return _avg_pool(1, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def adaptive_avg_pool2d(x: Any, output_size: int | Sequence[int | None] | None) -> Tensor:
    """Return the means of as many windows as asked for; 1: the mean of the whole plane.

    output_size : None, for one axis or both, leaves it as it is. Window i of n covers rows i h // n to
        ceil((i + 1) h / n).
    """
    both = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    whole = np.shape(x)[-2:]
    size = as_pair([w if n is None else n for n, w in zip(both, whole, strict=False)], 2, "output_size", 1)
    return over_images(x, 2, lambda x: apply("adaptive_avg_pool", x, size=size))


def adaptive_avg_pool1d(x: Any, output_size: Sizes) -> Tensor:
    """Return the means of as many windows of a sequence as asked for."""
    size = as_pair(output_size, 1, "output_size", 1)
    return over_images(x, 1, lambda x: apply("adaptive_avg_pool", x, size=size))


def _max_pool(
    axes: int, x: Any, kernel: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes, ceil: bool,
    activation: str | None,
) -> Tensor:  # fmt: skip
    check_option(activation, "activation", (None, "relu"))
    windows = {**_windows(axes, kernel, stride, padding), "dilation": as_pair(dilation, axes, "dilation", 1)}
    windows["rectify"] = activation == "relu"
    return over_images(x, axes, lambda x: apply("max_pool", x, ceil=ceil, **windows))


def _avg_pool(
    axes: int, x: Any, kernel: Sizes, stride: Sizes | None, padding: Sizes, ceil: bool, padded: bool,
    divisor: int = 0,
) -> Tensor:  # fmt: skip
    windows = {**_windows(axes, kernel, stride, padding), "include_padding": padded, "divisor": divisor}
    return over_images(x, axes, lambda x: apply("avg_pool", x, ceil=ceil, **windows))


def _windows(axes: int, kernel: Sizes, stride: Sizes | None, padding: Sizes) -> dict[str, Any]:
    return {
        "kernel": as_pair(kernel, axes, "kernel_size", 1),
        "stride": as_pair(kernel if stride is None else stride, axes, "stride", 1),
        "padding": as_pair(padding, axes, "padding", 0),
    }


def _rule(name: str, forward: Any, backward: Any, names: Sequence[str] = ()) -> None:
    """Enter a kernel and that of its gradient, which takes what forward kept or options of these names."""

    def run(x: Array, **options: Any) -> Any:
        return forward(*operands(x), **options, threads=threads())

    def back(step: Step, gradient: Array) -> list[Array | None]:
        kept = {} if step.saved is None else {"places": step.saved}
        options = {name: step.options[name] for name in names}
        shape = step.arrays[0].shape[2:]
        return [backward(contiguous(gradient), **kept, shape=shape, **options, threads=threads())]

    RULES[name] = Rule(name, run, back)


_rule("max_pool", native.max_pool2d, native.max_pool2d_backward)
_rule("avg_pool", native.avg_pool2d, native.avg_pool2d_backward,
      ("kernel", "stride", "padding", "ceil", "include_padding", "divisor"))  # fmt: skip
_rule("adaptive_avg_pool", native.adaptive_avg_pool2d, native.adaptive_avg_pool2d_backward)
