"""Layers that bring numbers to mean 0 and variance 1, and scale them anew.

weight and bias are optional everywhere. ValueError where shapes or types do not fit.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.validation import check_int, check_option
from eckart.nn.arrays import contiguous
from eckart.nn.functional._native import like, operands, threads
from eckart.nn.states import approach
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]


def layer_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Return (x - mean) / sqrt(variance + eps) weight + bias (Ba, Kiros and Hinton 2016).

    Moments are over the trailing axes, which have `normalized_shape`, as weight and bias have.
    """
    return _layer_norm(input, normalized_shape, weight, bias, eps, centered=True)


def rms_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any = None, eps: float | None = None
) -> Tensor:
    """Return x / sqrt(mean(x^2) + eps) weight (Zhang and Sennrich 2019); eps: of the type, if None."""
    eps = float(np.finfo(np.asarray(input).dtype).eps) if eps is None else eps
    return _layer_norm(input, normalized_shape, weight, None, eps, centered=False)


def batch_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    activation: str | None = None,
) -> Tensor:
    """Normalise each channel over all others' axes (Ioffe and Szegedy 2015).

    input : (n, channels, ...)
    running_mean, running_var : (channels,) arrays. With `training` the moments are the batch's, and these
        (if given) move towards them in place by `momentum`, towards the variance over n - 1; without, they
        are the moments.
    activation : None, or "relu", applied in the same pass
    """
    x = input if isinstance(input, Tensor) else Tensor(input)
    if x.ndim < 2 or (not training and (running_mean is None or running_var is None)):
        raise ValueError(
            f"batch_norm: expected (n, channels, ...), and running_mean and running_var unless training, got "
            f"shape {x.shape}"
        )
    check_option(activation, "activation", (None, "relu"))
    channels = (x.shape[1],)
    running = [None if r is None else np.asarray(r) for r in (running_mean, running_var)]
    for name, r in zip(("running_mean", "running_var"), running, strict=True):
        if r is not None and r.shape != channels:
            raise ValueError(f"{name}: expected shape {channels}, got {r.shape}")
    if training:
        n = x.size // max(1, x.shape[1])
        if n < 2:
            raise ValueError(f"batch_norm: expected more than 1 value per channel in training, got {x.shape}")
        mean, variance = native.channel_moments(_planes(operands(x.data)[0]), threads())
        for r, now, scale in zip(running, (mean, variance), (1.0, n / (n - 1)), strict=True):
            if r is not None:
                approach(r, now, momentum, scale)
    else:
        mean, variance = (np.ascontiguousarray(r, dtype=x.dtype) for r in running)
    moments = {"mean": mean, "variance": variance, "eps": eps, "fixed": not training}
    return _affine("batch_norm", x, weight, bias, channels, rectified=activation == "relu", **moments)


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Normalise each group of channels of each example (Wu and He 2018): input (n, channels, ...)."""
    shape = np.shape(input)
    if len(shape) < 2 or shape[1] % check_int(num_groups, "num_groups"):
        raise ValueError(f"num_groups: expected a divisor of the channels of {shape}, got {num_groups}")
    return _affine("group_norm", input, weight, bias, (shape[1],), groups=num_groups, eps=eps)


def instance_norm(input: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Normalise each channel of each example (Ulyanov et al. 2016): input (n, channels, ...)."""
    return group_norm(input, np.shape(input)[1], weight, bias, eps)


