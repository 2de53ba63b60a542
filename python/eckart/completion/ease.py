"""EASE: a linear model of items from items in closed form, the strongest simple recommender for clicks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import completion as native
from eckart.base.csr import Csr
from eckart.base.state import State
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_float, check_option
from eckart.completion._model import Codes
from eckart.completion._rows import RowModel, only
from eckart.data.ratings import Ratings
from eckart.linalg.columns import sparse_gram
from eckart.linalg.dense import invert_spd
from eckart.linalg.topk import pointers

FLOATS = (np.float32, np.float64)


class EASE(RowModel):
    """Embarrassingly shallow autoencoder (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data").

    Minimises ``|X - X B|^2 + reg |B|^2`` over item weights B (n_items, n_items) with a zero diagonal:
    with ``P = (X'X + reg I)^-1``, ``B_ij = -P_ij / P_jj`` (eq. 8). A user's scores are ``x B``: they rank,
    and are no ratings. Needs n_items^2 numbers of memory, and n_items^3 / 2 multiply-adds to fit.

    Parameters
    ----------
    reg : penalty, in units of users: it is added to the number of users of each item. The best value
        grows with the data (200 to 1000 in the paper)
    values : "binary": X is 1 where there is a rating; "given": the values (counts, ratings) themselves

    Attributes: ``item_weights_`` (n_items, n_items), row j the weights that item j gives to all items.
    """

    item_weights_: NDArray[Any]

    predicts_ratings = False

    def __init__(self, reg: float = 200.0, *, values: str = "binary") -> None:
        self.reg = reg
        self.values = values

    def fit(self, X: Any, y: Any = None) -> "EASE":
        """Fit to clicks or ratings; `X` is anything that the other completion models take.

        Raises ValueError for bad parameters or data, or where `reg` is too small for the precision;
        MemoryError where n_items^2 numbers have no place.
        """
        reg = check_float(self.reg, "reg", open_low=True)
        check_option(self.values, "values", ("binary", "given"))
        ratings = self._as_training(X, y)
        weights = self._solve(ratings, reg)
        # Set only now: a fit that is stopped before has changed nothing.
        self.item_weights_ = weights
        self._set_data(ratings)
        self._set_features(X, y)
        return self

    def _solve(self, ratings: Ratings, reg: float) -> NDArray[Any]:
        """Return B. Everything happens in the memory of the Gram matrix."""
        weights = sparse_gram(self._valued(ratings.by_user), self._valued(ratings.by_item))
        np.einsum("ii->i", weights)[...] += weights.dtype.type(reg)
        if not invert_spd(weights):
            raise ValueError(
                f"reg: {reg:g} is too small, the items' Gram matrix is singular in {weights.dtype}: "
                "expected a larger penalty, or float64 data"
            )
        diagonal = weights.diagonal().copy()
        np.divide(weights, -diagonal, out=weights)
        np.fill_diagonal(weights, 0)
        return weights

    def _valued(self, rows: Csr) -> Csr:
        if self.values == "given":
            return rows
        assert rows.values is not None
        return Csr(rows.indptr, rows.indices, np.ones_like(rows.values), rows.n_cols)

    # -- scores ------------------------------------------------------------------------------------

    @property
    def _dtype(self) -> Any:
        return self.item_weights_.dtype

    def _weigh(self, rows: Csr) -> tuple[Csr, NDArray[np.float64]]:
        return self._valued(rows), np.zeros(rows.n_rows)

    def _pair_scores(self, rows: Csr, rows_of: Codes, items: Codes) -> NDArray[Any]:
        return native.row_pairs(
            self.item_weights_, rows.indptr, rows.indices, rows.values, rows_of, items, get_num_threads()
        )

    def _rank_rows(
        self, rows: Csr, k: int, exclude: Csr | None, candidates: Codes | None
    ) -> tuple[Codes, NDArray[Any]]:
        bias = only(candidates, len(self.items_), None, self._dtype)
        return native.row_top_k(
            self.item_weights_, bias, rows.indptr, rows.indices, rows.values, *pointers(exclude), k,
            get_num_threads(),
        )  # fmt: skip

    def _similar(self, items: Codes) -> Csr:
        """What a user who has only the item would be recommended: its row of weights."""
        n = len(self.items_)
        others = np.tile(np.arange(n, dtype=np.int32), (len(items), 1))
        others = others[others != items[:, None]]
        rows = np.arange(len(items) + 1, dtype=np.int64) * (n - 1)
        return Csr(rows, others, self.item_weights_[np.repeat(items, n - 1), others], n)

    def _influence(self, row: Csr, item: int) -> tuple[float, NDArray[np.float64]]:
        assert row.values is not None
        return 0.0, self.item_weights_[row.indices, item].astype(np.float64) * row.values

    def _item_similarities(self, codes: Codes) -> NDArray[Any]:
        """Partial correlations: B_ij = -P_ij / P_jj, so B_ij B_ji = P_ij^2 / (P_ii P_jj)."""
        weights = self.item_weights_[codes[:, :, None], codes[:, None, :]]
        return np.sign(weights) * np.sqrt(np.abs(weights * weights.transpose(0, 2, 1)))

    # -- files -------------------------------------------------------------------------------------

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        state.arrays["item_weights_"] = self.item_weights_
        return state

    @classmethod
    def _from_state(cls, state: State) -> "EASE":
        model = super()._from_state(state)
        n = len(model.items_)
        model.item_weights_ = state.array("item_weights_", shape=(n, n), dtype=FLOATS)
        return model
