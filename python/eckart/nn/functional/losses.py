"""Losses. Arguments and `reduction` ("mean", "sum", "none") are PyTorch's."""

from collections.abc import Callable
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.arrays import FLOATS, contiguous
from eckart.nn.functional.activations import softplus
from eckart.nn.ops import (
    abs,
    clip,
    define,
    exp,
    log,
    mean,
    multiply,
    operation,
    square,
    subtract,
    sum,
    take_along_axis,
    where,
)  # fmt: skip
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
]  # fmt: skip


def _check_reduction(reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction: expected 'mean', 'sum' or 'none', got {reduction!r}")


def _reduced(loss: Tensor, reduction: str, weight: Any = None) -> Tensor:
    _check_reduction(reduction)
    if weight is not None:
        loss = loss * weight
    return loss if reduction == "none" else mean(loss) if reduction == "mean" else sum(loss)


def _pairs(x: Array, *, target: Array, loss: str, mean: bool, delta: float) -> tuple[Array, Array]:
    return native.paired_loss(loss, contiguous(x), contiguous(target), delta, mean, get_num_threads())


def _pairs_back(step: Step, g: Array) -> list[Array | None]:
    return [step.saved if g == 1 else g * step.saved]


RULES["paired_loss"] = Rule("paired_loss", _pairs, _pairs_back)


def _in_one_sweep(
    loss: str, input: Any, target: Any, reduction: str, slow: Callable[[Any, Any], Tensor], delta: float = 1.0
) -> Tensor:
    """Return the reduced losses of pairs with their gradient from one native sweep, where it serves."""
    _check_reduction(reduction)
    x, t = (a.data if isinstance(a, Tensor) else a for a in (input, target))
    shapes = np.shape(x), np.shape(t)
    if shapes[0] != shapes[1] and np.broadcast(x, t).size > max(np.size(x), np.size(t)):  # (n, 1) and (n,)
        raise ValueError(f"target: expected the input's shape {shapes[0]}, got {shapes[1]}")
    alike = (
        isinstance(t, np.ndarray) and isinstance(x, np.ndarray) and x.shape == t.shape and x.dtype == t.dtype
    )
    if alike and x.dtype in FLOATS and reduction != "none" and not getattr(target, "requires_grad", False):
        return apply("paired_loss", input, target=t, loss=loss, mean=reduction == "mean", delta=float(delta))
    return _reduced(slow(input, target), reduction)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Squared differences."""
    return _in_one_sweep("squared", input, target, reduction, lambda x, t: square(subtract(x, t)))


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Absolute differences."""
    return _in_one_sweep("absolute", input, target, reduction, lambda x, t: abs(subtract(x, t)))


_huber = define(
    "huber",
    lambda d, delta: np.where(np.abs(d) < delta, d * d / 2, delta * (np.abs(d) - delta / 2)),
    lambda g, y, d, delta: g * np.clip(d, -delta, delta),
)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Half the squared differences up to delta, linear beyond (Huber 1964)."""
    if delta <= 0:
        raise ValueError(f"delta: expected a number > 0, got {delta}")
    return _in_one_sweep("huber", input, target, reduction, lambda x, t: _huber(subtract(x, t), delta), delta)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """huber_loss with delta = beta, divided by beta; l1_loss for beta = 0."""
    if beta < 0:
        raise ValueError(f"beta: expected a number >= 0, got {beta}")
    return huber_loss(input, target, reduction, beta) / beta if beta else l1_loss(input, target, reduction)


_bce = define(
    "binary_cross_entropy",
    lambda p, t: -t * np.maximum(np.log(p), -100) - (1 - t) * np.maximum(np.log1p(-p), -100),
    lambda g, y, p, t: g * (p - t) / np.maximum(p * (1 - p), 1e-12),
    lambda g, y, p, t: g * (np.log1p(-p) - np.log(p)),
)


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """Of probabilities in [0, 1] and targets in [0, 1]; logarithms are bounded by -100."""
    p = np.asarray(input)
    if p.shape != np.shape(target) or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(
            f"binary_cross_entropy: expected probabilities in [0, 1] of the target's shape "
            f"{np.shape(target)}, got shape {p.shape}"
        )
    with np.errstate(divide="ignore"):
        return _reduced(_bce(input, target), reduction, weight)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """As binary_cross_entropy of sigmoid(input), stable; pos_weight multiplies the loss of positives."""
    if np.shape(input) != np.shape(target):
        raise ValueError(
            f"target: expected the input's shape {np.shape(input)}, got shape {np.shape(target)}"
        )

    def slow(input: Any, target: Any) -> Tensor:
        positive = softplus(-input)
        if pos_weight is not None:
            positive = positive * ((pos_weight - 1) * target + 1)
        return multiply(1 - target, input) + positive

    if weight is None and pos_weight is None:
        return _in_one_sweep("logistic", input, target, reduction, slow)
    return _reduced(slow(input, target), reduction, weight)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target (log target - input), of log-probabilities; reduction may be "batchmean"."""
    if log_target:
        loss = exp(target) * subtract(target, input)
    else:
        loss = multiply(target, subtract(log(where(np.asarray(target) > 0, target, 1)), input))
    return sum(loss) / len(loss) if reduction == "batchmean" and loss.ndim else _reduced(loss, reduction)


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """The input where target is 1, max(0, margin - input) where it is -1."""
    target = np.asarray(target)
    loss = where(target != 1, clip(subtract(margin, input), 0), 0) + where(target != -1, input, 0)
    return _reduced(loss, reduction)


def hinge_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """max(0, margin - target input), target 1 or -1: that of support vector machines."""
    target = np.asarray(target)
    if target.shape != np.shape(input) or not np.isin(target, (-1, 1)).all():
        raise ValueError(f"target: expected numbers 1 and -1 of shape {np.shape(input)}, got {target.shape}")
    return _reduced(clip(margin - multiply(target, input), 0), reduction)


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """The hinge of classes: the mean over all n of max(0, margin + x_j - x_y)^p for j other than the class y.

    input : scores (classes,) or (n, classes); target : classes; weight : (classes,), of the class y
    """
    x, y = (input if isinstance(input, Tensor) else Tensor(input)), np.asarray(target)
    n = x.shape[-1] if x.ndim else 0
    if (
        x.ndim not in (1, 2)
        or y.shape != x.shape[:-1]
        or y.dtype.kind not in "iu"
        or n < 1
        or p not in (1, 2)
    ):
        raise ValueError(
            "multi_margin_loss: expected scores (classes,) or (n, classes), a class (integer) for each, and "
            f"p 1 or 2, got {x.shape}, {y.dtype} of shape {y.shape} and {p}"
        )
    if y.size and not (y.min() >= 0 and y.max() < n):
        raise ValueError(f"target: expected classes in [0, {n}), got {y.min()} to {y.max()}")
    w = np.ones(n) if weight is None else np.asarray(weight)
    if w.shape != (n,):
        raise ValueError(f"weight: expected {n} numbers, one a class, got shape {w.shape}")
    y = y[..., None]
    excess = clip(x - take_along_axis(x, y, -1) + margin, 0)
    share = ((np.arange(n) != y) * w[y] / n).astype(x.dtype)
    return _reduced(sum((square(excess) if p == 2 else excess) * share, -1), reduction)


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, margin - target (input1 - input2)): target 1 wants the first larger, -1 the second."""
    return _reduced(clip(margin - multiply(target, subtract(input1, input2)), 0), reduction)


def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-target input)), target 1 or -1."""
    return _reduced(softplus(-multiply(target, input)), reduction)


