"""How an operation enters the table: what it computes, and beside it its local derivatives."""

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from eckart.nn.arrays import unbroadcast
from eckart.nn.tensor import RULES, Array, Rule, Step, Tensor, apply


def define(name: str, forward: Callable[..., Any], *derivatives: Callable[..., Array] | None) -> Any:
    """Enter an operation into the table and return its function.

    forward(*arrays, **options) -> array. derivatives[i](g, y, *arrays, **options) -> gradient of input i, of
    the output's or of the input's shape; None for inputs that have none, as indices.
    """

    def backward(step: Step, gradient: Array) -> list[Array | None]:
        return [
            unbroadcast(derivative(gradient, step.output, *step.arrays, **step.options), array)
            if need and derivative is not None
            else None
            for derivative, array, need in zip(derivatives, step.arrays, step.needs, strict=True)
        ]

    RULES[name] = Rule(name, forward, backward)
    return operation(name, forward, len(derivatives))


def operation(name: str, forward: Callable[..., Any], n_inputs: int) -> Callable[..., Tensor]:
    """Return the function of a rule, with forward's docstring: first `n_inputs` tensors, then options."""
    options = () if isinstance(forward, np.ufunc) else tuple(inspect.signature(forward).parameters)[n_inputs:]
    known = frozenset(options)

    def function(*arguments: Any, **named: Any) -> Tensor:
        if len(arguments) == n_inputs and not named:
            return apply(name, *arguments)
        if not n_inputs <= len(arguments) <= n_inputs + len(options) or not named.keys() <= known:
            raise TypeError(
                f"{name}: expected {n_inputs} tensor(s) and the options {options}, got {len(arguments)} "
                f"argument(s) and {tuple(named)}"
            )
        given = zip(options, arguments[n_inputs:], strict=False)
        return apply(name, *arguments[:n_inputs], **dict(given), **named)

    function.__name__ = function.__qualname__ = name
    said = f"{name} of {n_inputs} tensor(s); options: {', '.join(options) or 'none'}."
    function.__doc__ = (isinstance(forward, FunctionType) and forward.__doc__) or said
    return function


def function(forward: Callable[..., Any], backward: Callable[[Step, Array], Any]) -> Callable[..., Tensor]:
    """Return an operation of one's own, made of two functions of arrays.

    forward : (*arrays, **options) -> array, or (array, what backward wants to keep)
    backward : (step, gradient) -> the gradient at each input, a list (None where there is none). `step` has
        arrays, output, saved, options and needs, whether each input's gradient is wanted

    The operation takes tensors, arrays or numbers. On the way back, ValueError for gradients of a wrong
    number or shape. An example, a sign that lets gradients through (a straight-through estimator)::

        binarize = function(np.sign, lambda step, gradient: [gradient])
        binarize(x).sum().backward()
    """
    name = getattr(forward, "__name__", "function")

    def checked(step: Step, gradient: Array) -> Any:
        found = backward(step, gradient)
        shapes = [None if v is None else np.shape(v) for v in found]
        expected = [a.shape for a in step.arrays]
        if len(found) != len(expected) or any(
            s not in (None, e) for s, e in zip(shapes, expected, strict=True)
        ):
            raise ValueError(f"backward of {name}: expected gradients of shapes {expected}, got {shapes}")
        return found

    rule = Rule(name, forward, checked)
    return lambda *inputs, **options: apply(rule, *inputs, **options)
