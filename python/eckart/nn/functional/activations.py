"""Activations. softmax, log_softmax and glu work along `axis`; the other names are PyTorch's."""

from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.ops import chunk, define, multiply, sigmoid, tanh
from eckart.nn.ops.kernels import elementwise, floating
from eckart.nn.tensor import RULES, Array, Tensor

__all__ = [
    "elu", "gelu", "glu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax",
    "logsigmoid", "mish",
    "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh",
]  # fmt: skip
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017
_sigmoid, _log_one_more = RULES["sigmoid"].forward, elementwise("softplus")[0]
_GELU = {"none": elementwise("gelu"), "tanh": elementwise("gelu_tanh")}


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    return np.where(x * beta > threshold, x, _log_one_more(x * beta) / beta)


def _softplus_slope(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    return np.where(x * beta > threshold, 1, _sigmoid(x * beta))


def _hardtanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    if min_val > max_val:
        raise ValueError(f"min_val: expected a number <= max_val = {max_val}, got {min_val}")
    return np.clip(x, min_val, max_val)


def _mish_back(g: Array, y: Array, x: Array) -> Array:
    t = np.tanh(_softplus(x))
    return g * (t + x * (1 - t * t) * _sigmoid(x))


def _gelu(x: Array, approximate: str = "none") -> Array:
    if approximate not in _GELU:
        raise ValueError(f"approximate: expected 'none' or 'tanh', got {approximate!r}")
    return _GELU[approximate][0](x)


def _rows(x: Array, axis: int) -> Array:
    return floating(x if axis in (-1, x.ndim - 1) else np.moveaxis(x, axis, -1))


def _softmax(x: Array, axis: int, logarithm: bool) -> Array:
    y = native.softmax(_rows(x, axis), logarithm, get_num_threads())
    return y if axis in (-1, x.ndim - 1) else np.moveaxis(y, -1, axis)


def _softmax_back(g: Array, y: Array, axis: int, logarithm: bool) -> Array:
    dx = native.softmax_backward(_rows(y, axis), _rows(g, axis), logarithm, get_num_threads())
    return dx if axis in (-1, y.ndim - 1) else np.moveaxis(dx, -1, axis)


relu = define("relu", *elementwise("relu"))
relu6 = define("relu6", lambda x: np.clip(x, 0, 6), lambda g, y, x: g * ((x > 0) & (x < 6)))
leaky_relu = define(
    "leaky_relu",
    lambda x, negative_slope=0.01: np.where(x > 0, x, x * negative_slope),
    lambda g, y, x, negative_slope=0.01: np.where(x > 0, g, g * negative_slope),
)
elu = define("elu", _elu, lambda g, y, x, alpha=1.0: np.where(x > 0, g, g * (y + alpha)))
selu = define(
    "selu",
    lambda x: _SELU_SCALE * _elu(x, _SELU_ALPHA),
    lambda g, y, x: np.where(x > 0, g * _SELU_SCALE, g * (y + _SELU_SCALE * _SELU_ALPHA)),
)
gelu = define(
    "gelu",
    _gelu,
    lambda g, y, x, approximate="none": _GELU[approximate][1](g, y, x),
)
silu = define("silu", *elementwise("silu"))
softplus = define("softplus", _softplus, lambda g, y, x, *_, **options: g * _softplus_slope(x, **options))
softsign = define("softsign", lambda x: x / (1 + np.abs(x)), lambda g, y, x: g / np.square(1 + np.abs(x)))
hardtanh = define(
    "hardtanh",
    _hardtanh,
    lambda g, y, x, min_val=-1.0, max_val=1.0: g * ((x > min_val) & (x < max_val)),
)
hardsigmoid = define(
    "hardsigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda g, y, x: g / 6 * ((x > -3) & (x < 3))
)
hardswish = define(
    "hardswish",
    lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    lambda g, y, x: g * np.where(x < 3, (x > -3) * (x / 3 + 0.5), 1),
)
mish = define("mish", lambda x: x * np.tanh(_softplus(x)), _mish_back)
logsigmoid = define("logsigmoid", lambda x: -_softplus(-x), lambda g, y, x: g * _sigmoid(-x))
log_softmax = define(
    "log_softmax",
    lambda x, axis=-1: _softmax(x, axis, True),
    lambda g, y, x, axis=-1: _softmax_back(g, y, axis, True),
)
softmax = define(
    "softmax",
    lambda x, axis=-1: _softmax(x, axis, False),
    lambda g, y, x, axis=-1: _softmax_back(g, y, axis, False),
)


def glu(x: Any, axis: int = -1) -> Tensor:
    """Return the first half of x along an axis, gated by the sigmoid of the second."""
    if np.shape(x)[axis] % 2:
        raise ValueError(f"glu: expected an even length along axis {axis}, got shape {np.shape(x)}")
    value, gate = chunk(x, 2, axis)
    return multiply(value, sigmoid(gate))
