"""Alternating least squares for clicks, plays and purchases: feedback that is positive, or absent."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.seeds import RandomState
from eckart.base.validation import check_float, check_int, check_option
from eckart.completion._als_sweeps import Half
from eckart.completion._alternating import AlternatingModel
from eckart.completion._held_out import held_out_ndcg
from eckart.data.convert import as_ratings, is_matrix
from eckart.data.ratings import Ratings

CONFIDENCES = ("binary", "linear", "log")


class ImplicitALS(AlternatingModel):
    """Matrix factorisation of implicit feedback by alternating least squares over all pairs (iALS).

    With preference p = 1 where a value is positive and 0 where it is not, and y = <u, v>, minimises

        ``sum over observed w (y - p)^2 + unobserved_weight * sum over all pairs y^2
        + sum over users lambda_u |u|^2 + sum over items lambda_v |v|^2``

    with ``lambda_u = reg * (n_u + unobserved_weight * n_items) ** nu``, n_u the user's number of stored
    values, and items likewise (Rendle, Krichene, Zhang, Koren 2022, "Revisiting the performance of iALS on
    item recommendation benchmarks"). Hu, Koren, Volinsky 2008 have ``c = 1 + w`` on observed pairs in place
    of w beside ``unobserved_weight=1``. Cost does not grow with the unobserved pairs: what they add is one
    Gram matrix for all rows. An iteration solves the items, then the users; the objective never rises.

    Negative values are negative feedback: preference 0, with the confidence of their size. Predictions are
    preferences: they rank, about 1 is liked, and they are no ratings.

    Parameters
    ----------
    rank : number of factors of each row
    reg : penalty, one number or (users, items)
    unobserved_weight : weight of every pair, observed or not; larger values hold predictions nearer 0
    nu : how the penalty grows with activity: 1 as the loss does, 0 the same for all rows
    confidence : w of a stored value r: "binary" 1, "linear" |r|, "log" log(1 + |r|); times
        `confidence_scale`
    solver : "cholesky" (exact), "cg" (`cg_steps` of conjugate gradients a row) or "subspace" (one exact step
        for each `block_size` coordinates, iALS++ of Rendle et al. 2021: for ranks above 128); of the last
        two the last half-step is exact, so that `fold_in` gives what training gave
    max_iter : most iterations
    tol : stop when the objective falls by less than this share of itself; 0 does all `max_iter`
    random_state : seed of the starting factors
    biases : y = <u, v> + b_u + b_i, with ``lambda b^2`` in the penalty; the unobserved pairs count with them
    warm_start : start `fit` from the factors of the last one, also with a larger rank; known ids keep theirs
    cg_steps : steps of the "cg" solver
    block_size : coordinates in a block of the "subspace" solver
    patience : with `fit(validation=...)`, iterations without a new best before stopping
    verbose : a progress bar on stderr

    Attributes
    ----------
    user_factors_, item_factors_ : (n_users, rank), (n_items, rank)
    user_biases_, item_biases_ : (n_users,), (n_items,), or None
    history_ : a record an iteration: iteration, objective, seconds, and validation (minus NDCG@10)
    n_iter_, converged_ : iterations done, and whether `tol` ended them
    users_, items_, interactions_ : vocabularies and training feedback
    """

    SCORE = ("ndcg@10", 1.0)
    predicts_ratings = False
    SOLVERS = ("cholesky", "cg", "subspace")
    START = 0.1  # as Rendle et al. 2022 have it

    def __init__(
        self,
        rank: int = 64,
        *,
        reg: float | tuple[float, float] = 0.003,
        unobserved_weight: float = 0.1,
        nu: float = 1.0,
        confidence: str = "binary",
        confidence_scale: float = 1.0,
        solver: str = "cholesky",
        max_iter: int = 15,
        tol: float = 1e-4,
        random_state: RandomState = None,
        biases: bool = False,
        warm_start: bool = False,
        cg_steps: int = 3,
        block_size: int = 64,
        patience: int = 3,
        verbose: bool = False,
    ) -> None:
        self.rank = rank
        self.reg = reg
        self.unobserved_weight = unobserved_weight
        self.nu = nu
        self.confidence = confidence
        self.confidence_scale = confidence_scale
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.biases = biases
        self.warm_start = warm_start
        self.cg_steps = cg_steps
        self.block_size = block_size
        self.patience = patience
        self.verbose = verbose

    def _check_params(self) -> None:
        super()._check_params()
        check_int(self.cg_steps, "cg_steps")
        check_int(self.block_size, "block_size")
        check_float(self.unobserved_weight, "unobserved_weight")
        check_float(self.nu, "nu")
        check_option(self.confidence, "confidence", CONFIDENCES)
        check_float(self.confidence_scale, "confidence_scale", open_low=True)

    def _half(self, side: str, ratings: Csr) -> Half:
        assert ratings.values is not None
        values, reg = ratings.values, self._regs()[side == "items"]
        liked = values > 0
        preferences = None if liked.all() else liked.astype(values.dtype)
        rows = Csr(ratings.indptr, ratings.indices, preferences, ratings.n_cols)
        loss = ratings.counts + self.unobserved_weight * ratings.n_cols  # the row's total weight, if w = 1
        scale = (reg * loss**self.nu).astype(values.dtype)
        return Half(rows, scale, weights=self._weights(values), unobserved=self.unobserved_weight)

    def _weights(self, values: NDArray[Any]) -> NDArray[Any] | None:
        """Return w of each value, None where all are 1."""
        if self.confidence == "binary":
            return None if self.confidence_scale == 1 else np.full_like(values, self.confidence_scale)
        size = np.abs(values)
        return (self.confidence_scale * (size if self.confidence == "linear" else np.log1p(size))).astype(
            values.dtype
        )

    def _means(self, ratings: Ratings, train: Ratings) -> tuple[float, float]:
        return 0.0, 0.0  # of an unknown id there is no preference

    def _solver_options(self) -> dict[str, int]:
        options = {"cg": {"cg_steps": self.cg_steps}, "subspace": {"block": self.block_size}}
        return options.get(self.solver, {})

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean NDCG@10 of the lists of the users of `X`: its positive feedback is to be found.

        What training has seen stays out of the lists, as far as `X` does not have it; pairs of ids that
        training has not seen are left out. Raises ValueError where nothing remains to be found, EckartError
        if the file was saved without training feedback.
        """
        self._check_fitted()
        feedback = as_ratings(X, None if is_matrix(X, y) else y)
        users, items = self._codes_of(feedback, is_matrix(X, y))
        return held_out_ndcg(self, users, items, feedback.values > 0)
