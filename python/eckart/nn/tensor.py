"""Tensors over NumPy arrays that remember how they came about, and the way back through it.

An operation is a rule in one table: how it is computed, and what a gradient of its output becomes at its
inputs (the vector-Jacobian product). Nothing here knows a single operation: `ops` and `functional` fill the
table, and give tensors their operators and methods.
"""

import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from eckart.nn.arrays import Array, assign, plus


class Rule(NamedTuple):
    """An operation.

    forward : (*arrays, **options) -> array, or (array, what the way back wants to keep)
    backward : (step, gradient) -> for each input its gradient, or None where `step.needs` has no use for it
    optional : how many of the last inputs may be None: forward gets None, and they need no gradient
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[["Step", Array], Sequence[Array | None]]
    optional: int = 0


RULES: dict[str, Rule] = {}


class _Mode(threading.local):
    recording = True
    anomaly = False


_mode = _Mode()


class Step:
    """One application of a rule: what the way back needs of it.

    arrays : of the inputs; saved : what forward kept; order : steps count up as they are made
    needs : for each input, whether its gradient is wanted: known on the way back
    arrived : the gradients that have come in on this way back, where leaves are to receive theirs
    place : where in the caller's program, while anomalies are looked for
    """

    __slots__ = (
        "arrays", "arrived", "inputs", "needs", "options", "order", "output", "place", "rule", "saved",
    )  # fmt: skip
    _count = count()

    def __init__(
        self, rule: Rule, inputs: Sequence["Tensor"], arrays: Sequence[Array], output: Array, saved: Any,
        options: dict[str, Any],
    ) -> None:  # fmt: skip
        self.rule, self.inputs, self.arrays, self.options = rule, inputs, arrays, options
        self.output, self.saved, self.order = output, saved, next(Step._count)
        self.needs: Sequence[bool] = ()
        self.arrived: dict[Any, Array] | None = None
        self.place: Any = None

    def target(self, i: int) -> Array | None:
        """Return the array that the gradient of input i may be written into instead of a new one, or None.

        For a rule that then fills all of it: a leaf's buffer is given away only while nothing is in it.
        """
        if self.arrived is None or i >= len(self.inputs) or not self.needs[i]:
            return None
        leaf = self.inputs[i]
        if leaf.grad is not None or leaf in self.arrived:
            return None
        for other in self.inputs[:i]:
            if other is leaf:
                return None
        return leaf.buffer

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
        first = _first_gradient(self, gradient)
        taken = None if retain_graph else {id(_memory(first))}
        for leaf, found in _walk_back(self, first, None, retain_graph).items():
            leaf._receive(found, taken)

    def _receive(self, gradient: Array, taken: set[int] | None) -> None:
        buffer = self.buffer
        if self.grad is not None:
            self.grad = np.asarray(plus(self.grad, gradient, buffer))
        elif buffer is None:
            self.grad = _own(gradient, taken)
        else:
            if gradient is not buffer:
                assign(buffer, gradient)
            self.grad = buffer


def apply(operation: str | Rule, *inputs: Any, **options: Any) -> Tensor:
    """Return the tensor that a rule (or the rule of a name) makes of the inputs, and remember how.

    inputs : tensors, arrays or numbers; numbers take the type of the tensors beside them
    """
    rule = RULES[operation] if type(operation) is str else operation
    for x in inputs:
        if type(x) is not Tensor:
            inputs = _lifted(rule, inputs)
            break
    arrays = [t.data for t in inputs]
    try:
        result = rule.forward(*arrays, **options)
    except (ValueError, IndexError) as error:
        kind = ValueError if isinstance(error, ValueError) else IndexError
        shapes = " and ".join([str(a.shape) for a in arrays if a is not None])
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


def _lifted(rule: Rule, inputs: Sequence[Any]) -> tuple[Tensor, ...]:
    """Return all inputs as tensors; numbers take the type of the floats beside them, or of what there is."""
    if any([x is None for x in inputs[: len(inputs) - rule.optional]]):
        raise TypeError(f"{rule.name}: expected tensors, arrays or numbers, got None")
    numbers = [i for i, x in enumerate(inputs) if isinstance(x, (bool, int, float))]
    lifted = [
        x if isinstance(x, Tensor) or i in numbers else _ABSENT if x is None else Tensor(x)
        for i, x in enumerate(inputs)
    ]
    if numbers:
        kinds = [t.dtype for i, t in enumerate(lifted) if i not in numbers]
        floats = [k for k in kinds if k.kind == "f"]
    for i in numbers:
        kind = np.result_type(*floats) if floats else np.result_type(*kinds, inputs[i]) if kinds else None
        lifted[i] = Tensor(inputs[i], dtype=kind)
    return tuple(lifted)


_ABSENT = Tensor(())
_ABSENT.data = None  # type: ignore[assignment]


def grad(
    output: Tensor, inputs: Tensor | Sequence[Tensor], gradient: Any = None, retain_graph: bool = False
) -> list[Array]:
    """Return a list of the derivatives of `output` with respect to these tensors alone; no `grad` is touched.

    Whatever does not lead to them is not computed: an attack on an input pays nothing for the weights. Zeros
    for inputs that the output does not depend on. Raises as :meth:`Tensor.backward` does.
    """
    inputs = [inputs] if isinstance(inputs, Tensor) else inputs
    first = _first_gradient(output, gradient)
    arrived = _walk_back(output, first, inputs, retain_graph)
    taken = None if retain_graph else {id(_memory(first))}
    found = [arrived.get(t.step or t) for t in inputs]
    pairs = zip(inputs, found, strict=True)
    return [np.zeros_like(t.data) if g is None else _own(g, taken) for t, g in pairs]


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


def _walk_back(
    output: Tensor, first: Array, inputs: Sequence[Tensor] | None, retain: bool
) -> dict[Any, Array]:
    """Walk the steps behind a tensor from the last to the first, and return the gradients that came in.

    By leaves; or, where `inputs` are given, by these (by the steps that made them), passing over what does
    not lead there.
    """
    arrived: dict[Any, Array] = {output.step or output: first}
    summed: set[Any] = set()  # whose gradient is an array of this walk alone
    steps = _steps_behind(output)
    kept = frozenset([t.step or t for t in inputs or ()])
    wanted = None if inputs is None else _leading_to(kept, steps)
    for step in steps:
        if step not in arrived:
            continue
        gradient = arrived[step] if step in kept else arrived.pop(step)
        if wanted is None:
            step.needs, step.arrived = [t.requires_grad for t in step.inputs], arrived
        else:
            step.needs = [t.requires_grad and (t.step or t) in wanted for t in step.inputs]
        found = step.rule.backward(step, gradient) if True in step.needs else [None] * len(step.needs)
        for tensor, needed, value in zip(step.inputs, step.needs, found, strict=True):
            if not needed or value is None:
                continue
            if _mode.anomaly:
                _check(f"the gradient of {step.rule.name}", value, step.place)
            source = tensor.step or tensor
            if source not in arrived:
                arrived[source] = value
                continue
            before = arrived[source]
            own = before if source in summed or before is tensor.buffer else None
            arrived[source] = np.asarray(plus(before, value, own))
            summed.add(source)
        step.arrived = None
        if not retain:
            step.release()
    return arrived


def _first_gradient(output: Tensor, gradient: Any) -> Array:
    if not output.requires_grad:
        raise RuntimeError("backward: expected a tensor that depends on one with requires_grad=True")
    if gradient is None:
        if output.size != 1:
            raise ValueError(f"gradient: expected one for a tensor of shape {output.shape}, got None")
        return np.ones(output.shape, output.dtype)
    start = np.asarray(gradient, dtype=output.dtype)
    if start.shape != output.shape:
        raise ValueError(f"gradient: expected shape {output.shape}, got {start.shape}")
    return start


def _steps_behind(output: Tensor) -> list[Step]:
    """Return the steps that led to a tensor, last first."""
    found = [] if output.step is None else [output.step]
    seen = set(found)
    for step in found:  # grows on the way
        if not step.inputs:
            raise RuntimeError(
                f"backward: the graph behind {step.rule.name} was walked before; pass retain_graph=True there"
            )
        for t in step.inputs:
            if t.step is not None and t.step not in seen:
                seen.add(t.step)
                found.append(t.step)
    return sorted(found, key=attrgetter("order"), reverse=True)


def _leading_to(inputs: frozenset[Any], steps: list[Step]) -> set[Any]:
    """Return `inputs` (tensors, or the steps that made them) and all steps that depend on them."""
    found = set(inputs)
    for step in reversed(steps):
        if any([(t.step or t) in found for t in step.inputs]):
            found.add(step)
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
