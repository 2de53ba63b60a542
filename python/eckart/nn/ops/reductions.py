"""Operations along axes: sums, means, extrema, products. `axis` is None (all), a number or a tuple."""

from collections.abc import Callable
from typing import Any

import numpy as np

from eckart.nn.ops.define import define
from eckart.nn.tensor import Array


def spread(g: Array, x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Return g, one number for each slice of x along `axis`, repeated along it: an array of x's shape."""
    if axis is not None and not keepdims:
        g = np.expand_dims(g, axis)
    out = np.empty(x.shape, g.dtype)
    out[...] = g
    return out


def _centred(x: Array, axis: Any) -> Array:
    return x - x.mean(axis, keepdims=True)


def _freedom(x: Array, y: Array, ddof: float) -> float:
    return np.maximum(x.size / (y.size or 1) - ddof, 0).astype(x.dtype)


def _variance(x: Array, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Array:
    total = np.add.reduce(np.square(_centred(x, axis)), axis=axis, keepdims=keepdims)
    return total / _freedom(x, total, ddof)


def _variance_back(g: Array, y: Array, x: Array, axis: Any = None, ddof: float = 0, **keep: bool) -> Array:
    return spread(g * 2 / _freedom(x, y, ddof), x, axis, **keep) * _centred(x, axis)


def _std_back(g: Array, y: Array, *rest: Any, **options: Any) -> Array:
    return _variance_back(g / np.where(y == 0, np.inf, 2 * y), y, *rest, **options)  # 0 where all are equal


def _extremum_back(g: Array, y: Array, x: Array, **along: Any) -> Array:
    hit = x == spread(y, x, **along)
    return spread(g / hit.sum(**along), x, **along) * hit  # ties share


def _prod_back(g: Array, y: Array, x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    ends = tuple(range(-len(axes), 0))
    moved = np.moveaxis(x, axes, ends)
    flat = moved.reshape(*moved.shape[: x.ndim - len(axes)], -1)
    before, after = np.ones_like(flat), np.ones_like(flat)  # of each number; a quotient fails at zero
    before[..., 1:] = np.cumprod(flat[..., :-1], axis=-1)
    after[..., :-1] = np.cumprod(flat[..., :0:-1], axis=-1)[..., ::-1]
    return spread(g, x, axis, keepdims) * np.moveaxis((before * after).reshape(moved.shape), ends, axes)


def _cumsum_back(g: Array, y: Array, x: Array, axis: int) -> Array:
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


def _cumprod_back(g: Array, y: Array, x: Array, axis: int) -> Array:
    g, y, x = (np.moveaxis(a, axis, 0) for a in (g, y, x))
    out, behind = np.empty_like(x), np.zeros_like(x[:1]).sum(0)
    for i in range(len(x) - 1, -1, -1):  # behind: of what follows i, per unit of the product up to i
        behind = g[i] + behind
        out[i] = behind * (y[i - 1] if i else 1)
        behind = behind * x[i]
    return np.moveaxis(out, 0, axis)


def _logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    top = x.max(axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        y = np.log(np.exp(x - top).sum(axis, keepdims=True)) + top
    return y if keepdims else y.reshape(y.sum(axis).shape)


def _logsumexp_back(g: Array, y: Array, x: Array, **along: Any) -> Array:
    y = np.where(np.isneginf(y), 0, y)
    return spread(g, x, **along) * np.exp(x - spread(y, x, **along))


def _norm(x: Array, ord: float = 2, axis: Any = None, keepdims: bool = False) -> Array:
    return np.power(np.add.reduce(np.absolute(x) ** ord, axis=axis, keepdims=keepdims), 1 / ord)


def _norm_back(g: Array, y: Array, x: Array, ord: float = 2, **along: Any) -> Array:
    y = spread(np.where(y == 0, 1, y), x, **along)
    return spread(g, x, **along) * np.sign(x) * (np.absolute(x) / y) ** (ord - 1)


def _reduction(reduce: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, axis=None, keepdims=False: reduce(x, axis=axis, keepdims=keepdims)


def _std(x: Array, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Array:
    return np.sqrt(_variance(x, axis, ddof, keepdims))


sum = define("sum", _reduction(np.add.reduce), lambda g, y, x, **along: spread(g, x, **along))
mean = define(
    "mean", _reduction(np.mean), lambda g, y, x, **along: spread(g * (y.size / (x.size or 1)), x, **along)
)
prod = define("prod", _reduction(np.multiply.reduce), _prod_back)
max = define("max", _reduction(np.maximum.reduce), _extremum_back)
min = define("min", _reduction(np.minimum.reduce), _extremum_back)
var = define("var", _variance, _variance_back)
std = define("std", _std, _std_back)
logsumexp = define("logsumexp", _logsumexp, _logsumexp_back)
norm = define("norm", _norm, _norm_back)
cumsum = define("cumsum", lambda x, axis: np.cumsum(x, axis), _cumsum_back)
cumprod = define("cumprod", lambda x, axis: np.cumprod(x, axis), _cumprod_back)


def argmax(x: Any, axis: int | None = None) -> Array:
    """Return the places of the largest values, an array of integers."""
    return np.argmax(np.asarray(x), axis)


def argmin(x: Any, axis: int | None = None) -> Array:
    """Return the places of the smallest values, an array of integers."""
    return np.argmin(np.asarray(x), axis)
