"""LeCun's networks for digits: of 1989, and LeNet-5."""

import math
from typing import Any

import numpy as np

from eckart.base.seeds import RandomState
from eckart.base.validation import check_option
from eckart.nn import functional as F
from eckart.nn import init, layers, ops
from eckart.nn.module import Module, Parameter
from eckart.nn.tensor import Tensor


class LeCun1989(Module):
    """The net of LeCun et al. 1989: (n, 1, 16, 16) in [-1, 1] becomes (n, 10) in (-1, 1); 9,760 parameters.

    H1: 12 maps of 8 x 8, each unit sees 5 x 5 pixels, stride 2; H2: 12 maps of 4 x 4, each sees 8 of H1's
    maps; then 30 and 10 units. Within a map weights are shared, biases are not. Outside the image lies -1,
    the background. Names of parameters, their first values, and which maps see which, are those of
    A. Karpathy's reproduction (2022); H3w and outw lie as those of Linear do, (out, in).
    """

    def __init__(self, *, random_state: RandomState = None) -> None:
        rng = init.stream(random_state)

        def weight(*shape: int, fan_in: int) -> Tensor:
            return Parameter(init.uniform(shape, 2.4 / math.sqrt(fan_in), rng))

        self.H1w = weight(12, 1, 5, 5, fan_in=25)
        self.H1b = Parameter(init.zeros((12, 8, 8)))
        self.H2w = weight(12, 8, 5, 5, fan_in=8 * 25)
        self.H2b = Parameter(init.zeros((12, 4, 4)))
        self.H3w = weight(30, 12 * 16, fan_in=12 * 16)
        self.H3b = Parameter(init.zeros((30,)))
        self.outw = weight(10, 30, fan_in=30)
        self.outb = Parameter(-init.ones((10,)))  # nine of ten targets are -1

    def forward(self, x: Any) -> Tensor:
        _check_images(x, (1, 16, 16))
        h1 = F.conv2d(_framed(x), self.H1w, self.H1b, stride=2, activation="tanh")  # (n, 12, 8, 8)
        seen = ops.take(_framed(h1), _SEEN, axis=1)  # 8 maps for each third of H2's
        h2 = F.conv2d(seen, self.H2w, self.H2b, stride=2, groups=3, activation="tanh")  # (n, 12, 4, 4)
        h3 = F.linear(ops.flatten(h2, 1), self.H3w, self.H3b, activation="tanh")  # (n, 30)
        return F.linear(h3, self.outw, self.outb, activation="tanh")

    def multiply_adds(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
        return inputs[0] * (12 * 64 * 25 + 12 * 16 * 8 * 25 + 12 * 16 * 30 + 30 * 10)


# Maps of H1 in their thirds a, b, c: a third of H2 sees a and b, the next b and c, the last a and c.
_SEEN = np.r_[0:8, 4:12, 0:4, 8:12]


def _check_images(x: Any, shape: tuple[int, ...]) -> None:
    if x.ndim != 4 or x.shape[1:] != shape:
        raise ValueError(f"x: expected images (n, {', '.join(map(str, shape))}), got shape {x.shape}")


def _framed(x: Any) -> Tensor:
    return ops.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)), value=-1)


class LeNet5(Module):
    """LeNet-5 (LeCun et al. 1998): (n, in_channels, 28, 28) becomes (n, n_classes) logits.

    By default as it is used today, with ReLU and max pooling; activation="tanh", pooling="average" are nearer
    to the original. Parameters: conv1, conv2, fc1, fc2, fc3.
    """

    def __init__(
        self, n_classes: int = 10, in_channels: int = 1, activation: str = "relu", pooling: str = "max", *,
        random_state: RandomState = None,
    ) -> None:  # fmt: skip
        rng = init.stream(random_state)
        self.activation = check_option(activation, "activation", ("relu", "tanh"))
        check_option(pooling, "pooling", ("max", "average"))
        self.in_channels = in_channels
        self.conv1 = layers.Conv2d(in_channels, 6, 5, padding=2, random_state=rng)
        self.pool = layers.MaxPool2d(2) if pooling == "max" else layers.AvgPool2d(2)
        self.conv2 = layers.Conv2d(6, 16, 5, random_state=rng)
        self.fc1 = layers.Linear(400, 120, random_state=rng)
        self.fc2 = layers.Linear(120, 84, random_state=rng)
        self.fc3 = layers.Linear(84, n_classes, random_state=rng)

    def forward(self, x: Any) -> Tensor:
        _check_images(x, (self.in_channels, 28, 28))
        f = self.activation
        x = self._pooled(self.conv1, x)  # (n, 6, 14, 14)
        x = ops.flatten(self._pooled(self.conv2, x), 1)  # (n, 16 5 5)
        return self.fc3(self.fc2(self.fc1(x, f), f))

    def _pooled(self, convolution: layers.Conv2d, x: Any) -> Tensor:
        if self.activation == "relu" and isinstance(self.pool, layers.MaxPool2d):
            return self.pool(convolution(x), "relu")  # ReLU commutes with the largest
        return self.pool(convolution(x, self.activation))
