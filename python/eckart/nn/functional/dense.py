"""The dense layer."""

import math
from typing import Any

from eckart._native import nn as native
from eckart.nn.functional._native import operands, threads
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply

__all__ = ["linear"]


def linear(x: Any, weight: Any, bias: Any = None, activation: str | None = None) -> Tensor:
    """Return f(x W' + b), computed in one pass.

    x : (..., n_in); weight : (n_out, n_in); bias : (n_out,) or None
    activation : None, "relu", "tanh" or "sigmoid"

    Returns (..., n_out). Raises ValueError where the shapes or types do not fit.
    """
    inputs = (x, weight) if bias is None else (x, weight, bias)
    return apply("linear", *inputs, activation=activation or "none")


def _forward(x: Array, weight: Array, bias: Array | None = None, *, activation: str) -> Array:
    if x.ndim < 1 or weight.ndim != 2 or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"weight: expected (n_out, n_in) that fits x of {x.shape}, got {weight.shape}")
    x, weight, *rest = operands(x, weight, *(() if bias is None else (bias,)))
    out = native.linear(_rows(x), weight, rest[0] if rest else None, activation, threads())
    return out.reshape(*x.shape[:-1], len(weight))


def _backward(step: Step, gradient: Array) -> list[Array | None]:
    x, weight, gradient = operands(*step.arrays[:2], gradient)
    activation = step.options["activation"]
    y = None if activation == "none" else _rows(step.output)
    needs, (dw, db) = (*step.needs, False)[:3], (*step.targets, None)[1:3]
    dx, dw, db = native.linear_backward(
        _rows(x), weight, _rows(gradient), y, activation, needs, dw, db, threads()
    )
    return [None if dx is None else dx.reshape(x.shape), dw, db][: len(step.arrays)]


def _rows(x: Array) -> Array:
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


RULES["linear"] = Rule("linear", _forward, _backward)