def _hits(x: Array, target: Array, axis: int, ignore_index: int) -> tuple[Array, Array]:
    """Return ones where the target's classes are, of x's shape, and which targets count."""
    n = x.shape[axis]
    if target.shape != x.shape[:axis] + x.shape[axis + 1 :] or target.dtype.kind not in "iu":
        raise ValueError(
            f"target: expected probabilities of shape {x.shape}, or classes (integers) without its axis "
            f"{axis}, got {target.dtype} of shape {target.shape}"
        )
    target = np.expand_dims(target, axis)
    valid = target != ignore_index
    if not ((target >= 0) & (target < n) | ~valid).all():
        raise ValueError(f"target: expected classes in [0, {n}), got {target.min()} to {target.max()}")
    hits = np.zeros_like(x)
    np.put_along_axis(hits, np.where(valid, target, 0), 1, axis)
    return hits * valid, valid


def _class_loss(
    x: Array, target: Array, weight: Any, ignore_index: int, reduction: str, smoothing: float, logits: bool
) -> tuple[Array, Any]:
    """Return minus the sum of q log p over the classes, and its slopes in both, ready for the way back."""
    _check_reduction(reduction)
    if not (x.ndim and x.dtype.kind == "f" and 0 <= smoothing <= 1):
        raise ValueError(
            "expected floats (classes,) or (n, classes, ...) and label_smoothing in [0, 1], "
            f"got {x.dtype} of shape {x.shape}, {smoothing}"
        )
    axis = 1 if x.ndim > 1 else 0
    n = x.shape[axis]
    w = np.ones(n, x.dtype) if weight is None else np.asarray(weight, dtype=x.dtype)
    if w.shape != (n,):
        raise ValueError(f"weight: expected {n} numbers, one a class, got shape {w.shape}")
    w = w.reshape(-1, *(1,) * (x.ndim - 1 - axis))
    soft = logits and target.shape == x.shape and target.dtype.kind == "f"
    q, valid = (target.astype(x.dtype, copy=False), True) if soft else _hits(x, target, axis, ignore_index)
    total = 1 if reduction != "mean" else x.size / n if soft else (q * w).sum()
    q = w * (q * (1 - smoothing) + valid * (smoothing / n))
    logp = RULES["log_softmax"].forward(x, axis) if logits else x
    loss = -(q * logp).sum(axis)
    slope = np.exp(logp) * q.sum(axis, keepdims=True) - q if logits else -q
    slopes = slope / total, -(1 - smoothing) * w * logp / total if soft else None
    return (loss if reduction == "none" else loss.sum() / total), slopes


