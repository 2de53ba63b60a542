"""Pooling: the largest or the mean of each window of a plane. PyTorch's names and meanings.

x : (n, c, h, w) or (c, h, w); for the functions of one axis (n, c, length) or (c, length)
kernel_size, stride, padding, dilation : one number for all axes, or one each; stride None is kernel_size
ceil_mode : windows that begin inside but end beyond the edge count too

Raises ValueError where shapes, types or options do not fit.
"""

from collections.abc import Sequence
from typing import Any

from eckart._native import nn as native
from eckart.nn.functional._native import as_pair, as_planes, operands, threads
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
    ceil_mode: bool = False,
) -> Tensor:  # fmt: skip
    """Return the largest entry of each window; its gradient goes to the first of equal ones."""
    return apply("max_pool", x, axes=2, dilation=as_pair(dilation, 2, "dilation", 1), ceil=ceil_mode,
                 **_windows(2, kernel_size, stride, padding))  # fmt: skip


def max_pool1d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> Tensor:  # fmt: skip
    """Return the largest entry of each window of a sequence."""
    return apply("max_pool", x, axes=1, dilation=as_pair(dilation, 1, "dilation", 1), ceil=ceil_mode,
                 **_windows(1, kernel_size, stride, padding))  # fmt: skip


def avg_pool2d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """Return the mean of each window; the padding's zeros count, unless `count_include_pad` is False."""
    return apply("avg_pool", x, axes=2, ceil=ceil_mode, include_padding=count_include_pad,
                 **_windows(2, kernel_size, stride, padding))  # fmt: skip


def avg_pool1d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """Return the mean of each window of a sequence."""
    return apply("avg_pool", x, axes=1, ceil=ceil_mode, include_padding=count_include_pad,
                 **_windows(1, kernel_size, stride, padding))  # fmt: skip


def adaptive_avg_pool2d(x: Any, output_size: Sizes) -> Tensor:
    """Return the means of as many windows as asked for; 1: the mean of the whole plane.

    Window i of n covers rows i h // n to ceil((i + 1) h / n).
    """
    return apply("adaptive_avg_pool", x, axes=2, size=as_pair(output_size, 2, "output_size", 1))


def adaptive_avg_pool1d(x: Any, output_size: Sizes) -> Tensor:
    """Return the means of as many windows of a sequence as asked for."""
    return apply("adaptive_avg_pool", x, axes=1, size=as_pair(output_size, 1, "output_size", 1))


def _windows(axes: int, kernel: Sizes, stride: Sizes | None, padding: Sizes) -> dict[str, tuple[int, int]]:
    return {
        "kernel": as_pair(kernel, axes, "kernel_size", 1),
        "stride": as_pair(kernel if stride is None else stride, axes, "stride", 1),
        "padding": as_pair(padding, axes, "padding", 0),
    }


def _forward(kernel: Any, x: Array, axes: int, options: dict[str, Any]) -> Any:
    """Return the kernel's result with x's axes; a second one, for the way back, as it is."""
    result = kernel(as_planes(operands(x)[0], axes), **options, threads=threads())
    y, kept = result if isinstance(result, tuple) else (result, None)
    return y.reshape(*x.shape[:-axes], *y.shape[4 - axes :]), kept


def _backward(kernel: Any, names: Sequence[str]) -> Any:
    def backward(step: Step, gradient: Array) -> list[Array | None]:
        axes = step.options["axes"]
        dy = as_planes(operands(gradient)[0], axes)
        kept = {} if step.saved is None else {"places": step.saved}
        shape = (1, *step.arrays[0].shape[-axes:])[-2:]
        options = {name: step.options[name] for name in names}
        return [kernel(dy, **kept, shape=shape, **options, threads=threads()).reshape(step.arrays[0].shape)]

    return backward


def _rule(name: str, forward: Any, backward: Any, names: Sequence[str] = ()) -> None:
    def run(x: Array, *, axes: int, **options: Any) -> Any:
        return _forward(forward, x, axes, options)

    RULES[name] = Rule(name, run, _backward(backward, names))


_rule("max_pool", native.max_pool2d, native.max_pool2d_backward)
_rule("avg_pool", native.avg_pool2d, native.avg_pool2d_backward,
      ("kernel", "stride", "padding", "ceil", "include_padding"))  # fmt: skip
_rule("adaptive_avg_pool", native.adaptive_avg_pool2d, native.adaptive_avg_pool2d_backward)
