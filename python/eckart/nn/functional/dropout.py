"""Dropout (Srivastava et al. 2014), with random numbers that depend on nothing but their names."""

from typing import Any

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_float
from eckart.nn.ops.kernels import floating
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply, refuse_in_plan

__all__ = ["dropout"]


def dropout(input: Any, p: float = 0.5, training: bool = True, *, seed: int = 0, call: int = 0) -> Tensor:
    """Return x with each number zero with probability p, the others divided by 1 - p; x itself unless
    training.

    Which are zero depends on (seed, call, place) alone: a layer counts its calls.
    """
    p = check_float(p, "p", high=1.0)
    x = input if isinstance(input, Tensor) else Tensor(input)
    if not (training and p):
        return x
    refuse_in_plan("dropout, which drops others each time,")
    return apply("dropout", x, p=p, seed=seed, call=call)


def _forward(x: Array, *, p: float, seed: int, call: int) -> Array:
    return native.dropout(floating(x), p, seed, call, get_num_threads())


def _backward(step: Step, gradient: Array) -> list[Array | None]:
    return [_forward(gradient, **step.options)]  # the same numbers again: no mask is kept


RULES["dropout"] = Rule("dropout", _forward, _backward)
