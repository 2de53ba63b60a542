"""What the models of low-rank completion share: X ~ U V', learned from the observed entries alone.

A model hands over a solver, which holds the data and says where to start and what one iteration does;
the base runs it, keeps its last whole iterate, and serves predictions, new users and files.
"""

import copy
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.seeds import RandomState
from eckart.base.state import State
from eckart.base.validation import check_bool, check_float, check_int
from eckart.completion._als_sweeps import Half
from eckart.completion._factors import FactorModel, Side
from eckart.completion._spectrum import balanced
from eckart.completion._training import Callback, Record, Trainer
from eckart.data.convert import as_ratings
from eckart.data.normalization import Normalization
from eckart.data.ratings import Ratings
from eckart.linalg.dense import single_threaded
from eckart.linalg.operators import SparseMatrix

Self = TypeVar("Self", bound="LowRankModel")
TRACE = {4: 1e-6, 8: 1e-11}  # by bytes of a number: a penalty beside the mean squared norm of C's rows


@dataclass
class Iterate:
    """Factors while they are trained: users (n_users, k), items (n_items, k), k may change.

    squared_error : of their product on the observed entries. Steps make new arrays and never write into
    these, so that a copy need only refer to them.
    """

    users: NDArray[Any]
    items: NDArray[Any]
    squared_error: float = np.inf

    def copy(self) -> Any:
        return copy.copy(self)

    def assign(self, other: "Iterate") -> None:
        vars(self).update(vars(other))


def fitted_rows(rows: Csr, fixed: NDArray[Any], reg: float = 0.0, unobserved: float = 0.0) -> NDArray[Any]:
    """Return the factors A (n_rows, k) that minimise ||P(X - A C')||^2 + reg ||A||^2 + unobserved ||A C'||^2,
    `fixed` being C: row by row, and nearly the least where there are several.

    Never without a penalty at all: the few entries of a row may lie where C is zero but for rounding, and its
    exact fit would be beyond all bounds.
    """
    assert rows.values is not None
    reg = max(reg, TRACE[fixed.dtype.itemsize] * float(np.mean(np.square(fixed))) * fixed.shape[1])
    solved = Side(np.empty((rows.n_rows, fixed.shape[1]), fixed.dtype), None)
    half = Half(rows, np.full(rows.n_rows, reg, fixed.dtype), unobserved=unobserved)
    half.solve(Side(np.ascontiguousarray(fixed), None), solved)
    return solved.factors


class Solver(Protocol):
    """A method on its data, the observed entries."""

    data: SparseMatrix

    def start(self) -> Iterate: ...

    def step(self, iterate: Any) -> None:
        """Advance by one iteration."""

    def objective(self, iterate: Any) -> float: ...


class LowRankTrainer(Trainer[Iterate]):
    """Records the relative residual ||P(X - U V')|| / ||P(X)|| and the rank as well, and stops by the former:
    when it is at most `tol`, or moved by less than `tol` of itself in an iteration."""

    RESTS = True  # an iteration that hardly moves the residual is the last
    norm: float = 1.0

    def _iterate(self, iteration: int, spare: Iterate) -> Record:
        record = super()._iterate(iteration, spare)
        record["residual"] = float(np.sqrt(spare.squared_error)) / self.norm
        record["rank"] = spare.users.shape[1]
        return record

    def _stops(self, record: Record) -> bool:
        if self.callback is not None and self.callback(dict(record)):
            return True
        now = record["residual"]
        before = self.history[-2]["residual"] if len(self.history) > 1 else np.inf
        rests = self.RESTS and abs(before - now) <= self.tol * now
        self.converged = self.tol > 0 and (now <= self.tol or rests)
        return self.converged


