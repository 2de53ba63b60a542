"""Dropout (Srivastava et al. 2014), with random numbers that depend on nothing but their names."""

from typing import Any

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_float
from eckart.nn.init import calls
from eckart.nn.ops.kernels import floating
from eckart.nn.states import count
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply

__all__ = ["dropout"]


def dropout(input: Any, p: float = 0.5, training: bool = True, *, stream: Array | None = None) -> Tensor:
    """Return x with each number zero with probability p, the others divided by 1 - p; x itself unless
    training.

    stream : int64 array (seed, calls so far), to which each call adds one; None: that of
        :func:`eckart.nn.manual_seed`. Which numbers are zero depends on these two and their places alone.
    """
    p = check_float(p, "p", high=1.0)
    x = input if isinstance(input, Tensor) else Tensor(input)
    if not (training and p):
        return x
    return apply("dropout", x, p=p, stream=count(calls() if stream is None else stream))


def _forward(x: Array, *, p: float, stream: Array) -> Array:
    return native.dropout(floating(x), p, stream, get_num_threads())


def _backward(step: Step, gradient: Array) -> list[Array | None]:
    return [_forward(gradient, **step.options)]  # the same numbers again: no mask is kept


RULES["dropout"] = Rule("dropout", _forward, _backward)
