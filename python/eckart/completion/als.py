"""Alternating least squares for explicit ratings with missing entries."""

import numpy as np

from eckart.base.csr import Csr
from eckart.base.seeds import RandomState
from eckart.base.validation import check_int, check_option
from eckart.completion._als_sweeps import Half
from eckart.completion._alternating import AlternatingModel
from eckart.data.normalization import Normalization
from eckart.data.ratings import Ratings

REG_SCALINGS = ("count", "none")
NORMALIZE = (None, "user", "item", "both")


class ALS(AlternatingModel):
    """Matrix factorisation by alternating least squares on the observed ratings.

    Minimises ``sum (r - mean - b_u - b_i - <u, v>)^2 + sum_rows lambda (|factors|^2 + bias^2)`` over
    the observed ratings: with one side fixed, every row of the other is a ridge regression, solved
    exactly with its bias (Zhou, Wilkinson, Schreiber, Pan 2008; Koren, Bell, Volinsky 2009). An
    iteration solves the items, then the users; the objective never rises.

    Parameters
    ----------
    rank : number of factors of each row
    reg : penalty lambda, one number or (users, items)
    reg_scaling : "count" multiplies lambda by the row's number of ratings (ALS-WR), "none" leaves it.
        "count" predicts ratings a little better; "none" (with a larger `reg`, about 10) makes far better
        lists, because it holds back items with a single high rating
    biases : fit a mean and a bias for every user and item; without, the model is <u, v> alone
    solver : "cholesky" (exact) or "cg" (`cg_steps` of conjugate gradients a row, the last half-step exact)
    max_iter : most iterations
    tol : stop when the objective falls by less than this share of itself; 0 does all `max_iter`
    warm_start : start `fit` from the factors of the last one, also with a larger rank; known ids keep theirs
    random_state : seed of the starting factors
    normalize : None, "user", "item" or "both": fit normalised ratings; predictions undo it
    normalize_method : "mean" (centre) or "zscore" (and scale)
    cg_steps : steps of the "cg" solver
    patience : with `fit(validation=...)`, iterations without a new best before stopping
    verbose : a progress bar on stderr

    Attributes
    ----------
    user_factors_, item_factors_ : (n_users, rank), (n_items, rank)
    user_biases_, item_biases_ : (n_users,), (n_items,), or None
    mean_ : mean of the (normalised) ratings, 0 without biases
    history_ : a record an iteration: iteration, objective, seconds, and validation (RMSE)
    n_iter_, converged_ : iterations done, and whether `tol` ended them
    users_, items_, interactions_ : vocabularies and training ratings
    """

    SOLVERS = ("cholesky", "cg")
    START = 1.0

    def __init__(
        self,
        rank: int = 64,
        *,
        reg: float | tuple[float, float] = 0.1,
        reg_scaling: str = "count",
        biases: bool = True,
        solver: str = "cholesky",
        max_iter: int = 15,
        tol: float = 1e-4,
        warm_start: bool = False,
        random_state: RandomState = None,
        normalize: str | None = None,
        normalize_method: str = "mean",
        cg_steps: int = 3,
        patience: int = 3,
        verbose: bool = False,
    ) -> None:
        self.rank = rank
        self.reg = reg
        self.reg_scaling = reg_scaling
        self.biases = biases
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.normalize = normalize
        self.normalize_method = normalize_method
        self.cg_steps = cg_steps
        self.patience = patience
        self.verbose = verbose

    def _check_params(self) -> None:
        super()._check_params()
        check_int(self.cg_steps, "cg_steps")
        check_option(self.reg_scaling, "reg_scaling", REG_SCALINGS)
        check_option(self.normalize, "normalize", NORMALIZE)
        check_option(self.normalize_method, "normalize_method", ("mean", "zscore"))

    def _half(self, side: str, ratings: Csr) -> Half:
        assert ratings.values is not None
        reg, dtype = self._regs()[side == "items"], ratings.values.dtype
        scale = ratings.counts if self.reg_scaling == "count" else np.ones(ratings.n_rows)
        return Half(ratings, (reg * scale).astype(dtype), self.mean_)

    def _means(self, ratings: Ratings, train: Ratings) -> tuple[float, float]:
        return ratings.mean, train.mean if self.biases else 0.0

    def _normalized(self, ratings: Ratings) -> tuple[Normalization | None, Ratings]:
        if self.normalize is None:
            return None, ratings
        normalization = Normalization.fit(ratings, by=self.normalize, method=self.normalize_method)
        return normalization, normalization.apply(ratings)

    def _solver_options(self) -> dict[str, int]:
        return {"cg_steps": self.cg_steps} if self.solver == "cg" else {}
