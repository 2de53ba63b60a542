"""The dense layer."""

import math
from typing import Any

from eckart._native import nn as native
from eckart.nn.arrays import contiguous
from eckart.nn.functional._native import like, operands, threads
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply

__all__ = ["linear"]


def linear(x: Any, weight: Any, bias: Any = None, activation: str | None = None) -> Tensor:
    """Return f(x W' + b), computed in one pass.

    x : (..., n_in); weight : (n_out, n_in); bias : (n_out,) or None
    activation : None, "relu", "tanh" or "sigmoid"

    Returns (..., n_out). Raises ValueError where the shapes or types do not fit.
    """
    return apply("linear", x, weight, bias, activation=activation or "none")


def _forward(x: Array, weight: Array, bias: Array | None, activation: str) -> tuple[Array, Any]:
    if x.ndim < 1 or weight.ndim != 2 or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"weight: expected (n_out, n_in) that fits x of {x.shape}, got {weight.shape}")
    rows, weight, bias = operands(_rows(x), weight, bias)
    y = native.linear(rows, weight, bias, activation, threads())
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], len(weight)), (rows, weight)


def _backward(step: Step, gradient: Array) -> list[Array | None]:
    activation = step.options["activation"]
    y = None if activation == "none" else _rows(step.output)
    dy = contiguous(_rows(gradient))
    found = native.linear_backward(
        *step.saved, dy, y, activation, step.needs, step.target(1), step.target(2), threads()
    )
    return like(found, step.arrays)


def _rows(x: Array) -> Array:
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


RULES["linear"] = Rule("linear", _forward, _backward, optional=1)
