"""Pooling layers: the largest or the mean of each window. Options are those of functional.pooling."""

from collections.abc import Callable
from typing import Any, ClassVar

from eckart.base.validation import check_bool
from eckart.nn import functional as F
from eckart.nn.layers.convolution import Sizes, as_sizes
from eckart.nn.module import Module, takes
from eckart.nn.tensor import Tensor


class _Windows(Module):
    """What pooling by windows shares: the stride is the kernel's size unless it is given."""

    axes: ClassVar[int] = 2

    def __init__(self, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, ceil_mode: bool) -> None:
        self.kernel_size = as_sizes(kernel_size, self.axes, "kernel_size")
        self.stride = self.kernel_size if stride is None else as_sizes(stride, self.axes, "stride")
        self.padding = as_sizes(padding, self.axes, "padding", 0)
        self.ceil_mode = check_bool(ceil_mode, "ceil_mode")


class MaxPool2d(_Windows):
    """The largest of each window of (n, c, h, w); a stride below the kernel's size makes windows overlap."""

    function: ClassVar[Callable[..., Tensor]] = staticmethod(F.max_pool2d)

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.dilation = as_sizes(dilation, self.axes, "dilation")

    @takes("relu")
    def forward(self, x: Any, activation: str | None = None) -> Tensor:
        """Return f of the largest ones, f None or "relu", in one pass."""
        windows = self.kernel_size, self.stride, self.padding, self.dilation
        return self.function(x, *windows, self.ceil_mode, activation)


class MaxPool1d(MaxPool2d):
    """The largest of each window of (n, c, length)."""

    axes = 1
    function = staticmethod(F.max_pool1d)


class AvgPool2d(_Windows):
    """The mean of each window of (n, c, h, w)."""

    function: ClassVar[Callable[..., Tensor]] = staticmethod(F.avg_pool2d)

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = check_bool(count_include_pad, "count_include_pad")

    def forward(self, x: Any) -> Tensor:
        return self.function(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class AvgPool1d(AvgPool2d):
    """The mean of each window of (n, c, length)."""

    axes = 1
    function = staticmethod(F.avg_pool1d)


class AdaptiveAvgPool2d(Module):
    """Means over as many windows as asked for; 1 is the mean of the whole plane."""

    axes: ClassVar[int] = 2
    function: ClassVar[Callable[..., Tensor]] = staticmethod(F.adaptive_avg_pool2d)

    def __init__(self, output_size: Sizes) -> None:
        self.output_size = as_sizes(output_size, self.axes, "output_size")

    def forward(self, x: Any) -> Tensor:
        return self.function(x, self.output_size)


class AdaptiveAvgPool1d(AdaptiveAvgPool2d):
    """Means over as many windows of a sequence as asked for."""

    axes = 1
    function = staticmethod(F.adaptive_avg_pool1d)
