"""Tensors over NumPy arrays that remember how they came about, and the way back through it.

An operation is a rule in one table: how it is computed, and what a gradient of its output becomes at its
inputs (the vector-Jacobian product). Nothing here knows a single operation: `ops` and `functional` fill the
table, and give tensors their operators and methods.
"""

import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from eckart.base.errors import EckartError
from eckart.nn.arrays import Array, assign, plus


class Rule(NamedTuple):
    """An operation.

    forward : (*arrays, **options) -> array, or (array, what the way back wants to keep)
    backward : (step, gradient) -> for each input its gradient, or None where `step.needs` has no use for it
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[["Step", Array], Sequence[Array | None]]


RULES: dict[str, Rule] = {}


class _Mode(threading.local):
    recording = True
    anomaly = False
    planning = False


_mode = _Mode()


@dataclass(eq=False, slots=True)
class Step:
    """One application of a rule: what the way back needs of it."""

    rule: Rule
    inputs: Sequence["Tensor"]
    arrays: Sequence[Array]  # of the inputs
    output: Array
    saved: Any  # what forward kept
    options: dict[str, Any]
    order: int = field(default_factory=count().__next__)
    needs: Sequence[bool] = ()  # for each input, whether its gradient is wanted: known on the way back
    claimed: set[int] | None = None  # leaves whose buffers are taken in this pass
    place: Any = None  # where in the caller's program, while anomalies are looked for

    @property
    def targets(self) -> list[Array | None]:
        """For each input, the array that its gradient may be written into instead of a new one, or None.

        For a rule that then fills all that it gets: a leaf's buffer is given away once a pass, and only while
        nothing is in it.
        """
        found: list[Array | None] = []
        for t, needed in zip(self.inputs, self.needs, strict=True):
            free = needed and t.buffer is not None and t.grad is None
            free = free and self.claimed is not None and id(t) not in self.claimed
            if free:
                self.claimed.add(id(t))  # type: ignore[union-attr]
            found.append(t.buffer if free else None)
        return found

    def release(self) -> None:
        """Let go of the arrays: a graph is walked once, and its memory is the next one's."""
        self.inputs = self.arrays = ()
        self.output = self.saved = None  # type: ignore[assignment]


