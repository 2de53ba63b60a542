"""Singular value thresholding: the matrix of least nuclear norm that agrees with the observed entries."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import RandomState, generator
from eckart.base.validation import check_bool, check_float
from eckart.completion._low_rank import Iterate, LowRankModel, LowRankTrainer, Solver
from eckart.completion._spectrum import Triplets, random_basis, refine
from eckart.linalg.operators import SparseMatrix
from eckart.linalg.svd import randomized_svd


class _UntilFeasible(LowRankTrainer):
    """The residual neither falls steadily nor does it mean anything that it pauses."""

    RESTS = False


class SVT(LowRankModel):
    """X = shrink_tau(Y), Y <- Y + delta P(M - X) (Cai, Candes, Shen 2010, "A singular value thresholding
    algorithm for matrix completion").

    shrink_tau takes tau off every singular value and drops those below. Y lives on the observed entries
    alone, so that X, whose rank grows as it must, comes from a truncated SVD of a sparse matrix. The limit
    minimises tau ||X||_* + ||X||_F^2 / 2 subject to P(X) = P(M): for a large tau, nearly the least nuclear
    norm. For exact entries; noisy ones make it interpolate the noise, where `SoftImpute` does not.

    Parameters
    ----------
    tau : threshold; None: five times the estimate ||P(M)||_2 / p of the largest singular value of M, p the
        share of observed entries (about the paper's 5 n for factors of unit normal entries)
    delta : step; None: 1.2 / p. Below 2 convergence is proved; the paper's choice is far above, and faster,
        where entries are many and spread evenly. Where the residual runs away it is halved, from a new
        start
    max_iter : most iterations
    tol : stop when ||P(X - M)|| <= tol ||P(M)||
    polish : end by fitting the users' rows to their entries by least squares, as `fold_in` does for new
        ones. False leaves X as it is: `fold_in` then agrees as far as the constraints are met
    random_state : seed of the first basis
    verbose : a progress bar on stderr

    Attributes: see `user_factors_` (n_users, rank_), `item_factors_`, `singular_values_`, `history_`,
    `n_iter_`, `converged_`.
    """

    TRAINER = _UntilFeasible

    def __init__(
        self,
        *,
        tau: float | None = None,
        delta: float | None = None,
        max_iter: int = 500,
        tol: float = 1e-4,
        polish: bool = True,
        random_state: RandomState = None,
        verbose: bool = False,
    ) -> None:
        self.tau = tau
        self.delta = delta
        self.max_iter = max_iter
        self.tol = tol
        self.polish = polish
        self.random_state = random_state
        self.verbose = verbose

    def _check_params(self) -> None:
        super()._check_params()
        for name in ("tau", "delta"):
            if getattr(self, name) is not None:
                check_float(getattr(self, name), name, open_low=True)
        check_bool(self.polish, "polish")

    def _solver(self, data: SparseMatrix) -> "_Thresholding":
        return _Thresholding(data, self)

    def _finish(self, solver: Solver, iterate: Iterate) -> None:
        if self.polish:
            super()._finish(solver, iterate)
            return
        s = np.linalg.norm(iterate.users, axis=0)  # users are u * s
        root = np.sqrt(np.maximum(s, np.finfo(s.dtype).tiny))
        self._set_factors(iterate.users / root, iterate.items * root)
        self.singular_values_ = s


@dataclass
class _Dual(Iterate):
    """An iterate X, the dual matrix Y, whose thresholding it is, and right singular vectors of Y."""

    dual: SparseMatrix = field(kw_only=True)
    basis: NDArray[Any] = field(kw_only=True)
    delta: float = field(kw_only=True)


class _Thresholding:
    RUNAWAY = 1.5  # times the norm of the entries: no residual of a stable step reaches that
    GROWTH = 5  # vectors beyond those above the threshold (the paper's l)
    TOL = 1e-3  # of the triplets above the threshold, relative to the largest value of Y

    def __init__(self, data: SparseMatrix, model: SVT) -> None:
        self.data = data
        self.rng = generator(model.random_state)
        share = len(data.values) / (data.shape[0] * data.shape[1])
        top = randomized_svd(data, 1, tol=1e-3, random_state=self.rng)
        self.norm = float(top.s[0])
        self.tau = model.tau or 5 * self.norm / share or 1.0  # 1 where all entries are zero
        self.delta = model.delta or 1.2 / share

    def start(self) -> _Dual:
        m, n = self.data.shape
        dtype = self.data.dtype
        return _Dual(
            np.zeros((m, 1), dtype),
            np.zeros((n, 1), dtype),
            self._squares(self.data.values),
            dual=self._kicked(self.delta),
            basis=random_basis(n, min(1 + self.GROWTH, m, n), dtype, self.rng),
            delta=self.delta,
        )

    def _kicked(self, delta: float) -> SparseMatrix:
        """Return the Y from which X is no longer zero: as many times delta P(M) (section 5.1.2)."""
        times = math.ceil(self.tau / (delta * self.norm)) if self.norm > 0 else 0
        return self.data.with_values(self.data.values * self.data.dtype.type(times * delta))

    def objective(self, iterate: Iterate) -> float:
        return iterate.squared_error / 2

    def step(self, point: _Dual) -> None:
        found = self._above(point)
        rank = int((found.s > self.tau).sum())
        point.basis = np.ascontiguousarray(found.v[:, : rank + self.GROWTH])
        u, s, v = found.leading(max(rank, 1))  # one column of zeros where all values are below
        point.users, point.items = u * np.maximum(s - s.dtype.type(self.tau), 0), v
        residual = self.data.values - self.data.sampled(point.users, point.items)
        point.squared_error = self._squares(residual)
        if point.squared_error > self.RUNAWAY**2 * self._squares(self.data.values):
            point.delta /= 2
            point.dual = self._kicked(point.delta)
            return
        dual = point.dual
        point.dual = dual.with_values(dual.values + dual.dtype.type(point.delta) * residual)

    def _above(self, point: _Dual) -> Triplets:
        """Return all triplets of Y above the threshold, and at least one below unless there is none."""
        basis, most = point.basis, min(self.data.shape)
        while True:
            found = refine(point.dual, basis, lambda s: s > self.tau, self.TOL)
            more = min(max(self.GROWTH, len(found.s) // 2), most - len(found.s))
            if found.s[-1] <= self.tau or more == 0:
                return found
            basis = np.hstack([found.v, random_basis(len(basis), more, basis.dtype, self.rng)])

    @staticmethod
    def _squares(values: NDArray[Any]) -> float:
        return float(np.sum(np.square(values, dtype=np.float64)))
