"""Half an iteration of a non-negative factorisation X ~ W H: the rows of one side, the other side fixed.

The update of H is that of W on X', so each loss is one class here, made once for X and once for X'. Both
sides are held by rows: `w` (n, k) and `h` (d, k).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eckart._native import decomposition as native
from eckart.base.threads import get_num_threads
from eckart.decomposition._nmf_data import Data, Observed
from eckart.linalg.dense import multiply, multiply_transposed, solve_spd
from eckart.linalg.operators import SparseMatrix

Array = NDArray[Any]
EPSILON = float(np.finfo(np.float32).eps)  # instead of a divisor that is zero, as in scikit-learn


@dataclass(frozen=True)
class Penalty:
    """``l1 |w|_1 + l2 |w|^2 / 2`` of one side."""

    l1: float
    l2: float

    def of(self, w: Array) -> float:
        sizes = self.l1 * w.sum(dtype=np.float64)
        return float(sizes + self.l2 / 2 * (w * w).sum(dtype=np.float64))


@dataclass(frozen=True)
class Sweeps:
    """Of coordinate descent on each row: at most `most`, until the violation is `tolerance` of the first."""

    most: int
    tolerance: float


class Half(Protocol):
    """One side of one loss."""

    def improve(self, w: Array, h: Array, sweeps: Sweeps, *, measure: bool) -> tuple[float, float]:
        """Improve `w` in place; return the loss before it (nan unless `measure`), and how much the rows
        violated their optimality conditions (nan unless the solver tells)."""
        ...

    def loss(self, w: Array, h: Array) -> float:
        """Return the loss, without penalties."""
        ...


def half_of(data: Data, loss: str, solver: str, penalty: Penalty) -> Half:
    """Return the half of W. `loss`: "frobenius" or "kullback-leibler"."""
    if loss == "kullback-leibler":
        if isinstance(data, Observed):
            return KullbackLeibler(_weighted(data), data, penalty)
        return KullbackLeibler(data, None, penalty)
    if isinstance(data, Observed):
        return MaskedFrobenius(data, solver, penalty)
    return Frobenius(data, solver, penalty)


def transposed(data: Data) -> Any:
    """Return X' as :func:`half_of` takes it."""
    if isinstance(data, Observed):
        return Observed(_swapped(data.x), None if data.weights is None else _swapped(data.weights))
    return _swapped(data) if isinstance(data, SparseMatrix) else Transposed(data)


@dataclass(frozen=True)
class Transposed:
    """A dense matrix (d, n) whose transpose is what is meant, so that nothing is copied."""

    matrix: Array


class Frobenius:
    """``|X - W H|^2 / 2`` over all cells. Solvers "hals", "pals" and "mu"."""

    def __init__(self, x: Array | SparseMatrix | Transposed, solver: str, penalty: Penalty) -> None:
        self._x, self._solver, self._penalty = x, solver, penalty

    @cached_property
    def _square(self) -> float:
        values = _values(self._x)
        return float(np.einsum("i,i->", values, values, dtype=np.float64))

    def improve(self, w: Array, h: Array, sweeps: Sweeps, *, measure: bool) -> tuple[float, float]:
        products, gram = self._times(h), multiply_transposed(h, h)
        before = self._loss(w, products, gram) if measure else np.nan
        p = self._penalty
        if self._solver == "hals":
            violation = native.nmf_sweep(
                products, gram, p.l1, p.l2, sweeps.most, sweeps.tolerance, w, get_num_threads()
            )
            return before, violation
        if self._solver == "mu":
            _rescale(w, products, multiply(w, gram), p)
        else:
            _project_least_squares(w, products, gram, p)
        return before, np.nan

    def loss(self, w: Array, h: Array) -> float:
        return self._loss(w, self._times(h), multiply_transposed(h, h))

    def _loss(self, w: Array, products: Array, gram: Array) -> float:
        # |X - W H|^2 = |X|^2 - 2 <W, X H'> + <W'W, H H'>: no pass over X beside the products.
        cross = (w * products).sum(dtype=np.float64)
        square = (multiply_transposed(w, w) * gram).sum(dtype=np.float64)
        return max(0.0, float(self._square - 2 * cross + square) / 2)

    def _times(self, h: Array) -> Array:
        if isinstance(self._x, Transposed):
            return multiply_transposed(self._x.matrix, h)
        return self._x.matmat(h) if isinstance(self._x, SparseMatrix) else multiply(self._x, h)