class Tensor:
    """An array, its gradient, and the step that made it.

    data : ndarray of any shape; numbers and lists become `dtype` or float32, arrays keep their type
    requires_grad : whether `backward` is to reach it; only for floating point
    grad : ndarray of the same shape, or None; gradients of several backward passes add up
    """

    __slots__ = ("__weakref__", "buffer", "data", "grad", "requires_grad", "step")
    __array_ufunc__ = None  # ndarray + Tensor is Tensor.__radd__
    __hash__ = object.__hash__  # == compares elements

    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None) -> None:
        if isinstance(data, Tensor):
            data = data.data
        if dtype is None and not isinstance(data, (np.ndarray, np.generic)):
            data = np.asarray(data)
            dtype = np.float32 if data.dtype.kind == "f" else None
        self.data: Array = np.asarray(data, dtype=dtype)
        if requires_grad and self.data.dtype.kind != "f":
            raise ValueError(f"requires_grad: expected floating point, got a tensor of {self.data.dtype}")
        self.requires_grad = bool(requires_grad)
        self.grad: Array | None = None
        self.buffer: Array | None = None  # where an optimiser wants the gradient to be
        self.step: Step | None = None

    shape = property(lambda self: self.data.shape)
    dtype = property(lambda self: self.data.dtype)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.data, dtype=dtype) if copy else np.asarray(self.data, dtype=dtype)

    def numpy(self) -> Array:
        """Return the array itself, not a copy."""
        return self.data

    def item(self) -> Any:
        """Return the single number as Python's; ValueError if there are more."""
        return self.data.item()

    def detach(self) -> "Tensor":
        """Return a tensor of the same array without a history."""
        return Tensor(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        return float(self.data.item())

    def __int__(self) -> int:
        return int(self.data.item())

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("a Tensor cannot be changed in place: use ops.where, ops.scatter, or its .data")

    def __repr__(self) -> str:
        made = f", made by {self.step.rule.name}" if self.step is not None else ""
        made = made or (", requires_grad=True" if self.requires_grad else "")
        return f"Tensor({np.array2string(self.data, separator=', ', prefix='Tensor(')}{made})"

    def leaves(self) -> list["Tensor"]:
        """Return the tensors that `backward` would give gradients to."""
        if self.step is None:
            return [self] if self.requires_grad else []
        behind = [t for step in _steps_behind(self) for t in step.inputs]
        return list({id(t): t for t in behind if t.requires_grad and t.step is None}.values())

    def backward(self, gradient: Any = None, retain_graph: bool = False) -> None:
        """Add to the `grad` of every leaf that requires one the derivative of this tensor.

        gradient : what is propagated, of this tensor's shape; may be left out for a single number. Raises
        ValueError for another shape, RuntimeError where there is no history (any more).
        """
        taken = None if retain_graph else {id(_memory(np.asarray(gradient)))}
        for tensor, found in _propagate(self, gradient, None, retain_graph):
            tensor._receive(found, taken)

    def _receive(self, gradient: Array, taken: set[int] | None) -> None:
        if self.grad is not None:
            self.grad = np.asarray(plus(self.grad, gradient, self.buffer))
        elif self.buffer is None:
            self.grad = _own(gradient, taken)
        else:
            if gradient is not self.buffer:
                assign(self.buffer, gradient)
            self.grad = self.buffer


def apply(operation: str | Rule, *inputs: Any, **options: Any) -> Tensor:
    """Return the tensor that a rule (or the rule of a name) makes of the inputs, and remember how.

    inputs : tensors, arrays or numbers; numbers take the type of the tensors beside them
    """
    rule = RULES[operation] if type(operation) is str else operation
    for x in inputs:
        if type(x) is not Tensor:
            inputs = _lifted(inputs)
            break
    arrays = [t.data for t in inputs]
    try:
        result = rule.forward(*arrays, **options)
    except (ValueError, IndexError) as error:
        kind = ValueError if isinstance(error, ValueError) else IndexError
        shapes = " and ".join([str(a.shape) for a in arrays])
        raise kind(f"{rule.name}: {error}; got {shapes}") from error
    out = Tensor.__new__(Tensor)
    data, saved = result if type(result) is tuple else (result, None)
    out.data = data = data if type(data) is np.ndarray else np.asarray(data)
    out.grad = out.buffer = out.step = None
    out.requires_grad = False
    if _mode.anomaly:
        _check(f"the output of {rule.name}", data, None)
    if _mode.recording:
        for t in inputs:
            if t.requires_grad:
                if data.dtype.kind == "f":
                    out.requires_grad = True
                    out.step = Step(rule, inputs, arrays, data, saved, options)
                    if _mode.anomaly:
                        out.step.place = traceback.extract_stack(limit=12)[:-1]
                break
    return out


def _lifted(inputs: Sequence[Any]) -> tuple[Tensor, ...]:
    """Return all inputs as tensors; numbers take the type of the floats beside them, or of what there is."""
    numbers = [isinstance(x, (bool, int, float)) for x in inputs]
    lifted = [
        x if number or isinstance(x, Tensor) else Tensor(x) for x, number in zip(inputs, numbers, strict=True)
    ]
    kinds = [t.dtype for t, number in zip(lifted, numbers, strict=True) if not number]
    floats = [k for k in kinds if k.kind == "f"]
    for i, x in enumerate(inputs):
        if numbers[i]:
            kind = np.result_type(*floats) if floats else np.result_type(*kinds, x) if kinds else None
            lifted[i] = Tensor(x, dtype=kind)
    return tuple(lifted)


def grad(
    output: Tensor, inputs: Sequence[Tensor], gradient: Any = None, retain_graph: bool = False
) -> list[Array]:
    """Return the derivatives of `output` with respect to these tensors alone; no `grad` is touched.

    Whatever does not lead to them is not computed: an attack on an input pays nothing for the weights. Zeros
    for inputs that the output does not depend on. Raises as :meth:`Tensor.backward` does.
    """
    found = {id(tensor): value for tensor, value in _propagate(output, gradient, inputs, retain_graph)}
    taken = None if retain_graph else {id(_memory(np.asarray(gradient)))}
    return [_own(found[id(t)], taken) if id(t) in found else np.zeros_like(t.data) for t in inputs]


def _memory(array: Any) -> Any:
    """Return the object that owns the memory of an array."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array


def _own(gradient: Any, taken: set[int] | None) -> Array:
    """Return a gradient that nobody else holds: a copy, for rules hand the same array to several inputs.

    What native code returns is new in each call: it is handed on itself, unless it is `taken` (None: all is).
    """
    memory = _memory(gradient)
    if (
        taken is None
        or type(memory).__name__ != "PyCapsule"
        or id(memory) in taken
        or not gradient.flags.writeable
    ):
        return np.array(gradient)
    taken.add(id(memory))
    return gradient


def _propagate(
    output: Tensor, gradient: Any, inputs: Sequence[Tensor] | None, retain: bool
) -> list[tuple[Tensor, Array]]:
    """Return the gradients of the leaves (or of `inputs`), walking the steps from the last to the first."""
    gradients = {id(output.step or output): _first_gradient(output, gradient)}
    summed: set[int] = set()  # whose gradient is an array of this walk alone
    steps = _steps_behind(output)
    wanted = None if inputs is None else _leading_to(inputs, steps)
    kept = {id(t.step or t) for t in inputs or ()}
    leaves = {} if output.step else {id(output): output}
    claimed: set[int] | None = set() if inputs is None else None
    for step in steps:
        key = id(step)
        if key not in gradients:
            continue
        arrived = gradients[key] if key in kept else gradients.pop(key)
        if wanted is None:
            step.needs = [t.requires_grad for t in step.inputs]
        else:
            step.needs = [t.requires_grad and id(t.step or t) in wanted for t in step.inputs]
        step.claimed = claimed
        found = step.rule.backward(step, arrived) if True in step.needs else [None] * len(step.needs)
        for tensor, needed, value in zip(step.inputs, step.needs, found, strict=True):
            if not needed or value is None:
                continue
            if _mode.anomaly:
                _check(f"the gradient of {step.rule.name}", value, step.place)
            key = id(tensor.step or tensor)
            if key not in gradients:
                gradients[key] = value
            else:
                before = gradients[key]
                own = before if key in summed or before is tensor.buffer else None
                gradients[key] = np.asarray(plus(before, value, own))
                summed.add(key)
            if tensor.step is None:
                leaves[key] = tensor
        if not retain:
            step.release()
    if inputs is not None:
        return [(t, gradients[id(t.step or t)]) for t in inputs if id(t.step or t) in gradients]
    return [(tensor, gradients[key]) for key, tensor in leaves.items()]


def _first_gradient(output: Tensor, gradient: Any) -> Array:
    if not output.requires_grad:
        raise RuntimeError("backward: expected a tensor that depends on one with requires_grad=True")
    if gradient is None:
        if output.size != 1:
            raise ValueError(f"gradient: expected one for a tensor of shape {output.shape}, got None")
        return np.ones_like(output.data)
    start = np.asarray(gradient, dtype=output.dtype)
    if start.shape != output.shape:
        raise ValueError(f"gradient: expected shape {output.shape}, got {start.shape}")
    return start


def _steps_behind(output: Tensor) -> list[Step]:
    """Return the steps that led to a tensor, last first."""
    seen: dict[int, Step] = {}
    waiting = [output.step] if output.step is not None else []
    while waiting:
        step = waiting.pop()
        if step.order in seen:
            continue
        if not step.inputs:
            raise RuntimeError(
                f"backward: the graph behind {step.rule.name} was walked before; pass retain_graph=True there"
            )
        seen[step.order] = step
        for t in step.inputs:
            if t.step is not None:
                waiting.append(t.step)
    return [seen[order] for order in sorted(seen, reverse=True)]


def _leading_to(inputs: Sequence[Tensor], steps: list[Step]) -> set[int]:
    """Return the ids of `inputs` (or of their steps) and of all steps that depend on them."""
    found = {id(t.step or t) for t in inputs}
    for step in reversed(steps):
        if any([id(t.step or t) in found for t in step.inputs]):
            found.add(id(step))
    return found


def _check(what: str, values: Array, place: Any) -> None:
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    worst = np.unravel_index(int(np.argmin(np.isfinite(values))), values.shape)
    made = "" if place is None else "; the step was made at\n" + "".join(traceback.format_list(place))
    raise FloatingPointError(
        f"{what} holds {values[worst]} at {tuple(map(int, worst))}, shape {values.shape}{made}"
    )


@contextmanager
def no_grad() -> Iterator[None]:
    """Within, nothing is remembered: for evaluation, and for updates of parameters. Also a decorator."""
    before, _mode.recording = _mode.recording, False
    try:
        yield
    finally:
        _mode.recording = before


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Within, FloatingPointError names the operation in which a NaN or an infinity was born. Slow."""
    before, _mode.anomaly = _mode.anomaly, True
    try:
        yield
    finally:
        _mode.anomaly = before


@contextmanager
def planning() -> Iterator[None]:
    """Within, what cannot be recorded raises: see :class:`eckart.nn.Plan`."""
    before, _mode.planning = _mode.planning, True
    try:
        yield
    finally:
        _mode.planning = before


def refuse_in_plan(what: str) -> None:
    """Raise EckartError while a plan is recorded: `what` is not the same, or not native, each time."""
    if _mode.planning:
        raise EckartError(f"{what} cannot be part of a plan")
