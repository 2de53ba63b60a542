"""Pooling layers: the largest or the mean of each window. Options are those of functional.pooling."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from eckart.nn import functional as F
from eckart.nn.module import Module
from eckart.nn.tensor import Tensor

Sizes = int | Sequence[int]


class MaxPool2d(Module):
    """The largest of each window of (n, c, h, w); a stride below the kernel's size makes windows overlap."""

    function: ClassVar[Callable[..., Tensor]] = staticmethod(F.max_pool2d)

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.dilation, self.ceil_mode = dilation, ceil_mode

    def forward(self, x: Any) -> Tensor:
        return self.function(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class MaxPool1d(MaxPool2d):
    """The largest of each window of (n, c, length)."""

    function = staticmethod(F.max_pool1d)


class AvgPool2d(Module):
    """The mean of each window of (n, c, h, w)."""

    function: ClassVar[Callable[..., Tensor]] = staticmethod(F.avg_pool2d)

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Any) -> Tensor:
        return self.function(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class AvgPool1d(AvgPool2d):
    """The mean of each window of (n, c, length)."""

    function = staticmethod(F.avg_pool1d)


class AdaptiveAvgPool2d(Module):
    """Means over as many windows as asked for; 1 is the mean of the whole plane."""

    function: ClassVar[Callable[..., Tensor]] = staticmethod(F.adaptive_avg_pool2d)

    def __init__(self, output_size: Sizes) -> None:
        self.output_size = output_size

    def forward(self, x: Any) -> Tensor:
        return self.function(x, self.output_size)


class AdaptiveAvgPool1d(AdaptiveAvgPool2d):
    """Means over as many windows of a sequence as asked for."""

    function = staticmethod(F.adaptive_avg_pool1d)
