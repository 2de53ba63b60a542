"""Exact completion by a second-order method that needs hardly more entries than there are unknowns."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.errors import EckartError
from eckart.base.progress import Progress
from eckart.base.seeds import RandomState, seed_from
from eckart.base.state import State
from eckart.base.validation import check_bool, check_float, check_int, check_option
from eckart.completion._factors import FactorModel, Side
from eckart.completion._gauss_newton import Problem
from eckart.completion._gauss_newton_fit import Completion, Reporter, find_rank, plausible_ranks
from eckart.completion._peeling import least_squares
from eckart.completion._training import Callback, Record
from eckart.completion.identification import identifiability
from eckart.data.normalization import Normalization
from eckart.data.ratings import Ratings
from eckart.linalg.dense import single_threaded
from eckart.linalg.operators import SparseMatrix

Self = TypeVar("Self", bound="GaussNewton")
ROUNDING = 16  # times the rounding of the data is as small as a residual needs to be


class GaussNewton(FactorModel):
    """Completes a matrix of low rank exactly from its observed entries, by Gauss-Newton steps.

    A linearised least-squares problem a step, as in R2RILS (Bauch, Nadler, Zilber 2021) and GNMR (Zilber,
    Nadler 2022), solved by conjugate gradients that are cut short until the solution is near; rows and
    columns that run away are fitted anew. Rows and columns with no more entries than the rank are taken off
    first and solved at the end. Made for exact entries: noisy ones are fitted in the sense of least squares,
    without any penalty, and other models predict ratings better.

    Parameters
    ----------
    rank : rank of the matrix, or "auto": the lowest that meets all entries (among those with at least 1.1
        entries a degree of freedom, up to 64); if none does, the one with the least generalised
        cross-validation score
    tol : relative residual ``|P(U V') - b| / |b|`` at which the entries are met; not below 16 units of the
        data's rounding
    max_iter : most Gauss-Newton iterations of a rank
    patience : iterations without a better residual after which the search starts anew at random factors
    random_state : seed of the starts
    verbose : a progress bar on stderr

    Attributes
    ----------
    user_factors_, item_factors_ : (n_users, rank_), (n_items, rank_)
    rank_ : of the completion
    residual_ : relative residual of all entries
    converged_ : whether it is within `tol`
    determinable_rows_, determinable_columns_ : (n_users,), (n_items,) bool: what the observed places can
        determine (see :func:`identifiability`)
    recovered_ : whether the completion is claimed to be the matrix: converged, everything determinable, and
        no other completion near by (checked where that is affordable: see :func:`identifiability`)
    history_ : a record an iteration: iteration, objective (squared residual of the core), residual (its
        root, relative to the entries), rank, seconds. Not monotone: the search passes through larger ones
    n_iter_ : iterations, of all ranks
    users_, items_, interactions_ : vocabularies and training ratings
    """

    rank_: int
    residual_: float
    converged_: bool
    recovered_: bool
    determinable_rows_: NDArray[np.bool_]
    determinable_columns_: NDArray[np.bool_]
    history_: list[Record]
    n_iter_: int

    def __init__(
        self,
        rank: int | str = "auto",
        *,
        tol: float = 1e-12,
        max_iter: int = 500,
        patience: int = 100,
        random_state: RandomState = None,
        verbose: bool = False,
    ) -> None:
        self.rank = rank
        self.tol = tol
        self.max_iter = max_iter
        self.patience = patience
        self.random_state = random_state
        self.verbose = verbose

    def fit(self: Self, X: Any, y: Any = None, *, callback: Callback | None = None) -> Self:
        """Fit to observed entries.

        X : Ratings, a scipy.sparse matrix (stored entries are observed), a dense matrix with NaN, a
            frame with id columns, or an (n, 2) array of (user, item) pairs with values `y`
        callback : called with each record of ``history_``; returning True stops

        Computes in float64; factors have the type of the data. Raises ValueError for bad parameters or data,
        or a rank beyond the matrix. On Ctrl-C the best factors so far are kept and KeyboardInterrupt raised
        again.
        """
        self._check_params()
        ratings = self._as_training(X, y)
        entries = _entries(ratings)
        if self.rank != "auto" and self.rank > min(entries.shape):
            raise ValueError(f"rank: expected at most {min(entries.shape)}, got {self.rank}")
        ranks = plausible_ranks(entries) if self.rank == "auto" else [int(self.rank)]
        tol = max(self.tol, ROUNDING * float(np.finfo(ratings.dtype).eps))
        seed, made = seed_from(self.random_state), []

        def make(rank: int) -> Completion:
            made.append(Completion(entries, rank, tol, self.patience, seed))
            return made[-1]

        with (
            single_threaded(),
            Progress(type(self).__name__, self.max_iter * len(ranks), self.verbose) as bar,
        ):
            reporter = Reporter(callback, bar)
            try:
                found = find_rank(ranks, make, self.max_iter, reporter)
            except KeyboardInterrupt:
                searched = [c for c in made if "search" in vars(c)]
                if searched:
                    self._adopt(min(searched, key=lambda c: c.score), ratings, tol, reporter)
                raise
            self._adopt(found, ratings, tol, reporter)
        self._set_features(X, y)
        return self

    def _adopt(self, found: Completion, ratings: Ratings, tol: float, reporter: Reporter) -> None:
        """Set the attributes."""
        u, v = found.factors()
        self.item_factors_ = np.ascontiguousarray(v, dtype=ratings.dtype)
        self.global_mean_, self.mean_ = ratings.mean, 0.0
        self.user_biases_ = self.item_biases_ = None
        self._set_data(ratings)
        self.user_factors_ = self._solve(ratings.by_user, self.item_factors_)
        entries, self.rank_ = found.entries, found.rank
        self.residual_ = Problem(entries, found.rank).error(u, v)
        self.converged_ = self.residual_ <= tol
        known = identifiability(ratings, self.rank_)
        self.determinable_rows_, self.determinable_columns_ = known.rows, known.columns
        self.recovered_ = self.converged_ and known.determinable and found.stands_alone()
        self.history_, self.n_iter_ = reporter.history, len(reporter.history)

    def _check_params(self) -> None:
        if self.rank != "auto":
            if isinstance(self.rank, str):
                check_option(self.rank, "rank", ("auto",))
            check_int(self.rank, "rank")
        for name in ("max_iter", "patience"):
            check_int(getattr(self, name), name)
        check_float(self.tol, "tol")
        check_bool(self.verbose, "verbose")

    def undeterminable(self, users: Any = None, items: Any = None) -> NDArray[np.bool_]:
        """Return which cells of the completed matrix the observed places do not determine, (n, m) bool.

        users, items : ids of the rows and columns; None is all, in the order of the vocabularies.
        Raises KeyError for an unknown id.
        """
        self._check_fitted()
        rows = self.determinable_rows_[self._user_codes(users)]
        columns = self.determinable_columns_
        return ~(rows[:, None] & (columns if items is None else columns[self._item_codes(items)]))

    # -- new users and items -----------------------------------------------------------------------

    def fold_in(self, rows: Any, *, side: str = "users") -> NDArray[Any]:
        """Return the factors of unseen users, or unseen items: those that fit their entries best.

        rows : entries of unseen users at the model's items: anything `fit` takes, matrices with the model's
            columns. With ``side="items"``: entries of unseen items at the model's users

        Returns (n_rows, rank_). Where entries are fewer than the rank, the factors of least norm that meet
        them. The training entries give ``user_factors_`` again. Raises KeyError for ids of the other side
        that training has not seen, ValueError for a matrix of another width.
        """
        self._check_fitted()
        check_option(side, "side", ("users", "items"))
        if side == "users":
            return self._solve(self._rows_of(rows).by_user, self.item_factors_)
        return self._solve(self._columns_of(rows).by_item, self.user_factors_)

    def _fold_users(self, rows: Ratings) -> tuple[Side, Normalization | None]:
        return Side(self._solve(rows.by_user, self.item_factors_), None), None

    def _solve(self, ratings: Csr, fixed: NDArray[Any]) -> NDArray[Any]:
        return least_squares(ratings, fixed.astype(np.float64)).astype(fixed.dtype)

    # -- files -------------------------------------------------------------------------------------

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        state.arrays["determinable_rows_"] = self.determinable_rows_.astype(np.uint8)
        state.arrays["determinable_columns_"] = self.determinable_columns_.astype(np.uint8)
        state.meta["training"] = {
            "history": self.history_,
            "residual": self.residual_,
            "converged": self.converged_,
            "recovered": self.recovered_,
        }
        return state

    @classmethod
    def _from_state(cls: type[Self], state: State) -> Self:
        model = super()._from_state(state)
        if model.user_biases_ is not None or model.item_biases_ is not None:
            raise EckartError("damaged file: GaussNewton has no biases")
        n, m = len(model.users_), len(model.items_)
        rows = state.array("determinable_rows_", shape=(n,), dtype=np.uint8)
        columns = state.array("determinable_columns_", shape=(m,), dtype=np.uint8)
        model.determinable_rows_, model.determinable_columns_ = rows.astype(bool), columns.astype(bool)
        training = state.meta["training"]
        model.history_ = [dict(record) for record in training["history"]]
        model.n_iter_ = len(model.history_)
        model.residual_, model.converged_ = float(training["residual"]), bool(training["converged"])
        model.recovered_ = bool(training["recovered"])
        model.rank_ = model.user_factors_.shape[1]
        model._check_params()
        return model

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=["float64", "float32"])
        return tags


def _entries(ratings: Ratings) -> SparseMatrix:
    """Return the ratings from both sides, in float64."""
    views = []
    for view in (ratings.by_user, ratings.by_item):
        assert view.values is not None
        values = view.values.astype(np.float64, copy=False)
        views.append(Csr(view.indptr, view.indices, values, view.n_cols))
    return SparseMatrix(*views)
