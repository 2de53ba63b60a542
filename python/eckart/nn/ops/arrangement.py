"""Operations that move numbers about: shapes, slices, gathering and scattering, sorting, einsum.

Where a rearrangement has no rule of its own, the same rearrangement
of the places 0, 1, ... says what to gather.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.arrays import FLOATS, assign, contiguous
from eckart.nn.ops.define import define
from eckart.nn.ops.elementwise import where
from eckart.nn.ops.reductions import sum
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply


def _reshaped(g: Array, y: Array, x: Array, *_: Any, **__: Any) -> Array:
    return contiguous(g).reshape(x.shape)


def _inverse(axes: Sequence[int] | None) -> Any:
    return None if axes is None else np.argsort([a % len(axes) for a in axes])


def _matrices(x: Array) -> Array:
    if x.ndim < 2:
        raise ValueError("expected at least two axes")
    return x


reshape = define("reshape", lambda x, shape: contiguous(x).reshape(shape), _reshaped)
squeeze = define("squeeze", np.squeeze, _reshaped)
expand_dims = define("expand_dims", np.expand_dims, _reshaped)
transpose = define("transpose", np.transpose, lambda g, y, x, axes=None: np.transpose(g, _inverse(axes)))
swapaxes = define("swapaxes", np.swapaxes, lambda g, y, x, axis1, axis2: np.swapaxes(g, axis1, axis2))
moveaxis = define(
    "moveaxis", np.moveaxis, lambda g, y, x, source, destination: np.moveaxis(g, destination, source)
)
broadcast_to = define("broadcast_to", lambda x, shape: np.broadcast_to(x, shape), lambda g, y, x, shape: g)
flip = define("flip", np.flip, lambda g, y, x, axis=None: np.flip(g, axis))
roll = define("roll", np.roll, lambda g, y, x, shift, axis=None: np.roll(g, np.negative(shift), axis))
tril = define("tril", lambda x, k=0: np.tril(_matrices(x), k), lambda g, y, x, k=0: np.tril(g, k))
triu = define("triu", lambda x, k=0: np.triu(_matrices(x), k), lambda g, y, x, k=0: np.triu(g, k))


def flatten(x: Any, start: int = 0) -> Tensor:
    """Return x with the axes from `start` on made one."""
    shape = x.shape[:start]
    return reshape(x, (*shape, math.prod(x.shape[start:])))


# --- indexing ---------------------------------------------------------------------------------------------


def _getitem_back(g: Array, y: Array, x: Array, index: Any) -> Array:
    out = np.zeros_like(x)
    if all(i is None or i is Ellipsis or isinstance(i, (int, slice)) for i in index):
        assign(out[index] if g.ndim else out[(*index, ...)], g)
    else:
        np.add.at(out, index, g)  # in order: the same bits every time
    return out


_getitem = define("getitem", lambda x, index: x[index], _getitem_back)


def getitem(x: Any, index: Any) -> Tensor:
    """Return x[index] for whatever NumPy takes: slices are views, arrays of places gather."""

    def plain(i: Any) -> Any:
        return i.data if isinstance(i, Tensor) else np.asarray(i) if isinstance(i, list) else i

    return _getitem(x, tuple([plain(i) for i in index]) if isinstance(index, tuple) else (plain(index),))


def rearrange(x: Tensor, places: Array) -> Tensor:
    """Return the elements of x, counted in C order, that stand at `places`, in the shape of `places`."""
    return getitem(reshape(x, -1), places)


def _places(x: Tensor) -> Array:
    return np.arange(x.size).reshape(x.shape)


def _take_back(step: Step, g: Array) -> list[Array | None]:
    (x,), ids, axis = step.arrays, step.options["ids"], step.options["axis"]
    return [native.take_backward(contiguous(g), ids, axis, x.shape[axis], get_num_threads())]


RULES["take"] = Rule(
    "take", lambda x, ids, axis: native.take(contiguous(x), ids, axis, get_num_threads()), _take_back
)


def take(x: Any, index: Any, axis: int | None = None) -> Tensor:
    """Return the slices of x (of x made flat, without an axis) at `index` along `axis`."""
    if axis is None:
        x, axis = reshape(x, -1), 0
    ids = np.asarray(index)
    if ids.ndim == 1 and ids.dtype.kind in "iu" and x.dtype in FLOATS:
        return apply("take", x, ids=np.asarray(ids, np.int64, order="C"), axis=axis % x.ndim)
    return getitem(x, (slice(None),) * (axis % x.ndim) + (ids,))


def _along(x: Array, index: Array, axis: int) -> tuple[Array, ...]:
    """Return the indices of the elements that stand at `index` along an axis, and elsewhere at home."""
    if index.ndim != x.ndim:
        raise ValueError(f"expected an index with {x.ndim} axes, got shape {index.shape}")
    home = list(np.ogrid[tuple([slice(n) for n in index.shape])])
    home[axis] = index
    return tuple(home)


def gather(x: Any, index: Any, axis: int) -> Tensor:
    """Return out with out[i, j] = x[index[i, j], j] for axis 0, and so on: of the index's shape."""
    index = np.asarray(index)
    return getitem(x, _along(np.asarray(x), index, axis))