def _class_loss_back(step: Step, g: Array) -> list[Array | None]:
    x = step.arrays[0]
    g = np.expand_dims(g, 1) if g.ndim else g  # one number, or one a row
    return [
        (slope if g.ndim == 0 and g == 1 else g * slope).astype(x.dtype, copy=False) if need else None
        for slope, need in zip(step.saved, step.needs, strict=True)
    ]


def _cross_entropy(
    input: Array,
    target: Array,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> tuple[Array, Any]:
    """Cross-entropy of softmax(input), computed together with its gradient.

    input : logits, (classes,) or (n, classes, ...)
    target : classes (integers) without the axis of classes, or probabilities of the input's shape
    weight : (classes,); the mean over classes divides by the weights that took part

    Raises ValueError for other shapes, classes out of range, an unknown reduction.
    """
    hard = input.ndim == 2 and target.dtype.kind in "iu" and target.shape == input.shape[:1]
    if hard and input.dtype in (np.float32, np.float64) and 0 <= label_smoothing <= 1:
        _check_reduction(reduction)
        return _hard_cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)
    return _class_loss(input, target, weight, ignore_index, reduction, label_smoothing, logits=True)


def _hard_cross_entropy(
    x: Array, target: Array, weight: Any, ignore_index: int, reduction: str, smoothing: float
) -> tuple[Array, Any]:
    """As _class_loss of logits and classes, in one native sweep."""
    weight = None if weight is None else np.asarray(weight, dtype=x.dtype, order="C")
    if weight is not None and weight.shape != (x.shape[1],):
        raise ValueError(f"weight: expected {x.shape[1]} numbers, one a class, got shape {weight.shape}")
    losses, slopes, loss = native.cross_entropy(
        contiguous(x), target.astype(np.int64, copy=False), weight, ignore_index, smoothing,
        reduction == "mean", get_num_threads(),
    )  # fmt: skip
    return losses if reduction == "none" else loss, (slopes, None)


def _nll_loss(
    input: Array, target: Array, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> tuple[Array, Any]:
    """As cross_entropy, of log-probabilities and classes."""
    return _class_loss(input, target, weight, ignore_index, reduction, 0.0, logits=False)


RULES["cross_entropy"] = Rule("cross_entropy", _cross_entropy, _class_loss_back)
RULES["nll_loss"] = Rule("nll_loss", _nll_loss, _class_loss_back)
cross_entropy = operation("cross_entropy", _cross_entropy, 2)
nll_loss = operation("nll_loss", _nll_loss, 2)