def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Return x / (k + alpha / size sum x^2)^beta, summed over `size` channels around (Krizhevsky et al.
    2012).
    """
    if np.ndim(input) < 3:
        raise ValueError(f"input: expected (n, channels, ...) of 3 axes or more, got shape {np.shape(input)}")
    return apply("local_response_norm", input, window=check_int(size, "size"), alpha=alpha, beta=beta, k=k)


def _layer_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any, bias: Any, eps: float, centered: bool
) -> Tensor:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if np.shape(input)[-len(shape) :] != shape or not shape:
        raise ValueError(
            f"normalized_shape: expected the last axes of {np.shape(input)}, got {normalized_shape}"
        )
    return _affine("layer_norm", input, weight, bias, shape, axes=len(shape), eps=eps, centered=centered)


def _affine(rule: str, input: Any, weight: Any, bias: Any, shape: tuple[int, ...], **options: Any) -> Tensor:
    """Apply a rule to an input with a weight and a bias, or without."""
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and np.shape(value) != shape:
            raise ValueError(f"{name}: expected shape {shape}, got {np.shape(value)}")
    if bias is not None and weight is None:
        weight = np.ones(shape, np.asarray(bias).dtype)
    return apply(rule, input, weight, bias, **options)


def _parts(x: Array, weight: Array | None, bias: Array | None) -> list[Any]:
    """Return the arrays as the kernels want them, weight and bias flat or None."""
    x, weight, bias = operands(x, weight, bias)
    return [x, *[a if a is None else a.reshape(-1) for a in (weight, bias)]]


def _wanted(step: Step) -> list[Any]:
    """Return which gradients are wanted, and flat arrays for those of weight and bias, or None."""
    return [step.needs, *[t if t is None else t.reshape(-1) for t in (step.target(1), step.target(2))]]


def _planes(x: Array) -> Array:
    return x.reshape(*x.shape[:2], -1) if x.size else x.reshape(*x.shape[:2], 0)


def _rows(x: Array, axes: int) -> Array:
    columns = math.prod(x.shape[x.ndim - axes :])
    return x.reshape(x.size // columns if columns else 0, columns)


def _layer_forward(x: Array, *affine: Any, axes: int, eps: float, centered: bool) -> tuple[Array, Any]:
    x, weight, bias = _parts(x, *affine)
    y, mean, inverse = native.layer_norm(_rows(x, axes), weight, bias, eps, centered, threads())
    return y.reshape(x.shape), (_rows(x, axes), weight, mean, inverse)


def _layer_backward(step: Step, gradient: Array) -> list[Array | None]:
    dy = _rows(contiguous(gradient), step.options["axes"])
    found = native.layer_norm_backward(*step.saved, dy, step.options["centered"], *_wanted(step), threads())
    return like(found, step.arrays)


def _batch_forward(
    x: Array, *affine: Any, mean: Array, variance: Array, eps: float, fixed: bool, rectified: bool
) -> tuple[Array, Any]:
    given, (x, weight, bias) = x, _parts(x, *affine)
    y = native.batch_norm(_planes(x), mean, variance, weight, bias, eps, rectified, threads())
    return y.reshape(given.shape), (_planes(x), y, mean, variance, weight)


def _batch_backward(step: Step, gradient: Array) -> list[Array | None]:
    o, dy = step.options, _planes(contiguous(gradient))
    return like(native.batch_norm_backward(
        *step.saved, dy, o["eps"], o["rectified"], o["fixed"], *_wanted(step), threads()
    ), step.arrays)  # fmt: skip


def _group_forward(x: Array, *affine: Any, groups: int, eps: float) -> tuple[Array, Any]:
    given, (x, weight, bias) = x, _parts(x, *affine)
    y, mean, inverse = native.group_norm(_planes(x), groups, weight, bias, eps, threads())
    return y.reshape(given.shape), (_planes(x), groups, mean, inverse, weight)


def _group_backward(step: Step, gradient: Array) -> list[Array | None]:
    dy = _planes(contiguous(gradient))
    return like(native.group_norm_backward(*step.saved, dy, *_wanted(step), threads()), step.arrays)


def _response_forward(x: Array, **options: Any) -> tuple[Array, Any]:
    (planes,) = map(_planes, operands(x))
    y, d = native.response_norm(planes, **options, threads=threads())
    return y.reshape(x.shape), (planes, y, d)


def _response_backward(step: Step, gradient: Array) -> list[Array | None]:
    dy = _planes(contiguous(gradient))
    found = native.response_norm_backward(*step.saved, dy, **step.options, threads=threads())
    return like([found], step.arrays)


RULES["layer_norm"] = Rule("layer_norm", _layer_forward, _layer_backward, optional=2)
RULES["batch_norm"] = Rule("batch_norm", _batch_forward, _batch_backward, optional=2)
RULES["group_norm"] = Rule("group_norm", _group_forward, _group_backward, optional=2)
RULES["local_response_norm"] = Rule("local_response_norm", _response_forward, _response_backward)