def take_along_axis(x: Any, index: Any, axis: int) -> Tensor:
    """Return gather of x and an index that broadcast against each other in the other axes."""
    return rearrange(x, np.take_along_axis(_places(x), np.asarray(index), axis))


def _put(x: Array, values: Array, index: Array, axis: int, add: bool) -> Array:
    out, places = x.copy(), _along(x, index, axis)
    if add:
        np.add.at(out, places, values)
    else:
        out[places] = values
    return out


def _put_over(g: Array, y: Array, x: Array, values: Array, index: Array, axis: int, add: bool) -> Array:
    return g if add else _put(g, np.zeros_like(values), index, axis, False)


_scatter = define(
    "scatter", _put, _put_over, lambda g, y, x, values, index, axis, add: g[_along(x, index, axis)]
)


def scatter(x: Any, index: Any, values: Any, axis: int) -> Tensor:
    """Return x with `values` at `index` along an axis; where places coincide, the last counts."""
    return _scatter(x, values, np.asarray(index), axis, False)


def scatter_add(x: Any, index: Any, values: Any, axis: int) -> Tensor:
    """Return x with `values` added at `index` along an axis; deterministic where places coincide."""
    return _scatter(x, values, np.asarray(index), axis, True)


def masked_fill(x: Any, mask: Any, value: Any) -> Tensor:
    """Return x with `value` wherever mask holds."""
    return where(mask, value, x)


# --- joining, cutting, repeating --------------------------------------------------------------------------


def _concatenate_back(step: Step, g: Array) -> list[Array | None]:
    axis = step.options["axis"]
    ends = np.cumsum([a.shape[axis] for a in step.arrays])
    return [
        part.astype(a.dtype, copy=False) if need else None
        for part, a, need in zip(np.split(g, ends[:-1], axis), step.arrays, step.needs, strict=True)
    ]


def _concatenated(*arrays: Array, axis: int) -> Array:
    axis, shape = axis % max(1, arrays[0].ndim), list(arrays[0].shape)
    alike = all([a.dtype == arrays[0].dtype and a.ndim == len(shape) > 0 for a in arrays])
    rests = {(*a.shape[:axis], *a.shape[axis + 1 :]) for a in arrays}
    if not alike or len(rests) != 1:
        return np.concatenate(arrays, axis)
    ends = np.cumsum([a.shape[axis] for a in arrays])
    shape[axis] = int(ends[-1])
    out = np.empty(shape, arrays[0].dtype)
    for part, a in zip(np.split(out, ends[:-1], axis), arrays, strict=True):
        assign(part, a)
    return out


