"""The iterations of a non-negative factorisation, and the rows of samples that come later."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.progress import Progress
from eckart.decomposition._nmf_halves import Half, Penalty, Sweeps

# Sweeps over the coordinates cost little beside the products with X, so a row gets two on each: on digits
# that halves the iterations; more save little.
INNER = Sweeps(most=2, tolerance=0.1)
ENCODE = 2000  # sweeps at most where H is fixed: only rows that still move take part
LOOK_BACK = 10  # iterations over which a loss must fall, where no gradient tells that it is at rest


@dataclass
class Loop:
    """W (n, k) and H' (d, k) and how they came about; both are improved in place.

    w_half, h_half : what improves each, with its penalty of `penalties`
    history : a record for the start and one for each iteration
    """

    w_half: Half
    h_half: Half
    penalties: tuple[Penalty, Penalty]
    w: NDArray[Any]
    h: NDArray[Any]
    history: list[dict[str, Any]] = field(default_factory=list)
    n_iter: int = 0
    converged: bool = False

    def run(self, max_iter: int, tol: float, verbose: bool) -> None:
        """Iterate until the violation is `tol` of the first, or where the solver knows none, the root of the
        objective falls by less than `tol` of its first value in LOOK_BACK iterations.

        An iteration's objective comes with the next one's products, so it is recorded one iteration late.
        """
        first, seconds = np.inf, 0.0
        with Progress("NMF", max_iter, verbose) as bar:
            while self.n_iter < max_iter and not self.converged:
                begin, penalty = time.perf_counter(), self._penalty()
                loss, violation = self.w_half.improve(self.w, self.h, INNER, measure=True)
                violation += self.h_half.improve(self.h, self.w, INNER, measure=False)[1]
                self._record(loss + penalty, seconds)
                seconds = time.perf_counter() - begin
                self.n_iter += 1
                first = violation if self.n_iter == 1 else first
                self.converged = self._at_rest(tol) if np.isnan(violation) else violation <= tol * first
                bar.advance(f"objective {self.history[-1]['objective']:.6g}")
        self._seconds = seconds

    def finish(self) -> float:
        """Record the objective of the end; return the loss without penalties."""
        loss = self.w_half.loss(self.w, self.h)
        self._record(loss + self._penalty(), getattr(self, "_seconds", 0.0))
        return loss

    def _penalty(self) -> float:
        return self.penalties[0].of(self.w) + self.penalties[1].of(self.h)

    def _record(self, objective: float, seconds: float) -> None:
        self.history.append({"iteration": self.n_iter, "objective": objective, "seconds": seconds})

    def _at_rest(self, tol: float) -> bool:
        if len(self.history) <= LOOK_BACK:
            return False
        roots = [np.sqrt(max(self.history[i]["objective"], 0.0)) for i in (0, -1 - LOOK_BACK, -1)]
        return bool(roots[1] - roots[2] < tol * roots[0])


def solve_rows(half: Half, w: NDArray[Any], h: NDArray[Any], tol: float) -> None:
    """Set W to the minimum for a fixed H' (d, k), by coordinate descent from zero: each row until its
    violation is a thousandth of `tol` of the first, or rounding. Rows do not depend on one another."""
    w[:] = 0
    exact = max(1e-3 * tol, 10 * float(np.finfo(w.dtype).eps))
    half.improve(w, h, Sweeps(ENCODE, exact), measure=False)


def rescale_rows(half: Half, w: NDArray[Any], h: NDArray[Any], tol: float, max_iter: int) -> None:
    """Improve W, in place, by multiplicative updates for a fixed H': each row until no entry changes by more
    than `tol` of its largest. Rows do not depend on one another."""
    moving = np.ones(len(w), dtype=bool)
    for _ in range(max_iter):
        before = w.copy()
        half.improve(w, h, INNER, measure=False)
        w[~moving] = before[~moving]
        moving &= np.abs(w - before).max(axis=1, initial=0) > tol * w.max(axis=1, initial=0)
        if not moving.any():
            break
