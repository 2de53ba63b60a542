"""Parameters of one type side by side in one buffer, their gradients and an optimiser's state in others."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from eckart._native import nn as native
from eckart.nn.tensor import Array, Tensor

_CACHE_LINE = 64  # bytes: each parameter begins at a multiple, the gaps hold zeros


class Run(NamedTuple):
    """Neighbouring parameters that take the same step.

    data, gradient : flat views; states : the same stretch of each state; steps : taken before
    """

    data: Array
    gradient: Array
    states: dict[str, Array]
    steps: int


class Flat:
    """Moves the `data` of tensors into views of one buffer, and gives each a `buffer` for its gradient.

    parameters : tensors of one floating-point type
    data, gradient, states[name] : flat arrays; `place(i)` is where parameter i lies in each
    counts : for each parameter, how many steps it took
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = list(parameters)
        self.dtype = self.parameters[0].dtype
        self._bounds, n = [], 0
        for p in self.parameters:
            self._bounds.append((n, n + p.size))
            line = _CACHE_LINE // self.dtype.itemsize
            n += -(-p.size // line) * line
        self.size = n
        self.data, self.gradient = self._zeros(), self._zeros()
        self.states: dict[str, Array] = {}
        self.counts = [0] * len(self.parameters)
        self._views = [self.view(self.data, i) for i in range(len(self.parameters))]
        self._buffers = [self.view(self.gradient, i) for i in range(len(self.parameters))]
        self._move_in()

    def _zeros(self) -> Array:
        array = native.empty([self.size], self.dtype)
        array.fill(0)
        return array

    def place(self, i: int) -> slice:
        """Return where parameter i lies."""
        return slice(*self._bounds[i])

    def view(self, flat: Array, i: int) -> Array:
        """Return the part of a flat array that belongs to parameter i, in its shape."""
        return flat[self.place(i)].reshape(self.parameters[i].shape)

    def state(self, name: str, start: Any = 0) -> Array:
        """Return a state, made at its first use: filled with a number, or a copy of an array."""
        if name not in self.states:
            self.states[name] = self._zeros()
            self.states[name][...] = start
        return self.states[name]

    def _move_in(self) -> None:
        """Fetch parameters whose `data` someone has replaced since, and gradients that lie elsewhere."""
        for p, view, buffer in zip(self.parameters, self._views, self._buffers, strict=True):
            if p.data is not view:
                if p.data.shape != view.shape or p.data.dtype != view.dtype:
                    raise ValueError(
                        f"a parameter was {view.dtype} of shape {view.shape} and is now {p.data.dtype} of "
                        f"shape {p.data.shape}: make a new optimiser"
                    )
                view[...] = p.data
                p.data = view
            if p.buffer is not buffer:
                p.buffer = buffer
            if p.grad is not None and p.grad is not buffer:
                buffer[...] = p.grad
                p.grad = buffer

    def runs(self) -> Iterator[Run]:
        """Yield what is to be stepped; parameters without a gradient are left out, and not counted."""
        self._move_in()
        counts = self.counts
        whole = all([p.grad is not None for p in self.parameters])
        if whole and counts.count(counts[0]) == len(counts):
            yield Run(self.data, self.gradient, self.states, counts[0])
            self.counts = [counts[0] + 1] * len(counts)
            return
        i = 0
        while i < len(counts):
            first, count = i, counts[i]
            while i < len(counts) and counts[i] == count and self.parameters[i].grad is not None:
                counts[i] += 1
                i += 1
            if i > first:
                part = slice(self._bounds[first][0], self._bounds[i - 1][1])
                states = {name: state[part] for name, state in self.states.items()}
                yield Run(self.data[part], self.gradient[part], states, count)
            else:
                i += 1
