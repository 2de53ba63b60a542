"""A step whose operations and shapes do not change, recorded once and run again without Python in it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.errors import EckartError
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_int
from eckart.nn.arrays import assign
from eckart.nn.states import put_back
from eckart.nn.tensor import Array, Tensor

Loss = Callable[..., Any]


class Plan:
    """The native kernels of a forward and backward pass, in their order, on the same arrays each time.

        plan = Plan(lambda x, y: functional.cross_entropy(net(x), y))
        for x, y in loader:
            loss = plan(x, y)            # as loss.backward() would: gradients are in place
            optimizer.step()

    loss : called with the inputs as arrays, returns one number as a Tensor, or that and further tensors; its
        leaves must belong to an optimiser already, so that they and their gradients have a fixed place
    inputs : arrays of a batch to record at once; without, the first one that comes is
    shapes : batches of so many different shapes and types are recorded, each with arrays of its own; others
        are run as they are, which gives the same bits

    outputs : arrays of the further tensors, of the last batch; the next one writes over them

    What a step does in Python is done once and never again: a branch that depends on the numbers is not
    taken anew, and what NumPy computes instead of kernels cannot be planned. So each recording is compared
    with the step on changed inputs, to the bit, and refused with an EckartError where they differ. Dropout
    and running averages move on in a plan as they do in a step; recording leaves them where they were.
    """

    def __init__(self, loss: Loss, *inputs: Any, shapes: int = 8) -> None:
        self.shapes = check_int(shapes, "shapes")
        self.outputs: list[Array] = []
        self._loss = loss
        self._recordings: dict[Any, _Recording] = {}
        if inputs:
            arrays = [np.asarray(x) for x in inputs]
            self._recordings[_kinds(arrays)] = _Recording(loss, arrays)

    def __call__(self, *inputs: Any) -> float:
        """Run the step on a batch: the loss is returned, the gradients are in the parameters' `grad`.

        Raises what the step raises, EckartError where it cannot be planned.
        """
        arrays = [np.asarray(x) for x in inputs]
        kinds = _kinds(arrays)
        recording = self._recordings.get(kinds)
        if recording is None:
            if len(self._recordings) >= self.shapes:
                loss, self.outputs, _ = _step(self._loss, arrays)
                return float(loss)
            recording = self._recordings[kinds] = _Recording(self._loss, arrays)
        self.outputs = recording.outputs
        return recording.replay(arrays)


class _Recording:
    """The kernels of a step for inputs of one shape, and the arrays that they read and write."""

    def __init__(self, loss: Loss, given: Sequence[Array]) -> None:
        self.inputs = [np.array(x, order="C") for x in given]
        native.begin_recording()
        try:
            with put_back() as states:
                self.loss, self.outputs, self.parameters = _step(loss, self.inputs)
        finally:
            self.kernels = native.end_recording()
        for p in self.parameters:
            if p.buffer is None or p.grad is not p.buffer:
                raise EckartError(
                    f"a parameter of shape {p.shape} has no fixed place for its gradient: give it to an "
                    "optimiser first"
                )
        self.places = [(p.data, p.buffer) for p in self.parameters]
        self.states = [array for array, _ in states.values()]
        self.compare(loss, [_changed(x) for x in given])

    def replay(self, inputs: Sequence[Array]) -> float:
        for place, given in zip(self.inputs, inputs, strict=True):
            assign(place, given)
        for p, (data, _) in zip(self.parameters, self.places, strict=True):
            if p.data is not data:  # someone gave it another array, as loading a state does
                data[...] = p.data
                p.data = data
        native.replay(self.kernels, get_num_threads())
        for p, (_, gradient) in zip(self.parameters, self.places, strict=True):
            p.grad = gradient
        return float(self.loss)

    def compare(self, loss: Loss, inputs: Sequence[Array]) -> None:
        """See that a replay is the step, on inputs that differ from the recorded ones everywhere."""
        with put_back():
            before = [array.copy() for array in self.states]
            self.replay(inputs)
            planned = [np.array(a) for a in (self.loss, *self.outputs, *self.moved())]
            for array, value in zip(self.states, before, strict=True):
                array[...] = value
            value, outputs, _ = _step(loss, inputs)
            found = [value, *outputs, *self.moved()]
            same = [np.array_equal(a, b, equal_nan=True) for a, b in zip(planned, found, strict=True)]
        if not all(same):
            raise EckartError(
                "the step computes something outside native kernels and cannot be planned: layers, losses, "
                "matrix products, sums of two tensors and rearrangements can, NumPy's functions cannot"
            )

    def moved(self) -> list[Any]:
        return [*[p.grad for p in self.parameters], *self.states]


def _step(loss: Loss, inputs: Sequence[Array]) -> tuple[Array, list[Array], list[Tensor]]:
    """Return the loss, the further outputs and the leaves of a step, whose gradients are there afterwards."""
    found = loss(*inputs)
    out, *rest = found if isinstance(found, tuple) else (found,)
    leaves = out.leaves()
    for p in leaves:
        p.grad = None
    out.backward()
    return out.data, [t.data for t in rest], leaves


def _kinds(arrays: Sequence[Array]) -> Any:
    return tuple([(a.shape, a.dtype) for a in arrays])


def _changed(x: Array) -> Array:
    if x.dtype.kind == "f":
        return (0.5 * x[::-1] + x.dtype.type(0.25)).astype(x.dtype)
    return np.where(x == 0, 1, 0).astype(x.dtype)
