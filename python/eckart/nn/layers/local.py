"""Locally connected layers: between the dense layer and the convolution."""

import math
from typing import Any, ClassVar

from eckart.base.seeds import RandomState
from eckart.base.validation import check_int
from eckart.nn import functional as F
from eckart.nn import init
from eckart.nn.layers.convolution import Sizes, as_sizes
from eckart.nn.module import Module, Parameter, takes
from eckart.nn.tensor import Tensor


class _LocallyConnected(Module):
    """What those of one and two axes share; input_size is that of the images, without channels."""

    axes: ClassVar[int]

    def __init__(
        self, in_channels: int, out_channels: int, input_size: Sizes, kernel_size: Sizes, stride: Sizes = 1,
        padding: Sizes = 0, dilation: Sizes = 1, bias: bool = True, *, random_state: RandomState = None,
    ) -> None:  # fmt: skip
        self.in_channels = check_int(in_channels, "in_channels")
        self.out_channels = check_int(out_channels, "out_channels")
        self.input_size = as_sizes(input_size, self.axes, "input_size")
        self.kernel_size = as_sizes(kernel_size, self.axes, "kernel_size")
        self.stride = as_sizes(stride, self.axes, "stride")
        self.padding = as_sizes(padding, self.axes, "padding", 0)
        self.dilation = as_sizes(dilation, self.axes, "dilation")
        windows = zip(
            self.input_size, self.kernel_size, self.stride, self.padding, self.dilation, strict=True
        )  # fmt: skip
        places = tuple([(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in windows])
        if min(places) < 1:
            raise ValueError(
                f"kernel_size: expected at most the padded {self.input_size}, got {self.kernel_size}"
            )
        rng, fan_in = init.stream(random_state), in_channels * math.prod(self.kernel_size)
        shape = (*places, out_channels, in_channels, *self.kernel_size)
        self.weight = Parameter(init.default_weight(shape, fan_in, rng))
        self.bias = Parameter(init.default_weight((*places, out_channels), fan_in, rng)) if bias else None

    def multiply_adds(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
        return inputs[0] * self.weight.size


class LocallyConnected2d(_LocallyConnected):
    """:func:`functional.local2d` of images: weight (oh, ow, out, in, kh, kw), bias (oh, ow, out)."""

    axes = 2

    @takes("relu", "tanh", "sigmoid")
    def forward(self, x: Any, activation: str | None = None) -> Tensor:
        """Return f of the sums, f None, "relu", "tanh" or "sigmoid", in one pass."""
        windows = self.stride, self.padding, self.dilation
        return F.local2d(x, self.weight, self.bias, *windows, activation)


class LocallyConnected1d(_LocallyConnected):
    """:func:`functional.local1d` of sequences: weight (places, out, in, k), bias (places, out)."""

    axes = 1

    @takes("relu", "tanh", "sigmoid")
    def forward(self, x: Any, activation: str | None = None) -> Tensor:
        """Return f of the sums, f None, "relu", "tanh" or "sigmoid", in one pass."""
        windows = self.stride, self.padding, self.dilation
        return F.local1d(x, self.weight, self.bias, *windows, activation)
