"""Singular value projection: gradient steps on the matrix itself, cut back to rank k each time."""

from typing import Any

import numpy as np

from eckart.base.seeds import RandomState, seed_from
from eckart.base.validation import check_float, check_option
from eckart.completion._low_rank import Iterate, LowRankModel
from eckart.completion._spectral_start import check_rank, spectral_start, stagewise_start
from eckart.completion._spectrum import Triplets, random_basis, refine
from eckart.linalg.operators import SparseMatrix, SparsePlusLowRank


class SVP(LowRankModel):
    """A <- [A + eta P(X - A)]_k, the best approximation of rank k to a gradient step (Jain, Meka, Dhillon
    2010, "Guaranteed rank minimization via singular value projection").

    A is kept as its singular triplets and the residual as a sparse matrix; the projection refines the
    triplets at hand by subspace iteration.

    Parameters
    ----------
    rank : k, or "auto": the singular values of the observed entries above their noise
    step : "adaptive": eta = ||T||^2 / ||P(T)||^2 with T = U U'P(X - A), exact for an unchanging column space
        (normalised iterative hard thresholding: Tanner, Wei 2013, "Normalized iterative hard thresholding for
        matrix completion", eq. 2.4); "fixed": eta = 1 / ((1 + delta) p), p the share of observed entries
    delta : of the fixed step (the paper's value)
    init : "stagewise" or "spectral", see `SpectralGD`; the paper's A = 0 leads to the latter
    max_iter : most iterations
    tol : stop when the relative residual ||P(X - A)|| / ||P(X)|| is at most `tol`, or moves by less than that
        share of itself
    random_state : seed of the first basis
    verbose : a progress bar on stderr

    Attributes: see `user_factors_` (n_users, rank_), `item_factors_`, `singular_values_`, `history_`,
    `n_iter_`, `converged_`. The users' rows end as the least-squares fit of their entries, which is
    what `fold_in` gives.
    """

    def __init__(
        self,
        rank: int | str = "auto",
        *,
        step: str = "adaptive",
        delta: float = 1 / 3,
        init: str = "stagewise",
        max_iter: int = 1000,
        tol: float = 1e-6,
        random_state: RandomState = None,
        verbose: bool = False,
    ) -> None:
        self.rank = rank
        self.step = step
        self.delta = delta
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose

    def _check_params(self) -> None:
        super()._check_params()
        check_rank(self.rank)
        check_option(self.step, "step", ("adaptive", "fixed"))
        check_float(self.delta, "delta")
        check_option(self.init, "init", ("stagewise", "spectral"))

    def _solver(self, data: SparseMatrix) -> "_Projection":
        return _Projection(data, self)


class _Projected(Iterate):
    """An iterate, its singular triplets and the residual P(X - A)."""

    triplets: Triplets
    basis: Any  # (n_items, k + EXTRA) right singular vectors, the last ones of the matrix before projection
    residual: SparseMatrix


class _Projection:
    EXTRA = 3  # columns beyond k: what they carry off makes the wanted ones converge faster
    HALVINGS = 20  # of an adaptive step that raises the error, as it may where the column space turns
    TOL = 1e-3  # of a projection, relative to the step that it projects

    def __init__(self, data: SparseMatrix, model: SVP) -> None:
        self.data = data
        share = len(data.values) / (data.shape[0] * data.shape[1])
        self.fixed = 1 / ((1 + model.delta) * share) if model.step == "fixed" else None
        self.seed = seed_from(model.random_state)
        start = stagewise_start if model.init == "stagewise" else spectral_start
        self.first = start(data, model.rank, self.seed)

    def start(self) -> _Projected:
        u, s, v = self.first
        extra = min(self.EXTRA, min(self.data.shape) - len(s))
        more = random_basis(len(v), extra, v.dtype, np.random.default_rng(self.seed))
        start = _Projected(u, v)
        start.basis = np.hstack([v, more])
        self._set(start, Triplets(u, s, v))
        return start

    def objective(self, iterate: Iterate) -> float:
        return iterate.squared_error / 2

    def step(self, point: _Projected) -> None:
        if self.fixed:
            self._project(point, self.fixed)
            return
        eta, before = self._adaptive(point), point.copy()
        for _ in range(self.HALVINGS):
            self._project(point, eta)
            if point.squared_error <= before.squared_error:
                return
            point.assign(before)
            eta /= 2

    def _project(self, point: _Projected, eta: float) -> None:
        """Move by a gradient step and cut back to the rank."""
        r, k = point.residual, len(point.triplets.s)
        change = r.with_values(r.values * r.dtype.type(eta))
        size = eta * np.sqrt(point.squared_error) / max(float(point.triplets.s[0]), np.finfo(r.dtype).tiny)
        tol = max(self.TOL * min(size, 1.0), 4 * np.finfo(r.dtype).eps)
        moved = SparsePlusLowRank(change, point.users, point.triplets.v)
        found = refine(moved, point.basis, lambda s: np.arange(len(s)) < k, tol)
        point.basis = found.v
        self._set(point, found.leading(k))

    def _adaptive(self, point: _Projected) -> float:
        u = point.triplets.u
        back = point.residual.rmatmat(u)  # T' = R'U U'
        whole = float(np.sum(np.square(back, dtype=np.float64)))
        seen = float(np.sum(np.square(self.data.sampled(u, back), dtype=np.float64)))
        return whole / seen if seen > 0 else 0.0

    def _set(self, point: _Projected, triplets: Triplets) -> None:
        point.triplets = triplets
        point.users, point.items = triplets.u * triplets.s, triplets.v
        residual = self.data.values - self.data.sampled(point.users, point.items)
        point.residual = self.data.with_values(residual)
        point.squared_error = float(np.sum(np.square(residual, dtype=np.float64)))
