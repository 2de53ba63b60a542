"""Layers that only arrange, or leave things out."""

from typing import Any

import numpy as np

from eckart.base.seeds import RandomState
from eckart.base.validation import check_float
from eckart.nn import functional as F
from eckart.nn import init, ops
from eckart.nn.module import Module
from eckart.nn.tensor import Tensor


class Identity(Module):
    """y = x."""

    def forward(self, x: Any) -> Any:
        return x


class Flatten(Module):
    """(n, a, b, ...) becomes (n, a b ...); `start_axis` is the first that is merged."""

    def __init__(self, start_axis: int = 1) -> None:
        self.start_axis = start_axis

    def forward(self, x: Any) -> Tensor:
        return ops.flatten(x, self.start_axis)


class Dropout(Module):
    """In training, each number is zero with probability p, the others grow by 1 / (1 - p).

    The stream (seed, calls so far) is a buffer of checkpoints: a resumed training drops the same numbers.
    """

    def __init__(self, p: float = 0.5, *, random_state: RandomState = None) -> None:
        self.p = check_float(p, "p", high=1.0)
        seed = int(init.stream(random_state).integers(2**62))
        self.register_buffer("stream", np.array([seed, 0], np.int64), persistent=False)

    def forward(self, x: Any) -> Tensor:
        return F.dropout(x, self.p, self.training, stream=self.stream)
