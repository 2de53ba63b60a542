"""Scaled dot-product attention (Vaswani et al. 2017), fused: no matrix of scores is ever kept."""

import math
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.arrays import contiguous
from eckart.nn.functional.activations import softmax
from eckart.nn.ops import add, broadcast_to, matmul, swapaxes
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply

__all__ = ["scaled_dot_product_attention", "self_attention"]


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, mask: Any = None, causal: bool = False, scale: float | None = None
) -> Tensor:
    """Return softmax(Q K' scale + mask) V for each head.

    query : (..., T, d); key : (..., S, d); value : (..., S, d_v), usually (batch, heads, T, d); axes before
        the last two broadcast
    mask : broadcasts to (..., T, S): True where a query may look, or numbers that are added. A mask that
        requires a gradient takes a slower way.
    causal : query t sees keys 0 to t; scale : 1 / sqrt(d) if None

    Returns (..., T, d_v); 0 for a query that may look nowhere. Raises ValueError where shapes or types do
    not fit.
    """
    q, k, v = (x if isinstance(x, Tensor) else Tensor(x) for x in (query, key, value))
    q, k, v = _beside(q, k, v)
    factor = 1 / math.sqrt(max(1, q.shape[-1])) if scale is None else float(scale)
    if isinstance(mask, Tensor) and mask.requires_grad:
        return _composed(q, k, v, mask, causal, factor)
    added = None if mask is None else _added(np.asarray(mask), q, k)
    return apply("attention", q, k, v, mask=added, causal=bool(causal), scale=factor)


def _beside(q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
    """Return query, key and value with the same axes before the last two."""
    leading = [x.shape[:-2] for x in (q, k, v)]
    try:
        if min(q.ndim, k.ndim, v.ndim) < 2:
            raise ValueError
        whole = leading[0] if leading.count(leading[0]) == 3 else np.broadcast_shapes(*leading)
    except ValueError:
        raise ValueError(
            f"query: expected (..., T, d) beside key and value, got {q.shape}, {k.shape} and {v.shape}"
        ) from None
    return [x if x.shape[:-2] == whole else broadcast_to(x, (*whole, *x.shape[-2:])) for x in (q, k, v)]


def self_attention(projections: Any, heads: int, causal: bool = False, scale: float | None = None) -> Tensor:
    """Return the attention of a sequence to itself, from its queries, keys and values side by side.

    projections : (batch, T, 3 heads d), as one dense layer gives them. Returns (batch, T, heads d). The same
    as scaled_dot_product_attention of the parts, without a copy of any. Raises ValueError for another shape.
    """
    x = projections if isinstance(projections, Tensor) else Tensor(projections)
    if x.ndim != 3 or heads < 1 or x.shape[2] % (3 * heads):
        raise ValueError(f"projections: expected (batch, T, 3 * {heads} * d), got shape {x.shape}")
    factor = 1 / math.sqrt(max(1, x.shape[2] // (3 * heads))) if scale is None else float(scale)
    return apply("self_attention", x, heads=heads, causal=bool(causal), scale=factor)


def _added(mask: Array, q: Tensor, k: Tensor) -> Array:
    """Return the numbers that a mask adds, of 4 axes, those of length 1 repeated without a copy."""
    if mask.dtype.kind in "iu":
        raise ValueError(f"mask: expected booleans, or floats that are added, got {mask.dtype}")
    if mask.dtype == bool:
        mask = np.where(mask, q.dtype.type(0), q.dtype.type(-np.inf))
    shape = (*q.shape[:-1], k.shape[-2])
    try:
        return np.broadcast_to(np.asarray(mask, dtype=q.dtype), shape)
    except ValueError:
        raise ValueError(f"mask: expected what broadcasts to {shape}, got {mask.shape}") from None


def _composed(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, causal: bool, scale: float) -> Tensor:
    scores = add(matmul(q, swapaxes(k, -1, -2)) * scale, mask)
    if causal:
        seen = np.tri(*scores.shape[-2:], dtype=bool)
        scores = scores + np.where(seen, 0, -np.inf).astype(scores.dtype)
    return matmul(softmax(scores), v)


def _heads(x: Array) -> Array:
    """Return (..., T, d) as (batch, heads, T, d) with contiguous rows, without a copy where that can be."""
    if x.dtype not in (np.float32, np.float64):
        raise ValueError(f"query: expected float32 or float64, got {x.dtype}")
    if x.ndim != 4:
        x = x.reshape(-1, x.shape[-3] if x.ndim > 2 else 1, *x.shape[-2:])
    return x if x.shape[3] < 2 or x.strides[3] == x.itemsize else contiguous(x)


def _mask_heads(mask: Array | None) -> Array | None:
    if mask is None or mask.ndim == 4:
        return mask
    return mask.reshape(-1, mask.shape[-3] if mask.ndim > 2 else 1, *mask.shape[-2:])


def _forward(
    q: Array, k: Array, v: Array, *, mask: Array | None, causal: bool, scale: float
) -> tuple[Array, Any]:
    if q.shape[:-2] != k.shape[:-2] or k.shape[:-1] != v.shape[:-1] or q.shape[-1] != k.shape[-1]:
        raise ValueError("expected query (..., T, d), key (..., S, d) and value (..., S, d_v)")
    if not q.dtype == k.dtype == v.dtype:
        raise ValueError(f"expected one type, got {q.dtype}, {k.dtype} and {v.dtype}")
    y, lse = native.attention(
        _heads(q), _heads(k), _heads(v), _mask_heads(mask), scale, causal, get_num_threads()
    )
    return y.reshape(*q.shape[:-1], v.shape[-1]), lse


def _backward(step: Step, gradient: Array) -> list[Array | None]:
    options = step.options
    q, k, v, y, dy = (_heads(x) for x in (*step.arrays, step.output, gradient))
    found = native.attention_backward(
        q, k, v, _mask_heads(options["mask"]), y, step.saved, dy, options["scale"], options["causal"],
        get_num_threads()
    )  # fmt: skip
    return [g.reshape(x.shape) for g, x in zip(found, step.arrays, strict=True)]


def _parts(x: Array, heads: int) -> Array:
    """Return (batch, T, 3 heads d) seen as (3, batch, heads, T, d)."""
    batch, length, width = x.shape
    return x.reshape(batch, length, 3, heads, width // (3 * heads)).transpose(2, 0, 3, 1, 4)


def _self_forward(x: Array, *, heads: int, causal: bool, scale: float) -> tuple[Array, Any]:
    q, k, v = (_heads(part) for part in _parts(x, heads))
    y, lse = native.attention(q, k, v, None, scale, causal, get_num_threads())
    return y.swapaxes(1, 2).reshape(*x.shape[:2], x.shape[2] // 3), (y, lse)


def _self_backward(step: Step, gradient: Array) -> list[Array | None]:
    x, options = step.arrays[0], step.options
    y, lse = step.saved
    dy = _heads(gradient.reshape(y.shape[0], y.shape[2], y.shape[1], y.shape[3]).swapaxes(1, 2))
    q, k, v = (_heads(part) for part in _parts(x, options["heads"]))
    whole = native.empty(x.shape, x.dtype)
    native.attention_backward(
        q, k, v, None, y, lse, dy, options["scale"], options["causal"], get_num_threads(),
        *_parts(whole, options["heads"]),
    )  # fmt: skip
    return [whole]


RULES["attention"] = Rule("attention", _forward, _backward)
RULES["self_attention"] = Rule("self_attention", _self_forward, _self_backward)
