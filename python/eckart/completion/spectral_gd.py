"""Completion by a spectral start and gradient descent on the factors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import RandomState, generator, seed_from
from eckart.base.validation import check_float, check_int, check_option
from eckart.completion._gradient import best_step, residual_products
from eckart.completion._low_rank import Iterate, LowRankModel
from eckart.completion._spectral_start import spectral_start
from eckart.linalg.dense import multiply, multiply_transposed
from eckart.linalg.operators import SparseMatrix

METHODS = ("plain", "balanced", "scaled")


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
    init : "spectral" or "random": normal factors whose product has a thousandth of the spectral start's norm,
        so that the descent begins at the saddle at zero
    step : eta, or "exact": the step along the same direction that lowers the squared error most (at a cost of
        two further passes over the entries)
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
        init: str = "spectral",
        step: float | str = 0.5,
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
        check_option(self.init, "init", ("spectral", "random"))
        if self.step != "exact":
            check_float(self.step, "step", open_low=True)

    def _solver(self, data: SparseMatrix) -> "_Descent":
        return _Descent(data, self)


def check_rank(rank: Any) -> None:
    """ValueError unless `rank` is "auto" or an integer >= 1."""
    if isinstance(rank, str):
        check_option(rank, "rank", ("auto",))
    else:
        check_int(rank, "rank")


class _Descent:
    RANDOM_NORM = 1e-3  # of a random start, relative to the spectral one

    def __init__(self, data: SparseMatrix, model: SpectralGD) -> None:
        self.data = data
        self.method, self.eta = model.method, model.step
        self.share = len(data.values) / (data.shape[0] * data.shape[1])
        seed = seed_from(model.random_state)
        self.spectral = spectral_start(data, model.rank, seed)
        self.largest = float(self.spectral.s[0]) or 1.0
        self.random = generator(seed) if model.init == "random" else None

    def start(self) -> Iterate:
        u, s, v = self.spectral
        root = np.sqrt(s)
        users, items = u * root, v * root
        if self.random is not None:
            users, items = (
                self.random.standard_normal(side.shape).astype(s.dtype) for side in (users, items)
            )
            # ||U V'|| of normal factors is about sqrt(m n k).
            size = self.RANDOM_NORM * float(np.linalg.norm(s)) / np.sqrt(len(users) * len(items) * len(s))
            users, items = users * s.dtype.type(np.sqrt(size)), items * s.dtype.type(np.sqrt(size))
        iterate = _Point(users, items)
        self._measure(iterate)
        return iterate

    def objective(self, iterate: Iterate) -> float:
        return iterate.squared_error / (2 * self.share)

    def step(self, point: "_Point") -> None:
        d, e = self._direction(point)
        eta = best_step(self.data, point.users, point.items, d, e) if self.eta == "exact" else self.eta
        point.users, point.items = _moved(point.users, d, eta), _moved(point.items, e, eta)
        self._measure(point)

    def _measure(self, point: "_Point") -> None:
        """Evaluate the gradient, which gives the error as well."""
        *point.slopes, point.squared_error = residual_products(self.data, point.users, point.items)

    def _direction(self, point: "_Point") -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the direction of descent for both sides; with eta = 1 a whole step."""
        (along_users, along_items), users, items = point.slopes, point.users, point.items
        gram_users, gram_items = (multiply_transposed(side, side) for side in (users, items))
        if self.method == "scaled":
            return (
                multiply(along_users, _inverse(gram_items) / self.share),
                multiply(along_items, _inverse(gram_users) / self.share),
            )
        scale = users.dtype.type(1 / (self.share * self.largest))
        along_users, along_items = along_users * scale, along_items * scale
        if self.method == "balanced":
            imbalance = (gram_users - gram_items) / users.dtype.type(2 * self.largest)
            return along_users - multiply(users, imbalance), along_items + multiply(items, imbalance)
        return along_users, along_items


class _Point(Iterate):
    """An iterate and -p times the gradient of f there, for both sides."""

    slopes: tuple[NDArray[Any], NDArray[Any]]


def _moved(factors: NDArray[Any], direction: NDArray[Any], eta: Any) -> NDArray[Any]:
    return factors + factors.dtype.type(eta) * direction


def _inverse(gram: NDArray[Any]) -> NDArray[Any]:
    """Return the inverse, (k, k); of a singular matrix the pseudo-inverse."""
    rcond = len(gram) * np.finfo(gram.dtype).eps
    inverse = np.linalg.pinv(gram.astype(np.float64), rcond=rcond, hermitian=True)
    return np.ascontiguousarray(inverse, dtype=gram.dtype)
