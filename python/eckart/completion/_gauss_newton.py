"""The search of GaussNewton: full steps of a linearised problem that is not solved to the end.

A step is that of R2RILS and GNMR (Bauch, Nadler, Zilber 2021; Zilber, Nadler 2022), of least norm. Two
things make it find completions from hardly more entries than there are unknowns. Conjugate gradients are cut
short until the end is near: directions that the entries hardly determine stay out. And rows or columns that
run away (factors that grow without bound, which improves a bad fit ever a little more, while all others wait)
are set to zero, so that the next step fits them anew to what the others have learnt meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from eckart._native import completion as native
from eckart.base.threads import get_num_threads
from eckart.completion._peeling import Factors
from eckart.linalg.operators import SparseMatrix
from eckart.linalg.svd import randomized_svd

FEW_STEPS, MANY_STEPS = 20, 200  # of conjugate gradients: far from the solution, and at most near it
NEAR = 0.03  # relative residual below which more steps may pay
MORE = 1.5  # times as many steps, after a step that was
SLOW = 0.2  # or more of the residual left
RUNAWAY = 5.0  # times the size that a row's entries suggest, beside the median of all rows
EXACT_ENOUGH = 1e-5  # how exactly a linearised problem is ever solved: relative gradient
STATIONARY = 1e-5  # relative change of the residual of a local minimum
NO_BETTER = 0.98  # of the best residual so far counts as a better one
STARTS = 3  # that end in local minima: the entries cannot be met


@dataclass(frozen=True, eq=False)
class Problem:
    """Observed entries (float64, every row and column with at least one), to be met by factors of a rank."""

    entries: SparseMatrix
    rank: int

    @cached_property
    def norm(self) -> float:
        return float(np.linalg.norm(self.entries.values)) or 1.0

    @cached_property
    def sizes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Root mean squares of the entries of each row and column, none below a thousandth of them all."""
        views = self.entries.by_row, self.entries.by_col
        least = 1e-3 * self.norm / np.sqrt(max(1, len(self.entries.values)))
        found = []
        for view in views:
            assert view.values is not None
            sums = np.bincount(np.repeat(np.arange(view.n_rows), view.counts), view.values**2, view.n_rows)
            found.append(np.maximum(np.sqrt(sums / np.maximum(view.counts, 1)), least))
        return found[0], found[1]

    def error(self, u: Factors, v: Factors) -> float:
        """Return the norm of the residual relative to that of the entries."""
        rows = self.entries.by_row
        squares = native.als_squared_error(
            rows.indptr, rows.indices, rows.values, v, None, 0.0, u, None, get_num_threads()
        )
        return float(np.sqrt(squares)) / self.norm

    def step(self, u: Factors, v: Factors, steps: int, tol: float = EXACT_ENOUGH) -> tuple[Factors, Factors]:
        """Return the step (X, Y) of conjugate gradients that are ended after so many steps."""
        rows, columns = self.entries.by_row, self.entries.by_col
        return native.gauss_newton_step(
            rows.indptr, rows.indices, rows.values, columns.indptr, columns.indices, columns.values,
            u, v, steps, tol, get_num_threads(),
        )[:2]  # fmt: skip

    def spectral_start(self, seed: int) -> tuple[Factors, Factors]:
        """Return balanced factors of the best approximation to the entries beside zeros, scaled up."""
        n, m = self.entries.shape
        found = randomized_svd(self.entries, self.rank, tol=0.1, random_state=seed)
        scale = np.sqrt(found.s * (n * m / max(1, len(self.entries.values))))
        return np.ascontiguousarray(found.U * scale), np.ascontiguousarray(found.V * scale)

    def random_start(self, rng: np.random.Generator) -> tuple[Factors, Factors]:
        """Return normal factors whose products are as large as the entries."""
        scale = (self.norm / np.sqrt(max(1, len(self.entries.values)) * self.rank)) ** 0.5
        n, m = self.entries.shape
        return scale * rng.standard_normal((n, self.rank)), scale * rng.standard_normal((m, self.rank))


class Search:
    """Looks for factors that meet the entries; keeps the best it has seen.

    error : relative residual of the best; stationary : several starts ended in local minima, or on noise
    """

    def __init__(self, problem: Problem, tol: float, patience: int, seed: int) -> None:
        self.problem, self.tol, self.patience = problem, tol, patience
        self.n_iter = self._minima = 0
        self._rng = np.random.Generator(np.random.Philox(seed))
        self._begin(*problem.spectral_start(seed))
        self.u, self.v, self.error = self._u, self._v, self._error

    @property
    def stationary(self) -> bool:
        return self._minima >= STARTS

    def run(self, max_iter: int, report: Callable[[float], bool]) -> bool:
        """Do up to `max_iter` iterations. Return whether the entries are met; `report` may end it."""
        for _ in range(max_iter):
            if self.error <= self.tol or self.stationary:
                break
            self._iterate()
            if report(self._error):
                break
            if self._since_best >= self.patience:
                self._begin(*self.problem.random_start(self._rng))
        return self.error <= self.tol

    def _begin(self, u: Factors, v: Factors) -> None:
        self._u, self._v = balanced(u, v)
        self._error = self._best = self.problem.error(self._u, self._v)
        self._steps, self._since_best = FEW_STEPS, 0

    def _iterate(self) -> None:
        self.n_iter += 1
        before = self._error
        x, y = self.problem.step(self._u, self._v, self._steps)
        u, v = self._u + x, self._v + y
        error = self.problem.error(u, v)
        if not np.isfinite(error):
            self._begin(*self.problem.random_start(self._rng))
            return
        self._keep(u, v, error)
        if error > SLOW * before:
            ran = _without_runaways(u, v, self.problem.sizes)
            if not ran and abs(before - error) <= STATIONARY * before:
                self._minima += 1
                self._since_best = self.patience
            error = self.problem.error(u, v) if ran else error
            self._steps = min(int(MORE * self._steps), MANY_STEPS)
        if error >= NEAR:
            self._steps = FEW_STEPS
        (self._u, self._v), self._error = balanced(u, v), error

    def _keep(self, u: Factors, v: Factors, error: float) -> None:
        self._since_best = 0 if error < NO_BETTER * self._best else self._since_best + 1
        self._best = min(error, self._best)
        if error < self.error:
            self.u, self.v, self.error = u.copy(), v.copy(), error


def balanced(u: Factors, v: Factors) -> tuple[Factors, Factors]:
    """Return the same matrix with U'U = V'V diagonal."""
    (qu, ru), (qv, rv) = np.linalg.qr(u), np.linalg.qr(v)
    left, values, right = np.linalg.svd(ru @ rv.T)
    scale = np.sqrt(values)
    return np.ascontiguousarray(qu @ (left * scale)), np.ascontiguousarray(qv @ (right.T * scale))


def _without_runaways(u: Factors, v: Factors, sizes: tuple[NDArray[np.float64], NDArray[np.float64]]) -> bool:
    """Set to zero the rows of both factors whose rows of the whole matrix are far larger (root mean squares)
    than their observed entries, and than those of most rows; return whether there were any. In place."""
    gram_u, gram_v = u.T @ u / len(u), v.T @ v / len(v)
    found = False
    for factors, gram, size in ((u, gram_v, sizes[0]), (v, gram_u, sizes[1])):
        grown = np.sqrt(np.einsum("ij,ij->i", factors @ gram, factors).clip(min=0)) / size
        runaway = grown > RUNAWAY * max(1.0, float(np.median(grown)))
        factors[runaway] = 0.0
        found |= bool(runaway.any())
    return found
