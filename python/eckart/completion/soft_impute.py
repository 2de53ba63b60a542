"""Completion with the nuclear norm as penalty: the convex relative of a bound on the rank."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.seeds import RandomState, generator
from eckart.base.state import State
from eckart.base.validation import check_bool, check_float, check_int, check_option
from eckart.completion._low_rank import Iterate, LowRankModel, LowRankTrainer, Solver, fitted_rows
from eckart.completion._nuclear import NuclearSolver, refitted_scale
from eckart.completion._spectrum import balanced
from eckart.completion._training import Record, Trainer
from eckart.data.convert import as_ratings
from eckart.data.normalization import Normalization
from eckart.data.ratings import Ratings
from eckart.linalg.operators import SparseMatrix
from eckart.linalg.svd import randomized_svd

NORMALIZE = (None, "user", "item", "both")


class _UntilFlat(LowRankTrainer):
    """Stops when the objective falls by less than `tol` of itself, as in all models with a penalty."""

    def _stops(self, record: Record) -> bool:
        return Trainer._stops(self, record)


@dataclass(frozen=True)
class RegularizationPath:
    """Fits over falling penalties, each started from the one before.

    regs, ranks, nuclear_norms, residuals : (n,) penalty, rank, ||B||_*, and ||P(X - B)|| / ||P(X)||
    validation : (n,) RMSE on held-out entries, or None
    models : the fitted models; best : index of the least validation error, else of the last
    """

    regs: NDArray[np.float64]
    ranks: NDArray[np.int64]
    nuclear_norms: NDArray[np.float64]
    residuals: NDArray[np.float64]
    validation: NDArray[np.float64] | None
    models: list["SoftImpute"]
    best: int


class SoftImpute(LowRankModel):
    """Minimises 1/2 ||P(X - B)||^2 + reg ||B||_* + reg_frobenius / 2 ||B||_F^2 over B of rank <= `rank`.

    Mazumder, Hastie, Tibshirani 2010 ("Spectral regularization algorithms for learning large incomplete
    matrices") iterate B <- shrink_reg(P(X) + P_missing(B)); here B = A C' and the sides are fitted in turn
    (Hastie, Mazumder, Lee, Zadeh 2015). Where the minimiser's rank is below `rank`, it is the global one;
    the objective never rises.

    Parameters
    ----------
    rank : columns of the factors, at least the rank of the solution
    reg : lambda, in units of singular values of X: at ||P(X)||_2 and above B is zero
    reg_frobenius : gamma
    solver : "exact" solves every row's ridge regression, |observed| rank^2 / 2 multiply-adds a half-step, few
        iterations; "impute" is softImpute-ALS, 2 |observed| rank, many iterations where little is observed
    normalize : None, "user", "item" or "both": fit entries less these means; predictions undo it
    debias : when done, refit one factor for each singular value without penalty, which has shrunk them all
    max_iter : most iterations
    tol : stop when the objective falls by less than this share of itself
    random_state : seed of the starting factors
    verbose : a progress bar on stderr

    Attributes: see `user_factors_` (n_users, rank_), `item_factors_`, `singular_values_`, `history_`,
    `n_iter_`, `converged_`; `scale_` (rank_,), by which debiasing has multiplied the users' factors, or None.
    """

    TRAINER = _UntilFlat
    DEAD = 1e-3  # singular values below this share of the largest are on their way to zero

    scale_: NDArray[Any] | None

    def __init__(
        self,
        rank: int = 30,
        *,
        reg: float = 10.0,
        reg_frobenius: float = 0.0,
        solver: str = "exact",
        normalize: str | None = None,
        debias: bool = False,
        max_iter: int = 100,
        tol: float = 1e-5,
        random_state: RandomState = None,
        verbose: bool = False,
    ) -> None:
        self.rank = rank
        self.reg = reg
        self.reg_frobenius = reg_frobenius
        self.solver = solver
        self.normalize = normalize
        self.debias = debias
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose

    def _check_params(self) -> None:
        super()._check_params()
        check_int(self.rank, "rank")
        check_float(self.reg, "reg", open_low=True)
        check_float(self.reg_frobenius, "reg_frobenius")
        check_option(self.solver, "solver", ("exact", "impute"))
        check_option(self.normalize, "normalize", NORMALIZE)
        check_bool(self.debias, "debias")

    def _normalized(self, ratings: Ratings) -> tuple[Normalization | None, Ratings]:
        if self.normalize is None:
            return None, ratings
        normalization = Normalization.fit(ratings, by=self.normalize, method="mean")
        return normalization, normalization.apply(ratings)

    def _solver(self, data: SparseMatrix) -> NuclearSolver:
        rank = min(self.rank, *data.shape)
        rng = generator(self.random_state)
        # Entries of the product then have the mean square of those observed.
        deviation = (float(np.mean(np.square(data.values, dtype=np.float64))) / rank) ** 0.25
        users, items = (
            rng.standard_normal((n, rank), dtype=data.dtype.type) * data.dtype.type(deviation)
            for n in data.shape
        )
        return NuclearSolver(
            data, Iterate(users, items), self.reg, self.reg_frobenius, self.solver == "exact"
        )

    def _users_of(self, rows: Csr, items: NDArray[Any]) -> NDArray[Any]:
        users = fitted_rows(rows, items, self.reg, self.reg_frobenius)
        return users if self.scale_ is None else users * self.scale_

    def _finish(self, solver: Solver, iterate: Iterate) -> None:
        self.scale_ = None
        super()._finish(solver, iterate)
        if self.debias:
            alive = self.effective_rank  # a refit would blow up what the penalty has put to zero
            kept = (np.ascontiguousarray(f[:, :alive]) for f in (self.user_factors_, self.item_factors_))
            self.scale_ = np.ones(self.rank_, self.user_factors_.dtype)
            self.scale_[:alive] = refitted_scale(solver.data, *kept)
            self._set_factors(self.user_factors_ * self.scale_, self.item_factors_)
            self.singular_values_ = balanced(self.user_factors_, self.item_factors_).s

    def path(self, X: Any, y: Any = None, *, regs: Any = None, validation: Any = None) -> RegularizationPath:
        """Fit for a falling sequence of penalties, each started from the one before; keep the best of them.

        regs : penalties, taken in falling order; None: ten from ||P(X)||_2, where B is zero, down to a
            hundredth of it, evenly in the logarithm
        validation : held-out entries; their RMSE chooses. Without it, the least penalty is kept

        Afterwards this model, `reg` included, is the best one. Raises ValueError as `fit` does.
        """
        self._check_params()
        ratings = self._as_training(X, y)
        held_out = None if validation is None else as_ratings(validation, vocabulary_of=ratings)
        models: list[SoftImpute] = []
        for reg in self._falling(regs, ratings):
            model = SoftImpute(**{**self.get_params(), "reg": float(reg)})
            solver, start = model._prepared(ratings)
            model._set_features(X, y)
            model._run(solver, models[-1]._revived(start) if models else start)
            models.append(model)
        errors = None if held_out is None else np.array([-model.score(held_out) for model in models])
        best = len(models) - 1 if errors is None else int(np.argmin(errors))
        vars(self).update(vars(models[best]))
        return RegularizationPath(
            regs=np.array([model.reg for model in models]),
            ranks=np.array([model.effective_rank for model in models]),
            nuclear_norms=np.array([model.singular_values_.sum(dtype=np.float64) for model in models]),
            residuals=np.array([model.history_[-1]["residual"] for model in models]),
            validation=errors,
            models=models,
            best=best,
        )

    @property
    def effective_rank(self) -> int:
        """Singular values that are not on their way to zero."""
        s = self.singular_values_
        return int((s > self.DEAD * s[0]).sum()) if len(s) and s[0] > 0 else 0

    def _falling(self, regs: Any, ratings: Ratings) -> NDArray[np.float64]:
        if regs is None:
            train = self._normalized(ratings)[1]
            top = randomized_svd(SparseMatrix(train.by_user, train.by_item), 1, random_state=0).s[0]
            return np.geomspace(top, top / 100, 10) if top > 0 else np.ones(1)
        falling = np.sort(np.asarray([check_float(reg, "regs", open_low=True) for reg in regs]))[::-1]
        if len(falling) == 0:
            raise ValueError("regs: expected at least one penalty, got none")
        return falling

    def _revived(self, fresh: Iterate) -> Iterate:
        """Return these factors as a start for a lesser penalty, dead columns random: zeros would stay."""
        alive = self.effective_rank
        if alive == 0:
            return fresh
        scale = 1.0 if self.scale_ is None else np.where(self.scale_ == 0, 1, self.scale_)
        u, s, v = balanced(self.user_factors_ / scale, self.item_factors_)
        s[alive:] = self.DEAD * s[0]
        u[:, alive:], v[:, alive:] = (
            side[:, alive:] / np.linalg.norm(side[:, alive:], axis=0) for side in (fresh.users, fresh.items)
        )
        return Iterate(u * np.sqrt(s), v * np.sqrt(s))

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        if self.scale_ is not None:
            state.arrays["scale_"] = self.scale_
        return state

    @classmethod
    def _from_state(cls, state: State) -> "SoftImpute":
        model = super()._from_state(state)
        shape, dtype = (model.rank_,), model.user_factors_.dtype
        model.scale_ = state.array("scale_", shape=shape, dtype=dtype) if "scale_" in state.arrays else None
        return model
