"""Operations on each number whose insides are native: the function, and its derivative times a gradient."""

from collections.abc import Callable

import numpy as np

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.arrays import FLOATS, Array, contiguous


def floating(x: Array) -> Array:
    """Return x C-contiguous, in float64 unless it is float32."""
    return contiguous(np.asarray(x, dtype=x.dtype if x.dtype in FLOATS else np.float64))


def elementwise(name: str) -> tuple[Callable[[Array], Array], Callable[[Array, Array, Array], Array]]:
    """Return f(x) and (g, y, x) -> g f'(x) of a function that the native module knows by name."""

    def forward(x: Array) -> Array:
        return native.elementwise(name, floating(x), get_num_threads())

    def backward(g: Array, y: Array, x: Array) -> Array:
        return native.elementwise_backward(name, floating(x), y, contiguous(g), get_num_threads())

    return forward, backward
