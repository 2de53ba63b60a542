"""A step whose operations and shapes do not change, recorded once and run again without Python in it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.errors import EckartError
from eckart.base.threads import get_num_threads
from eckart.nn.arrays import assign
from eckart.nn.states import put_back
from eckart.nn.tensor import Array, Tensor


class Plan:
    """The native kernels of a forward and backward pass, in their order, on the same arrays each time.

        plan = Plan(lambda x, y: functional.cross_entropy(net(x), y), x, y)
        for x, y in loader:
            loss = plan(x, y)            # as loss.backward() would: gradients are in place
            optimizer.step()

    loss : called with the inputs as arrays, returns one number as a Tensor, or that and further tensors; its
        leaves must belong to an optimiser already, so that they and their gradients have a fixed place
    inputs : arrays of the first batch; all later ones must have their shapes and types

    outputs : arrays of the further tensors, of the last batch; the next one writes over them

    What a step does in Python is done once and never again: a branch that depends on the numbers is not
    taken anew, and what NumPy computes instead of kernels cannot be planned. So the plan is compared with the
    step on changed inputs, to the bit, and refused with an EckartError where they differ. Dropout and running
    averages move on in a plan as they do in a step; making it leaves them where they were. Raises ValueError
    for other shapes or types.
    """

    def __init__(self, loss: Callable[..., Any], *inputs: Any) -> None:
        given = [np.asarray(x) for x in inputs]
        self._inputs = [np.array(x, order="C") for x in given]
        self._parameters: list[Tensor] = []
        native.begin_recording()
        try:
            with put_back() as states:
                out, outputs = _loss_and_rest(loss(*self._inputs))
                self._parameters = out.leaves()
                for p in self._parameters:
                    p.grad = None
                out.backward()
        finally:
            self._recording = native.end_recording()
        self._loss, self.outputs = out.data, outputs
        self._places = [p.data for p in self._parameters]
        self._states = [array for array, _ in states.values()]
        with put_back():
            self._check(loss, given)

    def __call__(self, *inputs: Any) -> float:
        """Run the step on a batch: the loss is returned, the gradients are in the parameters' `grad`."""
        if not self.fits(*inputs):
            expected, came = (
                ", ".join([f"{np.asarray(a).dtype} of shape {np.shape(a)}" for a in arrays])
                for arrays in (self._inputs, inputs)
            )
            raise ValueError(f"expected inputs {expected}, got {came}")
        for place, given in zip(self._inputs, inputs, strict=True):
            assign(place, np.asarray(given))
        for p, place in zip(self._parameters, self._places, strict=True):
            if p.data is not place:  # someone gave it another array, as loading a state does
                place[...] = p.data
                p.data = place
        native.replay(self._recording, get_num_threads())
        for p in self._parameters:
            p.grad = p.buffer
        return float(self._loss)

    def fits(self, *inputs: Any) -> bool:
        """Return whether inputs have the types and shapes of the first batch."""
        return len(inputs) == len(self._inputs) and all(
            [
                a.dtype == place.dtype and a.shape == place.shape
                for a, place in zip(map(np.asarray, inputs), self._inputs, strict=True)
            ]
        )

    def _check(self, loss: Callable[..., Any], given: Sequence[Array]) -> None:
        """Compare with the step itself on inputs that differ from the recorded ones everywhere."""
        for p in self._parameters:
            if p.buffer is None or p.grad is not p.buffer:
                raise EckartError(
                    f"a parameter of shape {p.shape} has no fixed place for its gradient: give it to an "
                    "optimiser first"
                )
        changed = [_changed(x) for x in given]
        before = [array.copy() for array in self._states]
        self(*changed)
        planned = [np.array(a) for a in self._results(self._loss, self.outputs)]
        for p in self._parameters:
            p.grad = None
        for array, value in zip(self._states, before, strict=True):
            array[...] = value
        out, outputs = _loss_and_rest(loss(*changed))
        out.backward()
        found = self._results(out.data, outputs)
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(planned, found, strict=True)):
            raise EckartError("the step computes something outside native kernels and cannot be planned")

    def _results(self, loss: Array, outputs: Sequence[Array]) -> list[Any]:
        return [loss, *outputs, *[p.grad for p in self._parameters], *self._states]


def _loss_and_rest(found: Any) -> tuple[Tensor, list[Array]]:
    loss, *rest = found if isinstance(found, tuple) else (found,)
    return loss, [t.data for t in rest]


def _changed(x: Array) -> Array:
    if x.dtype.kind == "f":
        return (0.5 * x[::-1] + x.dtype.type(0.25)).astype(x.dtype)
    return np.where(x == 0, 1, 0).astype(x.dtype)
