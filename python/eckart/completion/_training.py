"""The loop around an iteration: history, convergence, early stopping, callback, progress, interruption."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from eckart.base.errors import DivergenceError
from eckart.base.progress import Progress

Record = dict[str, Any]
Callback = Callable[[Record], Any]


class IterateState(Protocol):
    """A model's parameters while they are trained."""

    def copy(self) -> Any: ...
    def assign(self, other: Any) -> None: ...


S = TypeVar("S", bound=IterateState)


@dataclass
class Trainer(Generic[S]):
    """Repeats ``step(state)`` until it converges, is stopped, or `max_iter` is reached.

    step : advances a state by one iteration, in place
    objective : what the iteration lowers
    validate : a validation error, or None
    tol : stop when the objective falls by less than this share of itself in an iteration; 0: never
    patience : with validation, stop after this many iterations without a new best; the best is kept

    `state` is always a whole iteration: a step works on a copy that is taken over when it is done,
    so an interrupt or a failure in between loses nothing.
    """

    state: S
    step: Callable[[S], None]
    objective: Callable[[S], float]
    max_iter: int
    tol: float
    label: str
    validate: Callable[[S], float] | None = None
    patience: int = 3
    callback: Callback | None = None
    verbose: bool = False
    history: list[Record] = field(default_factory=list)
    converged: bool = False

    def run(self) -> None:
        """Run the loop. Raises DivergenceError when the objective stops being finite."""
        best, best_error, since_best = None, np.inf, 0
        spare = self.state.copy()
        try:
            with Progress(self.label, self.max_iter, self.verbose) as bar:
                for iteration in range(1, self.max_iter + 1):
                    record = self._iterate(iteration, spare)
                    self.state, spare = spare, self.state
                    self.history.append(record)
                    bar.advance(_note(record))
                    if self.validate is not None:
                        if record["validation"] < best_error:
                            best_error, since_best = record["validation"], 0
                            best = self.state.copy()
                        else:
                            since_best += 1
                    if self._stops(record) or since_best >= self.patience:
                        break
        finally:
            if best is not None:
                self.state = best

    def _iterate(self, iteration: int, spare: S) -> Record:
        start = time.perf_counter()
        spare.assign(self.state)
        self.step(spare)
        record: Record = {"iteration": iteration, "objective": self.objective(spare)}
        if not np.isfinite(record["objective"]):
            raise DivergenceError(
                f"{self.label}: the objective is {record['objective']} after iteration {iteration}; "
                "the model keeps the state before it. Larger penalties or float64 data may help"
            )
        record["seconds"] = time.perf_counter() - start
        if self.validate is not None:
            record["validation"] = self.validate(spare)
        return record

    def _stops(self, record: Record) -> bool:
        if self.callback is not None and self.callback(dict(record)):
            return True
        if len(self.history) > 1:
            before, now = self.history[-2]["objective"], record["objective"]
            # Near the minimum the objective is flat to rounding long before the gradient is zero.
            self.converged = self.tol > 0 and before - now <= self.tol * abs(before)
        return self.converged


def _note(record: Record) -> str:
    text = f"objective {record['objective']:.6g}"
    return text + (f", validation {record['validation']:.4f}" if "validation" in record else "")
