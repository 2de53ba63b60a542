"""Normalisation layers. Parameters, buffers and defaults are PyTorch's."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from eckart.base.validation import check_bool, check_float, check_int
from eckart.nn import functional as F
from eckart.nn import init
from eckart.nn.module import Module, Parameter, takes
from eckart.nn.states import count
from eckart.nn.tensor import Tensor


class _BatchNorm(Module):
    """In training, each channel gets mean 0 and variance 1 over the batch; in use, by running averages.

    Then it is scaled by weight and shifted by bias (Ioffe and Szegedy 2015).
    """

    axes: ClassVar[tuple[int, ...]]

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True
    ) -> None:
        self.num_features = check_int(num_features, "num_features")
        self.eps = check_float(eps, "eps")
        self.momentum = check_float(momentum, "momentum", high=1.0)
        self.weight = Parameter(init.ones((num_features,))) if affine else None
        self.bias = Parameter(init.zeros((num_features,))) if affine else None
        self.register_buffer("running_mean", init.zeros((num_features,)))
        self.register_buffer("running_var", init.ones((num_features,)))
        self.register_buffer("num_batches_tracked", np.array(0, np.int64))

    @takes("relu")
    def forward(self, x: Any, activation: str | None = None) -> Tensor:
        """Return f of the normalised x, f None or "relu", in one pass."""
        if len(x.shape) not in self.axes or x.shape[1] != self.num_features:
            axes = " or ".join(map(str, self.axes))
            raise ValueError(f"x: expected {self.num_features} channels in {axes} axes, got shape {x.shape}")
        if self.training:
            count(self.num_batches_tracked)
        averages, options = (self.running_mean, self.running_var), (self.momentum, self.eps, activation)
        return F.batch_norm(x, *averages, self.weight, self.bias, self.training, *options)


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (n, channels) or (n, channels, length)."""

    axes = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (n, channels, h, w)."""

    axes = (4,)


def _as_shape(value: int | Sequence[int]) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    return tuple([check_int(v, "normalized_shape") for v in values])


class LayerNorm(Module):
    """Mean 0 and variance 1 over the last axes of each example (Ba et al. 2016)."""

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:  # fmt: skip
        self.normalized_shape, self.eps = _as_shape(normalized_shape), check_float(eps, "eps")
        affine = check_bool(elementwise_affine, "elementwise_affine")
        self.weight = Parameter(init.ones(self.normalized_shape)) if affine else None
        self.bias = Parameter(init.zeros(self.normalized_shape)) if affine and bias else None

    def forward(self, x: Any) -> Tensor:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, eps=self.eps)


class RMSNorm(Module):
    """Mean square 1 over the last axes, scaled by weight (Zhang and Sennrich 2019).

    eps : None is the smallest step of the input's type.
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None, elementwise_affine: bool = True
    ) -> None:
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = None if eps is None else check_float(eps, "eps")
        affine = check_bool(elementwise_affine, "elementwise_affine")
        self.weight = Parameter(init.ones(self.normalized_shape)) if affine else None

    def forward(self, x: Any) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, eps=self.eps)


class GroupNorm(Module):
    """Mean 0 and variance 1 over each group of channels of each example (Wu and He 2018)."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        self.num_groups, self.eps = check_int(num_groups, "num_groups"), check_float(eps, "eps")
        if check_int(num_channels, "num_channels") % num_groups:
            raise ValueError(f"num_groups: expected a divisor of {num_channels} channels, got {num_groups}")
        self.num_channels = num_channels
        self.weight = Parameter(init.ones((num_channels,))) if affine else None
        self.bias = Parameter(init.zeros((num_channels,))) if affine else None

    def forward(self, x: Any) -> Tensor:
        return F.group_norm(x, self.num_groups, self.weight, self.bias, eps=self.eps)


class LocalResponseNorm(Module):
    """x / (k + alpha / size sum of neighbouring channels' squares)^beta (Krizhevsky et al. 2012)."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size = check_int(size, "size")
        self.alpha, self.beta, self.k = alpha, beta, k

    def forward(self, x: Any) -> Tensor:
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)
