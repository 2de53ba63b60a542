"""The bias model: mean + user bias + item bias, the baseline that every prediction must beat."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.state import State
from eckart.base.validation import check_float, check_int
from eckart.completion._model import Codes, CompletionModel
from eckart.completion.popularity import rank_items
from eckart.data.ratings import Ratings


class Baseline(CompletionModel):
    """Predicts ``mean + b_u + b_i`` with shrunken biases (Koren 2010, "Factor in the neighbors", sec. 2.1).

    Minimises ``sum (r - mean - b_u - b_i)^2 + reg_user sum b_u^2 + reg_item sum b_i^2`` by alternating
    exact solves, until no bias moves by more than `tol`.

    Parameters
    ----------
    reg : penalty, one number or (users, items); each bias is shrunk by count / (count + reg)
    max_iter, tol : most sweeps, and the largest move of a bias (in units of the ratings) that ends them

    Attributes: ``mean_``, ``user_biases_`` (n_users,), ``item_biases_`` (n_items,), ``n_iter_``.
    """

    mean_: float
    user_biases_: NDArray[np.float64]
    item_biases_: NDArray[np.float64]
    n_iter_: int

    def __init__(
        self, *, reg: float | tuple[float, float] = (5.0, 2.0), max_iter: int = 50, tol: float = 1e-6
    ) -> None:
        self.reg = reg
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: Any = None) -> "Baseline":
        """Fit the biases; `X` is anything that the other completion models take."""
        reg_user, reg_item = self._penalties()
        max_iter, tol = check_int(self.max_iter, "max_iter"), check_float(self.tol, "tol")
        r = self._as_training(X, y)
        # Set before the sweeps: a fit stopped by Ctrl-C keeps the biases of its last whole sweep.
        self._set_data(r)
        self._set_features(X, y)
        self.mean_, self.n_iter_ = r.mean, 0
        residual = r.values.astype(np.float64) - self.mean_
        self.user_biases_, self.item_biases_ = np.zeros(r.n_users), np.zeros(r.n_items)
        for iteration in range(1, max_iter + 1):
            users = shrunk_means(
                r.user_index, residual - self.item_biases_[r.item_index], r.n_users, reg_user
            )
            items = shrunk_means(r.item_index, residual - users[r.user_index], r.n_items, reg_item)
            moved = max(np.abs(users - self.user_biases_).max(), np.abs(items - self.item_biases_).max())
            self.user_biases_, self.item_biases_, self.n_iter_ = users, items, iteration
            if moved <= tol:
                break
        return self

    def _penalties(self) -> tuple[float, float]:
        both = self.reg if isinstance(self.reg, tuple | list) else (self.reg, self.reg)
        if len(both) != 2:
            raise ValueError(f"reg: expected one number or (users, items), got {self.reg!r}")
        return check_float(both[0], "reg"), check_float(both[1], "reg")

    def _predict_codes(self, users: Codes, items: Codes) -> NDArray[Any]:
        user_part = np.where(users >= 0, self.user_biases_[users], 0.0)
        return self.mean_ + user_part + np.where(items >= 0, self.item_biases_[items], 0.0)

    def _recommend_codes(
        self, users: Codes, k: int, exclude: Csr | None, candidates: Codes | None = None
    ) -> tuple[Codes, NDArray[Any]]:
        codes, scores = rank_items(self.item_biases_, len(users), k, exclude, candidates)
        return codes, scores + (self.mean_ + self.user_biases_[users])[:, None]

    def _recommend_rows(self, rows: Ratings, k: int, exclude: Csr | None) -> tuple[Codes, NDArray[Any]]:
        codes, scores = rank_items(self.item_biases_, rows.n_users, k, exclude, None)
        residual = rows.values - self.mean_ - self.item_biases_[rows.item_index]
        biases = shrunk_means(rows.user_index, residual, rows.n_users, self._penalties()[0])
        return codes, scores + (self.mean_ + biases)[:, None]

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        state.arrays.update(user_biases_=self.user_biases_, item_biases_=self.item_biases_)
        state.meta["mean"], state.meta["n_iter"] = self.mean_, self.n_iter_
        return state

    @classmethod
    def _from_state(cls, state: State) -> "Baseline":
        model = super()._from_state(state)
        model.user_biases_ = state.array("user_biases_", shape=(len(model.users_),), dtype=np.float64)
        model.item_biases_ = state.array("item_biases_", shape=(len(model.items_),), dtype=np.float64)
        model.mean_, model.n_iter_ = state.number("mean"), int(state.meta["n_iter"])
        return model


def shrunk_means(
    rows: NDArray[np.int32], values: NDArray[np.float64], n_rows: int, reg: float
) -> NDArray[np.float64]:
    """Return sum / (count + reg) of each row; 0 for a row without values."""
    sums = np.bincount(rows, weights=values, minlength=n_rows)
    weight = np.bincount(rows, minlength=n_rows) + reg
    return np.divide(sums, weight, out=np.zeros(n_rows), where=weight > 0)
