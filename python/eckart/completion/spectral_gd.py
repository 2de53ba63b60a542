"""Completion by a spectral start and gradient descent on the factors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import RandomState, generator, seed_from
from eckart.base.validation import check_float, check_option
from eckart.completion._descent import METHODS, STEPS, Descent, Pair, split
from eckart.completion._low_rank import LowRankModel
from eckart.completion._spectral_start import check_rank, spectral_start, stagewise_start
from eckart.linalg.operators import SparseMatrix

RANDOM_NORM = 1e-3  # of a random start, relative to the spectral one


class SpectralGD(LowRankModel):
    """Gradient descent on f(U, V) = ||P(X - U V')||^2 / (2 p), from the spectrum of the observed entries.

    The start is the truncated SVD of the observed entries over their share p, crowded rows and columns
    trimmed (Keshavan, Montanari, Oh 2010): near the solution, where f has no other critical points. Then

    - "plain": U <- U - eta / s_1 grad_U, V likewise, s_1 the largest singular value of the start;
    - "balanced": the same on f + ||U'U - V'V||^2 / 8 (Tu, Boczar, Simchowitz, Soltanolkotabi, Recht 2016,
      "Low-rank solutions of linear matrix equations via Procrustes flow"), which keeps both sides alike;
    - "scaled": U <- U - eta grad_U (V'V)^-1, V likewise (Tong, Ma, Chi 2021, "Accelerating ill-conditioned
      low-rank matrix estimation via scaled gradient descent"): the rate no longer depends on the condition
      number of X, where the others need about that many times the iterations.

    Parameters
    ----------
    rank : of the completed matrix, or "auto": the singular values of the observed entries above their noise
    method : "scaled", "plain" or "balanced"
    init : "stagewise": the spectrum, one component at a time, a few steps between them, because each is found
        the better the more of the others is gone (Jain, Netrapalli 2015, "Fast exact matrix completion with
        finite samples"): reaches down to fewer entries; "spectral": all at once; "random": normal factors
        whose product has a thousandth of the spectral start's norm, next to the saddle at zero
    step : eta (.5 is the papers' for entries enough); "exact": the step along the same direction that lowers
        the squared error most, for a further pass over the entries; "conjugate": exact steps along conjugate
        directions, which take far fewer iterations and reach further down in the number of entries
    max_iter : most iterations, each of two passes over the entries
    tol : stop when the relative residual ||P(X - U V')|| / ||P(X)|| is at most `tol`, or moves by less than
        that share of itself
    random_state : seed of the random start, and of the spectral start's SVD
    verbose : a progress bar on stderr

    Attributes: see `user_factors_` (n_users, rank_), `item_factors_`, `singular_values_`, `history_`,
    `n_iter_`, `converged_`. The users' rows end as the least-squares fit of their entries, which is
    what `fold_in` gives.
    """

    def __init__(
        self,
        rank: int | str = "auto",
        *,
        method: str = "scaled",
        init: str = "stagewise",
        step: float | str = "conjugate",
        max_iter: int = 1000,
        tol: float = 1e-6,
        random_state: RandomState = None,
        verbose: bool = False,
    ) -> None:
        self.rank = rank
        self.method = method
        self.init = init
        self.step = step
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose

    def _check_params(self) -> None:
        super()._check_params()
        check_rank(self.rank)
        check_option(self.method, "method", METHODS)
        check_option(self.init, "init", ("stagewise", "spectral", "random"))
        if isinstance(self.step, str):
            check_option(self.step, "step", STEPS)
        else:
            check_float(self.step, "step", open_low=True)

    def _solver(self, data: SparseMatrix) -> Descent:
        seed = seed_from(self.random_state)
        start = stagewise_start if self.init == "stagewise" else spectral_start
        first = start(data, self.rank, seed)
        largest = float(first.s[0]) or 1.0
        factors = _random_factors(data, first.s, seed) if self.init == "random" else split(first)
        return Descent(data, self.method, self.step, factors, largest)


def _random_factors(data: SparseMatrix, s: NDArray[Any], seed: int) -> Pair:
    """Return normal factors whose product has RANDOM_NORM times the norm of s (k,)."""
    (m, n), k, rng = data.shape, len(s), generator(seed)
    # Unscaled, the product's norm is about sqrt(m n k).
    size = s.dtype.type(np.sqrt(RANDOM_NORM * float(np.linalg.norm(s)) / np.sqrt(m * n * k)))
    users, items = (rng.standard_normal((rows, k), dtype=s.dtype.type) for rows in (m, n))
    return size * users, size * items
