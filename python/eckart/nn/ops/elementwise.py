"""Operations on each number for itself, with broadcasting, and matrix products."""

import math

import numpy as np

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.arrays import FLOATS, plus, unbroadcast
from eckart.nn.ops.define import define, operation
from eckart.nn.ops.kernels import elementwise
from eckart.nn.tensor import RULES, Array, Rule, Step


def _zero(g: Array, y: Array, x: Array) -> Array:
    return np.zeros_like(x)


add = define("add", lambda a, b: plus(a, b), lambda g, y, a, b: g, lambda g, y, a, b: g)
subtract = define("subtract", np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
multiply = define("multiply", np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
divide = define("divide", np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
power = define(
    "power",
    np.power,
    lambda g, y, a, b: g * np.where(b == 0, 0, b * np.power(a, np.where(b == 0, 1, b - 1))),
    lambda g, y, a, b: g * np.where((a == 0) & (b >= 0), 0, y * np.log(np.where(a == 0, 1, a))),
)
negate = define("negate", np.negative, lambda g, y, x: -g)
abs = define("abs", np.absolute, lambda g, y, x: g * np.sign(x))
sign = define("sign", np.sign, _zero)
exp = define("exp", np.exp, lambda g, y, x: g * y)
exp2 = define("exp2", np.exp2, lambda g, y, x: g * y * float(np.log(2)))
expm1 = define("expm1", np.expm1, lambda g, y, x: g * (y + 1))
log = define("log", np.log, lambda g, y, x: g / x)
log2 = define("log2", np.log2, lambda g, y, x: g / (x * float(np.log(2))))
log10 = define("log10", np.log10, lambda g, y, x: g / (x * float(np.log(10))))
log1p = define("log1p", np.log1p, lambda g, y, x: g / (x + 1))
sqrt = define("sqrt", np.sqrt, lambda g, y, x: g / (2 * y))
rsqrt = define("rsqrt", lambda x: 1 / np.sqrt(x), lambda g, y, x: -g * y / (2 * x))
square = define("square", np.square, lambda g, y, x: 2 * g * x)
reciprocal = define("reciprocal", lambda x: 1 / x, lambda g, y, x: -g * y * y)
sin = define("sin", np.sin, lambda g, y, x: g * np.cos(x))
cos = define("cos", np.cos, lambda g, y, x: -g * np.sin(x))
tan = define("tan", np.tan, lambda g, y, x: g * (1 + y * y))
arcsin = define("arcsin", np.arcsin, lambda g, y, x: g / np.sqrt(1 - x * x))
arccos = define("arccos", np.arccos, lambda g, y, x: -g / np.sqrt(1 - x * x))
arctan = define("arctan", np.arctan, lambda g, y, x: g / (1 + x * x))
sinh = define("sinh", np.sinh, lambda g, y, x: g * np.cosh(x))
cosh = define("cosh", np.cosh, lambda g, y, x: g * np.sinh(x))
tanh = define("tanh", *elementwise("tanh"))
arcsinh = define("arcsinh", np.arcsinh, lambda g, y, x: g / np.sqrt(x * x + 1))
arccosh = define("arccosh", np.arccosh, lambda g, y, x: g / np.sqrt(x * x - 1))
arctanh = define("arctanh", np.arctanh, lambda g, y, x: g / (1 - x * x))
arctan2 = define(
    "arctan2",
    np.arctan2,
    lambda g, y, a, b: g * b / (a * a + b * b),
    lambda g, y, a, b: -g * a / (a * a + b * b),
)
hypot = define("hypot", np.hypot, lambda g, y, a, b: g * a / y, lambda g, y, a, b: g * b / y)
logaddexp = define(
    "logaddexp", np.logaddexp, lambda g, y, a, b: g * np.exp(a - y), lambda g, y, a, b: g * np.exp(b - y)
)
floor = define("floor", np.floor, _zero)
ceil = define("ceil", np.ceil, _zero)
trunc = define("trunc", np.trunc, _zero)
round = define(
    "round", lambda x, decimals=0: np.round(x, decimals), lambda g, y, x, decimals=0: np.zeros_like(x)
)
maximum = define(  # ties share
    "maximum",
    np.maximum,
    lambda g, y, a, b: np.where(a == b, g / 2, g * (a > b)),
    lambda g, y, a, b: np.where(a == b, g / 2, g * (b > a)),
)
minimum = define(
    "minimum",
    np.minimum,
    lambda g, y, a, b: np.where(a == b, g / 2, g * (a < b)),
    lambda g, y, a, b: np.where(a == b, g / 2, g * (b < a)),
)
clip = define(
    "clip",
    lambda x, min=None, max=None: np.clip(x, min, max),
    lambda g, y, x, min=None, max=None: g * ((min is None or x >= min) & (max is None or x <= max)),
)
where = define(
    "where", np.where, None, lambda g, y, c, a, b: np.where(c, g, 0), lambda g, y, c, a, b: np.where(c, 0, g)
)
astype = define("astype", lambda x, dtype: x.astype(dtype), lambda g, y, x, dtype: g)


sigmoid = define("sigmoid", *elementwise("sigmoid"))
erf = define("erf", *elementwise("erf"))

for _name in (
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "equal",
    "not_equal",
    "logical_and",
    "logical_or",
):
    globals()[_name] = define(_name, getattr(np, _name), None, None)
for _name in ("isfinite", "isnan", "isinf", "logical_not"):
    globals()[_name] = define(_name, getattr(np, _name), None)


def product(a: Array, b: Array) -> Array:
    """Return the matrix product, as numpy.matmul: the one place where tensors meet a kernel for it."""
    if a.dtype != b.dtype or a.dtype not in FLOATS or a.ndim == 0 or b.ndim == 0:
        return np.matmul(a, b)
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ValueError("expected as many columns of the first as rows of the second")
    matrices = a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b
    y = native.matmul(*matrices, get_num_threads())
    y = y if a.ndim > 1 else y[..., 0, :]
    return y if b.ndim > 1 else y[..., 0]


def _matmul_back(step: Step, g: Array) -> list[Array | None]:
    a, b = step.arrays
    if b.ndim == 1:  # a vector is a matrix with one row or column
        b, g = b[:, None], g[..., None]
    if a.ndim == 1:
        a, g = a[None, :], g[..., None, :]
    left = right = None
    if step.needs[0]:
        left = unbroadcast(product(g, np.swapaxes(b, -1, -2)), a).reshape(step.arrays[0].shape)
    if step.needs[1] and b.ndim == 2:  # one product, not one for each of a batch
        rows = math.prod(a.shape[:-1])
        right = product(a.reshape(rows, a.shape[-1]).T, g.reshape(rows, g.shape[-1]))
    elif step.needs[1]:
        right = product(np.swapaxes(a, -1, -2), g)
    return [left, None if right is None else unbroadcast(right, b).reshape(step.arrays[1].shape)]


RULES["matmul"] = Rule("matmul", product, _matmul_back)
matmul = operation("matmul", product, 2)