class MaskedFrobenius:
    """``sum s_ij (x_ij - w_i h_j)^2 / 2`` over the observed cells. Solvers "hals" and "mu"."""

    def __init__(self, data: Observed, solver: str, penalty: Penalty) -> None:
        self._x, self._solver, self._penalty = data.x, solver, penalty
        self._weights = None if data.weights is None else data.weights.values
        self._weighted = _weighted(data)

    def improve(self, w: Array, h: Array, sweeps: Sweeps, *, measure: bool) -> tuple[float, float]:
        before = self.loss(w, h) if measure else np.nan
        rows, p = self._x.by_row, self._penalty
        if self._solver == "hals":
            violation = native.nmf_sweep_masked(
                rows.indptr, rows.indices, self._x.values, self._weights, h,
                p.l1, p.l2, sweeps.most, sweeps.tolerance, w, get_num_threads(),
            )  # fmt: skip
            return before, violation
        fitted = self._x.sampled(w, h)
        fitted = self._x.with_values(fitted if self._weights is None else fitted * self._weights)
        _rescale(w, self._weighted.matmat(h), fitted.matmat(h), p)
        return before, np.nan

    def loss(self, w: Array, h: Array) -> float:
        errors = (self._x.values - self._x.sampled(w, h)) ** 2
        return float((errors if self._weights is None else errors * self._weights).sum(dtype=np.float64)) / 2


class KullbackLeibler:
    """``sum s_ij (x_ij log(x_ij / (w_i h_j)) - x_ij + w_i h_j)`` by multiplicative updates.

    x : the matrix, or the weighted entries of the observed cells; cells : these, None if all are
    """

    def __init__(
        self, x: Array | SparseMatrix | Transposed, cells: Observed | None, penalty: Penalty
    ) -> None:
        self._x, self._penalty = x, penalty
        self._weights: SparseMatrix | None = None
        if cells is not None:
            self._weights = cells.weights or cells.x.with_values(np.ones_like(cells.x.values))
        values = _values(x)
        self._sum = float(values.sum(dtype=np.float64))
        self._offset = 0.0  # of the loss, where weights stand within the logarithm's argument
        if cells is not None and cells.weights is not None:
            stored = cells.x.values > 0
            s, weighted = cells.weights.values[stored], values[stored]
            self._offset = -float((weighted * np.log(s)).sum(dtype=np.float64))

    def improve(self, w: Array, h: Array, sweeps: Sweeps, *, measure: bool) -> tuple[float, float]:
        numerators, logs = self._quotients(w, h, measure)
        totals = self._totals(h)
        before = self._loss(w, totals, logs) if measure else np.nan
        _rescale(w, numerators, totals, self._penalty)
        return before, np.nan

    def loss(self, w: Array, h: Array) -> float:
        return self._loss(w, self._totals(h), self._quotients(w, h, True)[1])

    def _loss(self, w: Array, totals: Array, logs: float) -> float:
        fitted = float((w * totals).sum(dtype=np.float64))  # sum s_ij w_i h_j
        return logs + self._offset - self._sum + fitted

    def _totals(self, h: Array) -> Array:
        """What each entry of W is multiplied by in the sum of all fitted cells, (n, k) or (1, k)."""
        if self._weights is not None:
            return self._weights.matmat(h)
        return h.sum(axis=0, keepdims=True)

    def _quotients(self, w: Array, h: Array, measure: bool) -> tuple[Array, float]:
        threads = get_num_threads()
        if isinstance(self._x, SparseMatrix):
            rows = self._x.by_row
            parts = rows.indptr, rows.indices, self._x.values
            return native.nmf_quotients_sparse(*parts, w, h, measure, threads)
        if isinstance(self._x, Transposed):
            return native.nmf_quotients(self._x.matrix, h, w, True, measure, threads)
        return native.nmf_quotients(self._x, w, h, False, measure, threads)


def _rescale(w: Array, numerators: Array, denominators: Array, penalty: Penalty) -> None:
    """Multiply `w` by numerators / (denominators + gradient of the penalty) (Lee and Seung 2001)."""
    divisors = denominators + w.dtype.type(penalty.l1)
    if penalty.l2:
        divisors = divisors + w.dtype.type(penalty.l2) * w
    w *= numerators / np.where(divisors > 0, divisors, w.dtype.type(EPSILON))


def _project_least_squares(w: Array, products: Array, gram: Array, penalty: Penalty) -> None:
    """Projected ALS (Paatero and Tapper 1994): the unconstrained rows, negative entries cut off."""
    matrix = gram.astype(np.float64) + penalty.l2 * np.eye(len(gram))
    solved = solve_spd(matrix, (products - penalty.l1).T)
    np.maximum(solved.T, 0, out=w, casting="same_kind")


def _values(x: Array | SparseMatrix | Transposed) -> Array:
    """The entries, or the stored ones, as a vector."""
    if isinstance(x, SparseMatrix):
        return x.values
    return (x.matrix if isinstance(x, Transposed) else x).reshape(-1)


def _swapped(matrix: SparseMatrix) -> SparseMatrix:
    return SparseMatrix(matrix.by_col, matrix.by_row)


def _weighted(data: Observed) -> SparseMatrix:
    return data.x if data.weights is None else data.x.with_values(data.x.values * data.weights.values)