RULES["concatenate"] = Rule("concatenate", _concatenated, _concatenate_back)


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Return the tensors one after the other along an axis. ValueError for none."""
    if not len(tensors):
        raise ValueError("concatenate: expected at least one tensor, got none")
    return apply("concatenate", *tensors, axis=axis)


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Return the tensors, of one shape, along a new axis."""
    return concatenate([expand_dims(t, axis) for t in tensors], axis)


def split(x: Tensor, sections: Any, axis: int = 0) -> list[Tensor]:
    """Return the parts of x along an axis: that many equal ones, or cut at the given places."""
    n = x.shape[axis]
    if isinstance(sections, int):
        if sections < 1 or n % sections:
            raise ValueError(f"split: expected a number of parts that divides {n}, got {sections}")
        sections = range(n // sections, n, n // sections)
    cuts, before = [0, *sections, n], (slice(None),) * (axis % x.ndim)
    return [getitem(x, (*before, slice(a, b))) for a, b in pairwise(cuts)]


def chunk(x: Tensor, chunks: int, axis: int = 0) -> list[Tensor]:
    """Return at most `chunks` parts of equal length; the last may be shorter."""
    if chunks < 1:
        raise ValueError(f"chunk: expected chunks >= 1, got {chunks}")
    n = x.shape[axis]
    return split(x, range(size, n, size) if (size := -(-n // chunks)) else [], axis)


def unbind(x: Tensor, axis: int = 0) -> list[Tensor]:
    """Return the slices of x along an axis, without it."""
    return [take(x, i, axis) for i in range(x.shape[axis])]


def _padded(x: Array, widths: Any, value: float = 0) -> Array:
    if x.dtype in FLOATS:
        return native.pad(x, widths, value, get_num_threads())
    return np.pad(x, widths, constant_values=value)


def _pad_back(g: Array, y: Array, x: Array, widths: Any, value: float = 0) -> Array:
    return g[tuple([slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True)])]


define("pad", _padded, _pad_back)


def pad(x: Any, widths: Sequence[tuple[int, int]], mode: str = "constant", value: float = 0) -> Tensor:
    """Return x with (before, after) numbers more along each axis; modes are numpy.pad's for places."""
    if mode == "constant":
        return apply("pad", x, widths=widths, value=value)
    return rearrange(x, np.pad(_places(x), widths, mode))  # type: ignore[call-overload]


def tile(x: Any, repetitions: Any) -> Tensor:
    """Return x laid side by side, as numpy.tile."""
    return rearrange(x, np.tile(_places(x), repetitions))


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Return x with each element (slice) repeated, as numpy.repeat."""
    return rearrange(x, np.repeat(_places(x), repeats, axis))


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the diagonals, along a last axis, as numpy.diagonal."""
    return rearrange(x, np.diagonal(_places(x), offset, axis1, axis2))


def trace(x: Any) -> Tensor:
    """Return the sum of a matrix's diagonal."""
    if np.ndim(x) != 2:
        raise ValueError(f"trace: expected a matrix, got shape {np.shape(x)}")
    return sum(diagonal(x))


def sort(x: Any, axis: int = -1, descending: bool = False) -> tuple[Tensor, Array]:
    """Return x in order along an axis, and the places where it was; stable."""
    data = np.asarray(x)
    order = np.argsort(np.flip(data, axis) if descending else data, axis, kind="stable")
    if descending:
        order = data.shape[axis] - 1 - np.flip(order, axis)
    return take_along_axis(x, order, axis), order


def topk(x: Any, k: int, axis: int = -1, largest: bool = True) -> tuple[Tensor, Array]:
    """Return the k largest (smallest) of x along an axis, best first, and their places."""
    if not 0 <= k <= np.shape(x)[axis]:
        raise ValueError(f"topk: expected k in [0, {np.shape(x)[axis]}], got {k}")
    values, order = sort(x, axis, descending=largest)
    first = np.arange(k)
    return take(values, first, axis), np.take(order, first, axis)
