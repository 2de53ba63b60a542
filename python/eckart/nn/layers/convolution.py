"""Convolutions and their transposes: one small set of weights, at every place."""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from eckart.base.seeds import RandomState
from eckart.base.validation import check_int, check_option
from eckart.nn import functional as F
from eckart.nn import init
from eckart.nn.module import Module, Parameter, takes
from eckart.nn.tensor import Tensor

Sizes = int | Sequence[int]


def as_sizes(value: Sizes, axes: int, name: str, low: int = 1) -> tuple[int, ...]:
    """Return one number per axis; ValueError that names what came."""
    values = (value,) * axes if not isinstance(value, Sequence) else tuple(value)
    if len(values) != axes:
        raise ValueError(f"{name}: expected a number or {axes}, got {value!r}")
    return tuple([check_int(v, name, low=low) for v in values])


def as_padding(value: Sizes | str, axes: int, stride: tuple[int, ...]) -> tuple[int, ...] | str:
    """Return numbers per axis, "valid", or "same", which there is for a stride of 1 alone."""
    if not isinstance(value, str):
        return as_sizes(value, axes, "padding", 0)
    check_option(value, "padding", ("valid", "same"))
    if value == "same" and max(stride) > 1:
        raise ValueError(f"padding: expected numbers for a stride of {stride}, got 'same'")
    return value


class _Kernels(Module):
    """What convolutions and their transposes, of one and two axes, have in common."""

    axes: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]
    transposed: ClassVar[bool] = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes, padding: Sizes | str,
        dilation: Sizes, groups: int, bias: bool, random_state: RandomState,
    ) -> None:  # fmt: skip
        self.in_channels = check_int(in_channels, "in_channels")
        self.out_channels = check_int(out_channels, "out_channels")
        self.kernel_size = as_sizes(kernel_size, self.axes, "kernel_size")
        self.stride = as_sizes(stride, self.axes, "stride")
        self.padding = as_padding(padding, self.axes, self.stride)
        self.dilation = as_sizes(dilation, self.axes, "dilation")
        self.groups = check_int(groups, "groups")
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"groups: expected a divisor of {in_channels} and {out_channels} channels, got {groups}"
            )
        ends = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (ends[0], ends[1] // groups, *self.kernel_size)
        fan_in, rng = math.prod(shape[1:]), init.stream(random_state)
        self.weight = Parameter(init.default_weight(shape, fan_in, rng))
        self.bias = Parameter(init.default_weight((out_channels,), fan_in, rng)) if bias else None

    def multiply_adds(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
        # each number of the side that the kernels sit on takes (or gives) one kernel
        return math.prod(inputs if self.transposed else outputs) * math.prod(self.weight.shape[1:])


class _Convolution(_Kernels):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1,
        padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True, *,
        random_state: RandomState = None,
    ) -> None:  # fmt: skip
        window = kernel_size, stride, padding, dilation
        super().__init__(in_channels, out_channels, *window, groups, bias, random_state)

    @takes("relu", "tanh", "sigmoid")
    def forward(self, x: Any, activation: str | None = None) -> Tensor:
        """Return f(w * x + b), f None, "relu", "tanh" or "sigmoid", in one pass."""
        window = self.stride, self.padding, self.dilation, self.groups
        return self.function(x, self.weight, self.bias, *window, activation)


class Conv2d(_Convolution):
    """:func:`functional.conv2d` of images (n, in, h, w); weight (out, in / groups, kh, kw), bias (out,)."""

    axes = 2
    function = staticmethod(F.conv2d)


class Conv1d(_Convolution):
    """:func:`functional.conv1d` of sequences (n, in, length); weight (out, in / groups, k), bias (out,)."""

    axes = 1
    function = staticmethod(F.conv1d)


class _Transpose(_Kernels):
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1, padding: Sizes = 0,
        output_padding: Sizes = 0, groups: int = 1, bias: bool = True, dilation: Sizes = 1, *,
        random_state: RandomState = None,
    ) -> None:  # fmt: skip
        if isinstance(padding, str):
            raise ValueError(f"padding: expected numbers, got {padding!r}")
        window = kernel_size, stride, padding, dilation
        super().__init__(in_channels, out_channels, *window, groups, bias, random_state)
        self.output_padding = as_sizes(output_padding, self.axes, "output_padding", 0)

    def forward(self, x: Any) -> Tensor:
        window = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return self.function(x, self.weight, self.bias, *window)


class ConvTranspose2d(_Transpose):
    """:func:`functional.conv_transpose2d` of images; weight (in, out / groups, kh, kw), bias (out,)."""

    axes = 2
    function = staticmethod(F.conv_transpose2d)


class ConvTranspose1d(_Transpose):
    """:func:`functional.conv_transpose1d` of sequences; weight (in, out / groups, k), bias (out,)."""

    axes = 1
    function = staticmethod(F.conv_transpose1d)