class LowRankModel(FactorModel):
    """Base of the models of low-rank completion.

    Attributes after `fit`: those of factor models (without biases), ``singular_values_`` (rank_,) of
    ``user_factors_ @ item_factors_.T``, falling, ``rank_``, ``history_`` (iteration, objective, residual,
    rank, seconds, and validation), ``n_iter_``, ``converged_``.
    """

    TRAINER: type[LowRankTrainer] = LowRankTrainer
    PATIENCE = 20  # iterations without a new best on held-out data before stopping

    max_iter: int
    tol: float
    random_state: RandomState
    verbose: bool
    singular_values_: NDArray[Any]
    rank_: int
    history_: list[Record]
    n_iter_: int
    converged_: bool

    # -- what a model implements -------------------------------------------------------------------

    def _solver(self, data: SparseMatrix) -> Solver:
        raise NotImplementedError

    def _check_params(self) -> None:
        check_int(self.max_iter, "max_iter")
        check_float(self.tol, "tol")
        check_bool(self.verbose, "verbose")

    def _normalized(self, ratings: Ratings) -> tuple[Normalization | None, Ratings]:
        """Return how ratings are normalised, and the ratings that are fitted."""
        return None, ratings

    def _users_of(self, rows: Csr, items: NDArray[Any]) -> NDArray[Any]:
        """Return the factors (n_rows, k) that fit the rows best, the items fixed."""
        return fitted_rows(rows, items)

    # -- fitting -----------------------------------------------------------------------------------

    def fit(
        self: Self, X: Any, y: Any = None, *, validation: Any = None, callback: Callback | None = None
    ) -> Self:
        """Fit to the observed entries.

        X : Ratings, a scipy.sparse matrix (stored entries are observed), a dense matrix with NaN, a
            frame with id columns, or an (n, 2) array of (user, item) pairs with values `y`
        validation : held-out entries in any of these forms; their RMSE is recorded, `fit` stops when it has
            long not fallen, and the best iteration is kept
        callback : called with each record of ``history_``; returning True stops

        Raises ValueError for bad parameters or data. On Ctrl-C the last whole iteration is kept and
        KeyboardInterrupt raised again. DivergenceError if the objective overflows.
        """
        self._check_params()
        ratings = self._as_training(X, y)
        held_out = None if validation is None else as_ratings(validation, vocabulary_of=ratings)
        if held_out is not None and len(held_out) == 0:
            raise ValueError("validation: expected at least one rating, got none")
        solver, start = self._prepared(ratings)
        self._set_features(X, y)
        self._run(solver, start, held_out, callback)
        return self

    def _prepared(self, ratings: Ratings) -> tuple[Solver, Iterate]:
        """Return the solver and its start, and take over the data: from here on nothing is refused."""
        normalization, train = self._normalized(ratings)
        solver = self._solver(SparseMatrix(train.by_user, train.by_item))
        start = solver.start()
        self.user_biases_ = self.item_biases_ = None
        self.mean_, self.global_mean_ = 0.0, ratings.mean
        self.normalization_ = normalization
        self._set_data(ratings)
        return solver, start

    def _run(
        self,
        solver: Solver,
        start: Iterate,
        held_out: Ratings | None = None,
        callback: Callback | None = None,
    ) -> None:
        """Iterate from `start`, and set what was learned."""

        def validate(iterate: Iterate) -> float:
            self._set_factors(iterate.users, iterate.items)
            return -self.score(held_out)

        trainer = self.TRAINER(
            state=start,
            step=solver.step,
            objective=solver.objective,
            max_iter=self.max_iter,
            tol=self.tol,
            label=type(self).__name__,
            validate=None if held_out is None else validate,
            patience=self.PATIENCE,
            callback=callback,
            verbose=self.verbose,
        )
        trainer.norm = float(np.linalg.norm(solver.data.values.astype(np.float64))) or 1.0
        try:
            with single_threaded():  # once, as to ask for it costs more than a small iteration
                trainer.run()
        finally:
            self._finish(solver, trainer.state)
            self.history_ = trainer.history
            self.n_iter_, self.converged_ = len(trainer.history), trainer.converged

    def _finish(self, solver: Solver, iterate: Iterate) -> None:
        """Take over the iterate with the users' rows fitted exactly, so that `fold_in` gives them again."""
        _, s, v = balanced(iterate.users, iterate.items)
        items = v * np.sqrt(s)
        self._set_factors(self._users_of(solver.data.by_row, items), items)
        self.singular_values_ = balanced(self.user_factors_, items)[1]

    def _set_factors(self, users: NDArray[Any], items: NDArray[Any]) -> None:
        self.user_factors_, self.item_factors_ = np.ascontiguousarray(users), np.ascontiguousarray(items)
        self.rank_ = users.shape[1]

    # -- after fitting -----------------------------------------------------------------------------

    def fold_in(self, rows: Any) -> NDArray[Any]:
        """Return the factors of unseen users, (n_rows, rank_): the best fit of their entries, items fixed.

        rows : entries of unseen rows in the model's columns: anything `fit` takes. Folding in the training
            entries gives ``user_factors_`` again.

        Raises KeyError for an item that training has not seen, ValueError for a matrix of another width.
        """
        self._check_fitted()
        return self._fold_users(self._rows_of(rows))[0].factors

    def _fold_users(self, rows: Ratings) -> tuple[Side, Normalization | None]:
        normalization = self.normalization_
        if normalization is not None:
            normalization = normalization.with_users_of(rows)
            rows = normalization.apply(rows)
        return Side(self._users_of(rows.by_user, self.item_factors_), None), normalization

    # -- files -------------------------------------------------------------------------------------

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        state.arrays["singular_values_"] = self.singular_values_
        names = ("history_", "n_iter_", "converged_")
        state.meta["training"] = {name: getattr(self, name) for name in names}
        return state

    @classmethod
    def _from_state(cls: type[Self], state: State) -> Self:
        model = super()._from_state(state)
        model.rank_ = model.user_factors_.shape[1]
        dtype = model.user_factors_.dtype
        model.singular_values_ = state.array("singular_values_", shape=(model.rank_,), dtype=dtype)
        training = state.meta["training"]
        model.history_ = [dict(record) for record in training["history_"]]
        model.n_iter_, model.converged_ = int(training["n_iter_"]), bool(training["converged_"])
        model._check_params()
        return model

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=["float64", "float32"])
        return tags
