"""Models fitted by alternating least squares: the loop, fold-in, updates, files."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.errors import DivergenceError
from eckart.base.seeds import RandomState, seed_from
from eckart.base.state import State
from eckart.base.validation import check_bool, check_float, check_int, check_option
from eckart.completion._als_sweeps import AlsState, Half, objective, random_side
from eckart.completion._als_update import grown_state
from eckart.completion._factors import FactorModel, Side
from eckart.completion._model import translate
from eckart.completion._training import Callback, Record, Trainer
from eckart.completion.explanation import Explanation, explain_ridge
from eckart.data.convert import as_ratings
from eckart.data.normalization import Normalization
from eckart.data.ratings import Ratings

Self = TypeVar("Self", bound="AlternatingModel")
SALT_ITEMS = 0x9E3779B97F4A7C15  # so that both sides draw from different streams of one seed


class AlternatingModel(FactorModel):
    """Base of the models whose sides are ridge regressions of one another.

    A subclass says what its half-steps solve (``_half``, ``_means``, ``_normalized``), which solvers it has,
    and checks its own parameters (``_check_params``).
    """

    SOLVERS: tuple[str, ...]
    START: float  # expected norm of a starting row: what takes the fewest iterations

    rank: int
    reg: float | tuple[float, float]
    biases: bool
    solver: str
    max_iter: int
    tol: float
    warm_start: bool
    random_state: RandomState
    patience: int
    verbose: bool
    history_: list[Record]
    n_iter_: int
    converged_: bool

    # -- what a model implements -------------------------------------------------------------------

    def _half(self, side: str, ratings: Csr) -> Half:
        """Return the problem of solving a side ("users", "items"), of whose rows `ratings` are."""
        raise NotImplementedError

    def _means(self, ratings: Ratings, train: Ratings) -> tuple[float, float]:
        """Return ``global_mean_`` and ``mean_``."""
        raise NotImplementedError

    def _solver_options(self) -> dict[str, int]:
        """Return the options of `Half.solve` for the solver; none where it is exact."""
        raise NotImplementedError

    def _normalized(self, ratings: Ratings) -> tuple[Normalization | None, Ratings]:
        """Return how ratings are normalised, and the ratings that are fitted."""
        return None, ratings

    def _check_params(self) -> None:
        for name in ("rank", "max_iter", "patience"):
            check_int(getattr(self, name), name)
        check_float(self.tol, "tol")
        for name in ("biases", "warm_start", "verbose"):
            check_bool(getattr(self, name), name)
        check_option(self.solver, "solver", self.SOLVERS)
        self._regs()

    def _regs(self) -> tuple[float, float]:
        """Return the penalties of users and items. ValueError where they are none."""
        both = self.reg if isinstance(self.reg, tuple | list) else (self.reg, self.reg)
        if len(both) != 2:
            raise ValueError(f"reg: expected one number or (users, items), got {self.reg!r}")
        return check_float(both[0], "reg"), check_float(both[1], "reg")

    # -- fitting -----------------------------------------------------------------------------------

    def fit(
        self: Self, X: Any, y: Any = None, *, validation: Any = None, callback: Callback | None = None
    ) -> Self:
        """Fit to ratings or feedback.

        X : Ratings, a scipy.sparse matrix (stored entries are observed), a dense matrix with NaN, a
            frame with id columns, or an (n, 2) array of (user, item) pairs with values `y`
        validation : held-out data in any of these forms; minus their :meth:`score` is recorded, `fit` stops
            when it has not fallen for `patience` iterations, and the best iteration is kept
        callback : called with each record of ``history_``; returning True stops

        Raises ValueError for bad parameters or data. On Ctrl-C the last whole iteration is kept and
        KeyboardInterrupt raised again. DivergenceError if the objective overflows.
        """
        self._check_params()
        ratings = self._as_training(X, y)
        warm = self.warm_start and self._is_fitted()
        state = self._warm_state(ratings) if warm else self._random_state(ratings)
        normalization, train = self._normalized(ratings)
        held_out = None if validation is None else as_ratings(validation, vocabulary_of=ratings)
        if held_out is not None and len(held_out) == 0:
            raise ValueError("validation: expected at least one rating, got none")
        # From here on nothing is refused, and the model is always one that can be used.
        self.global_mean_, self.mean_ = self._means(ratings, train)
        self.normalization_ = normalization
        self.history_, self.n_iter_, self.converged_ = [], 0, False
        self._set_state(state)
        self._set_data(ratings)
        self._set_features(X, y)

        users, items = self._half("users", train.by_user), self._half("items", train.by_item)
        trainer = self._trainer(users, items, state, held_out, callback)
        try:
            trainer.run()
            if self._solver_options():
                trainer.state = self._finished(trainer.state, users)
        finally:
            self._set_state(trainer.state)
            self.history_ = trainer.history
            self.n_iter_ = len(trainer.history)
            self.converged_ = trainer.converged
        return self

    def _finished(self, state: AlsState, users: Half) -> AlsState:
        """Return the state after one exact half-step of the users: fold_in then gives what training gave."""
        exact = state.copy()
        exact.squared_error = users.solve(exact.items, exact.users, with_error=True)
        if not np.isfinite(exact.squared_error):
            name = type(self).__name__
            raise DivergenceError(
                f"{name}: the last half-step overflowed; the model keeps the state before it"
            )
        return exact

    def _random_state(self, ratings: Ratings) -> AlsState:
        seed = seed_from(self.random_state)
        like = Side(
            np.empty((0, self.rank), ratings.dtype), np.empty(0, ratings.dtype) if self.biases else None
        )
        users = random_side(ratings.n_users, like, seed, self.START)
        return AlsState(users, random_side(ratings.n_items, like, seed ^ SALT_ITEMS, self.START))

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
        self, users: Half, items: Half, state: AlsState, held_out: Ratings | None, callback: Callback | None
    ) -> Trainer[AlsState]:
        options = self._solver_options()

        def step(s: AlsState) -> None:
            items.solve(s.users, s.items, **options)
            s.squared_error = users.solve(s.items, s.users, with_error=True, **options)

        def validate(s: AlsState) -> float:
            self._set_state(s)
            return -self.score(held_out)

        return Trainer(
            state=state,
            step=step,
            objective=lambda s: objective(s, users, items),
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
        self._half(side, ratings).solve(fixed, out)
        return out

    def explain(self, user: Any, item: Any) -> Explanation:
        """Return which of the user's ratings made this prediction, as parts that add up to it.

        The user's row is taken as `fold_in` gives it, which is what training gave; after an `update` that
        changed the items of a user without new ratings, the prediction is the more recent one.

        Raises KeyError for an unknown id, EckartError if the file was saved without training ratings.
        """
        self._check_fitted()
        return explain_ridge(self, user, item, self._seen("explain").by_user)

    def update(self: Self, ratings: Any) -> Self:
        """Take in new ratings, also of new users and items, and refit the rows that grew.

        A new rating of a pair that was known replaces it. Rows without a new rating keep their
        factors; those with one are solved exactly, the rest fixed. Cost: the grown rows only.
        Raises EckartError if the file was saved without training ratings.
        """
        self._check_fitted()
        old = self._seen("update")
        merged = old.merged(as_ratings(ratings, dtype=old.dtype, vocabulary_of=old))
        state, self.normalization_ = grown_state(self, old, merged)
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
    def _from_state(cls: type[Self], state: State) -> Self:
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
