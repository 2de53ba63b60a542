"""Alternating least squares for explicit ratings with missing entries."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.errors import DivergenceError
from eckart.base.seeds import RandomState, seed_from
from eckart.base.state import State
from eckart.base.validation import check_bool, check_float, check_int, check_option
from eckart.completion._als_sweeps import AlsState, Penalty, objective, random_side, solve_side
from eckart.completion._als_update import grown_state
from eckart.completion._factors import FactorModel, Side
from eckart.completion._model import translate
from eckart.completion._training import Callback, Record, Trainer
from eckart.completion.explanation import Explanation, explain_ridge
from eckart.data.convert import as_ratings
from eckart.data.normalization import Normalization
from eckart.data.ratings import Ratings

SOLVERS = ("cholesky", "cg")
REG_SCALINGS = ("count", "none")
NORMALIZE = (None, "user", "item", "both")
SALT_ITEMS = 0x9E3779B97F4A7C15  # so that both sides draw from different streams of one seed


class ALS(FactorModel):
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

    history_: list[Record]
    n_iter_: int
    converged_: bool

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

    # -- fitting -----------------------------------------------------------------------------------

    def fit(
        self, X: Any, y: Any = None, *, validation: Any = None, callback: Callback | None = None
    ) -> "ALS":
        """Fit to ratings.

        X : Ratings, a scipy.sparse matrix (stored entries are observed), a dense matrix with NaN, a
            frame with id columns, or an (n, 2) array of (user, item) pairs with values `y`
        validation : ratings in any of these forms; their RMSE is recorded, `fit` stops when it has not
            fallen for `patience` iterations, and the best iteration is kept
        callback : called with each record of ``history_``; returning True stops

        Raises ValueError for bad parameters or data. On Ctrl-C the last whole iteration is kept and
        KeyboardInterrupt raised again. DivergenceError if the objective overflows.
        """
        penalty = self._check_params()
        ratings = self._as_training(X, y)
        warm = self.warm_start and self._is_fitted()
        state = self._warm_state(ratings) if warm else self._random_state(ratings)
        normalization = (
            None
            if self.normalize is None
            else Normalization.fit(ratings, by=self.normalize, method=self.normalize_method)
        )
        train = ratings if normalization is None else normalization.apply(ratings)
        held_out = None if validation is None else as_ratings(validation, vocabulary_of=ratings)
        if held_out is not None and len(held_out) == 0:
            raise ValueError("validation: expected at least one rating, got none")
        # From here on nothing is refused, and the model is always one that can be used.
        self.global_mean_ = ratings.mean
        self.mean_ = train.mean if self.biases else 0.0
        self.normalization_ = normalization
        self.history_, self.n_iter_, self.converged_ = [], 0, False
        self._set_state(state)
        self._set_data(ratings)
        self._set_features(X, y)

        trainer = self._trainer(train, state, penalty, held_out, callback)
        try:
            trainer.run()
            if self.solver == "cg":
                trainer.state = self._finished(trainer.state, train, penalty)
        finally:
            self._set_state(trainer.state)
            self.history_ = trainer.history
            self.n_iter_ = len(trainer.history)
            self.converged_ = trainer.converged
        return self

    def _finished(self, state: AlsState, train: Ratings, penalty: Penalty) -> AlsState:
        """Return the state after one exact half-step of the users: fold_in then gives what training gave."""
        exact = state.copy()
        reg = penalty.of("users", train.by_user, train.dtype)
        exact.squared_error = solve_side(
            train.by_user, exact.items, self.mean_, reg, exact.users, with_error=True
        )
        if not np.isfinite(exact.squared_error):
            raise DivergenceError("ALS: the last half-step overflowed; the model keeps the state before it")
        return exact

    def _check_params(self) -> Penalty:
        check_int(self.rank, "rank")
        check_int(self.max_iter, "max_iter")
        check_int(self.cg_steps, "cg_steps")
        check_int(self.patience, "patience")
        check_float(self.tol, "tol")
        for name in ("biases", "warm_start", "verbose"):
            check_bool(getattr(self, name), name)
        check_option(self.solver, "solver", SOLVERS)
        check_option(self.reg_scaling, "reg_scaling", REG_SCALINGS)
        check_option(self.normalize, "normalize", NORMALIZE)
        check_option(self.normalize_method, "normalize_method", ("mean", "zscore"))
        return self._penalty()

    def _penalty(self) -> Penalty:
        both = self.reg if isinstance(self.reg, tuple | list) else (self.reg, self.reg)
        if len(both) != 2:
            raise ValueError(f"reg: expected one number or (users, items), got {self.reg!r}")
        users, items = (check_float(value, "reg") for value in both)
        return Penalty(users, items, by_count=self.reg_scaling == "count")

    def _random_state(self, ratings: Ratings) -> AlsState:
        seed = seed_from(self.random_state)
        like = Side(
            np.empty((0, self.rank), ratings.dtype), np.empty(0, ratings.dtype) if self.biases else None
        )
        users = random_side(ratings.n_users, like, seed)
        return AlsState(users, random_side(ratings.n_items, like, seed ^ SALT_ITEMS))

    def _warm_state(self, ratings: Ratings) -> AlsState:
        """Return the fitted factors where the id is known, random ones elsewhere and in new dimensions."""
        fitted = self.user_factors_.shape[1]
        if self.rank < fitted:
            raise ValueError(
                f"rank: a warm start can keep or raise the rank, expected >= {fitted}, got {self.rank}"
            )
        state = self._random_state(ratings)
        sides = (
            (state.users, self._user_side, ratings.users, self.users_),
            (state.items, self._item_side, ratings.items, self.items_),
        )
        for new, old, vocabulary, known in sides:
            codes = translate(vocabulary, known, np.arange(len(vocabulary), dtype=np.int32))
            here = np.flatnonzero(codes >= 0)
            new.factors[here, :fitted] = old.factors[codes[here]]
            if new.biases is not None and old.biases is not None:
                new.biases[here] = old.biases[codes[here]]
        return state

    def _trainer(
        self,
        train: Ratings,
        state: AlsState,
        penalty: Penalty,
        held_out: Ratings | None,
        callback: Callback | None,
    ) -> Trainer[AlsState]:
        by_user, by_item, mean = train.by_user, train.by_item, self.mean_
        reg_users = penalty.of("users", by_user, train.dtype)
        reg_items = penalty.of("items", by_item, train.dtype)
        steps = self.cg_steps if self.solver == "cg" else 0

        def step(s: AlsState) -> None:
            solve_side(by_item, s.users, mean, reg_items, s.items, cg_steps=steps)
            s.squared_error = solve_side(
                by_user, s.items, mean, reg_users, s.users, cg_steps=steps, with_error=True
            )

        def validate(s: AlsState) -> float:
            self._set_state(s)
            return -self.score(held_out)

        return Trainer(
            state=state,
            step=step,
            objective=lambda s: objective(s, reg_users, reg_items),
            max_iter=self.max_iter,
            tol=self.tol,
            label=type(self).__name__,
            validate=None if held_out is None else validate,
            patience=self.patience,
            callback=callback,
            verbose=self.verbose,
        )

    def _set_state(self, state: AlsState) -> None:
        self.user_factors_, self.user_biases_ = state.users.factors, state.users.biases
        self.item_factors_, self.item_biases_ = state.items.factors, state.items.biases

    # -- after fitting -----------------------------------------------------------------------------

    def fold_in(self, rows: Any, *, side: str = "users") -> NDArray[Any]:
        """Return the factors that training would give to unseen users, or unseen items.

        rows : ratings by unseen users of the model's items: anything `fit` takes, matrices with the
            model's columns. With ``side="items"``: ratings of unseen items by the model's users
            (matrices: the model's users in rows, the new items in columns)

        Returns (n_rows, rank). Folding in the training ratings gives ``user_factors_`` again; folding
        in items is one exact half-step. Raises KeyError for ids of the other side that training
        has not seen, ValueError for a matrix of another width.
        """
        self._check_fitted()
        check_option(side, "side", ("users", "items"))
        if side == "users":
            return self._fold_users(self._rows_of(rows))[0].factors
        return self._fold_items(self._columns_of(rows)).factors

    def _fold_users(self, rows: Ratings) -> tuple[Side, Normalization | None]:
        normalization = self.normalization_
        if normalization is not None:
            normalization = normalization.with_users_of(rows)
            rows = normalization.apply(rows)
        return self._solve("users", rows.by_user, self._item_side), normalization

    def _fold_items(self, columns: Ratings) -> Side:
        if self.normalization_ is not None:
            columns = self.normalization_.with_items_of(columns).apply(columns)
        return self._solve("items", columns.by_item, self._user_side)

    def _solve(self, side: str, ratings: Csr, fixed: Side) -> Side:
        rank, dtype = fixed.factors.shape[1], fixed.factors.dtype
        biases = None if fixed.biases is None else np.empty(ratings.n_rows, dtype)
        out = Side(np.empty((ratings.n_rows, rank), dtype), biases)
        solve_side(ratings, fixed, self.mean_, self._penalty().of(side, ratings, dtype), out)
        return out

    def explain(self, user: Any, item: Any) -> Explanation:
        """Return which of the user's ratings made this prediction, as parts that add up to it.

        The user's row is taken as `fold_in` gives it, which is what training gave; after an `update` that
        changed the items of a user without new ratings, the prediction is the more recent one.

        Raises KeyError for an unknown id, EckartError if the file was saved without training ratings.
        """
        self._check_fitted()
        return explain_ridge(self, user, item, self._seen("explain").by_user)

    def update(self, ratings: Any) -> "ALS":
        """Take in new ratings, also of new users and items, and refit the rows that grew.

        A new rating of a pair that was known replaces it. Rows without a new rating keep their
        factors; those with one are solved exactly, the rest fixed. Cost: the grown rows only.
        Raises EckartError if the file was saved without training ratings.
        """
        self._check_fitted()
        penalty = self._penalty()
        old = self._seen("update")
        merged = old.merged(as_ratings(ratings, dtype=old.dtype, vocabulary_of=old))
        state, self.normalization_ = grown_state(self, old, merged, penalty)
        self._set_data(merged)
        self._set_state(state)
        if hasattr(self, "n_features_in_") and self.n_features_in_ != merged.n_items:
            self.n_features_in_ = merged.n_items
            vars(self).pop("feature_names_in_", None)  # the new columns have none
        return self

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        state.meta["training"] = {
            "history": self.history_,
            "n_iter": self.n_iter_,
            "converged": self.converged_,
        }
        return state

    @classmethod
    def _from_state(cls, state: State) -> "ALS":
        model = super()._from_state(state)
        training = state.meta["training"]
        model.history_ = [dict(record) for record in training["history"]]
        model.n_iter_, model.converged_ = int(training["n_iter"]), bool(training["converged"])
        model._check_params()
        return model

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=["float64", "float32"])
        return tags
