"""The dense layer: every output sees every input."""

import math
from typing import Any

from eckart.base.seeds import RandomState
from eckart.base.validation import check_int
from eckart.nn import functional as F
from eckart.nn import init
from eckart.nn.module import Module, Parameter, takes
from eckart.nn.tensor import Tensor


class Linear(Module):
    """y = x W' + b: x (..., in_features), weight (out_features, in_features), bias (out_features,)."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, random_state: RandomState = None
    ) -> None:
        self.in_features = check_int(in_features, "in_features")
        self.out_features = check_int(out_features, "out_features")
        rng = init.stream(random_state)
        self.weight = Parameter(init.default_weight((out_features, in_features), in_features, rng))
        self.bias = Parameter(init.default_weight((out_features,), in_features, rng)) if bias else None

    @takes("relu", "tanh", "sigmoid")
    def forward(self, x: Any, activation: str | None = None) -> Tensor:
        """Return f(x W' + b), f None, "relu", "tanh" or "sigmoid", in one pass."""
        return F.linear(x, self.weight, self.bias, activation)

    def multiply_adds(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
        return math.prod(outputs) * self.in_features
