"""Item neighbourhoods: people who liked this also liked that."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import completion as native
from eckart._native import data as native_data
from eckart.base.csr import Csr
from eckart.base.errors import EckartError
from eckart.base.state import State
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_float, check_int, check_option
from eckart.completion import _weighting as weighting
from eckart.completion._model import Codes
from eckart.completion._rows import RowModel, only
from eckart.completion.baseline import shrunk_means
from eckart.data.ratings import Ratings
from eckart.data.views import transposed
from eckart.linalg.columns import longest_first
from eckart.linalg.topk import pointers

FEEDBACK = ("implicit", "explicit")
SIMILARITIES = {"cosine": weighting.given, "pearson": weighting.less_item_means,
                "adjusted_cosine": weighting.less_user_means}  # fmt: skip
OF_CLICKS = ("cosine", "random_walk")
FLOATS = (np.float32, np.float64)
REG_ITEM, REG_USER = 2.0, 5.0  # shrinkage of the biases, as in Baseline


@dataclass(frozen=True, eq=False)
class _Biases:
    """What a rating is compared with: mean + user bias + item bias, shrunken means one after the other."""

    mean: float
    items: NDArray[np.float64]  # (n_items,)

    @classmethod
    def fit(cls, ratings: Ratings) -> "_Biases":
        residual = ratings.values - ratings.mean
        return cls(ratings.mean, shrunk_means(ratings.item_index, residual, ratings.n_items, REG_ITEM))

    def deviations(self, rows: Csr) -> tuple[Csr, NDArray[np.float64]]:
        """Return the rows less their biases, and mean + user bias of each row."""
        assert rows.values is not None
        user = np.repeat(np.arange(rows.n_rows, dtype=np.int32), rows.counts)
        residual = rows.values - self.mean - self.items[rows.indices]
        users = shrunk_means(user, residual, rows.n_rows, REG_USER)
        return weighting.with_values(rows, residual - users[user]), self.mean + users


class ItemKNN(RowModel):
    """Scores an item by the user's own items among its nearest neighbours (Sarwar et al. 2001; Deshpande
    and Karypis 2004).

    For clicks (``feedback="implicit"``) the score is ``sum_j s_ij x_uj``: it ranks, and is no rating. For
    ratings (``"explicit"``) it is the prediction ``b_ui + sum_j s_ij (r_uj - b_uj) / sum_j s_ij`` with
    shrunken biases b (Koren 2010, eq. 3). j runs over the items of the user among the `n_neighbors`
    items with the greatest positive ``s_ij = <x_i, x_j> / (|x_i| |x_j| + shrinkage)``, where a column
    x_i holds what all users gave to item i, and 0 for those who gave nothing.

    With ``similarity="random_walk"`` (clicks) s_ij is the probability of a walk from item j over one of its
    users to item i, with the popularity of both ends discounted (Cooper et al. 2014, P3; Paudel et al. 2016,
    RP3beta): ``s_ij = n_j^-a n_i^-b sum_u x_ui x_uj / n_u``, where n are the sums of x. There the
    `n_neighbors` items kept are those that j leads to most.

    Parameters
    ----------
    n_neighbors : neighbours kept of every item; ratings want more than clicks (about 500)
    feedback : "implicit" (clicks, counts: rank) or "explicit" (ratings: predict)
    similarity : "cosine"; for clicks also "random_walk", which is better where many items are rare (Gowalla:
        see benchmarks/RESULTS.md); for ratings also "pearson" (cosine of the values less the item's mean) and
        "adjusted_cosine" (less the user's mean)
    weighting : what x holds, for implicit feedback: "binary" (1), "values", "tfidf" or "bm25" (users of
        few items count more; bm25 also saturates counts). A user's own x_uj is 1, or the value with "values"
    shrinkage : holds back similarities that few users support; in units of squared x (of users, where
        binary); a random walk has none
    degree_exponents : (a, b) of a random walk: how far the popularity of the user's items and that of the
        recommended ones is discounted

    Attributes: ``neighbours_`` (n_items rows; row i holds the codes of the neighbours of i, rising, and
    s_ij), ``item_biases_`` (n_items,) and ``mean_``, or None for implicit feedback. Memory is
    n_items × n_neighbors numbers, never n_items².
    """

    neighbours_: Csr
    mean_: float | None
    item_biases_: NDArray[np.float64] | None

    def __init__(
        self,
        n_neighbors: int = 100,
        *,
        feedback: str = "implicit",
        similarity: str = "cosine",
        weighting: str = "binary",
        shrinkage: float = 10.0,
        degree_exponents: tuple[float, float] = (0.5, 0.2),
    ) -> None:
        self.n_neighbors = n_neighbors
        self.feedback = feedback
        self.similarity = similarity
        self.weighting = weighting
        self.shrinkage = shrinkage
        self.degree_exponents = degree_exponents

    # -- fitting -----------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> "ItemKNN":
        """Find the neighbours of every item; `X` is anything that the other completion models take.

        Raises ValueError for bad parameters or data.
        """
        self._check_params()
        ratings = self._as_training(X, y)
        neighbours = self._nearest(ratings)
        biases = _Biases.fit(ratings) if self.feedback == "explicit" else None
        # Set only now: a fit that is stopped before has changed nothing.
        self._set_neighbours(neighbours, biases)
        self._set_data(ratings)
        self._set_features(X, y)
        return self

    def _check_params(self) -> None:
        check_int(self.n_neighbors, "n_neighbors")
        check_float(self.shrinkage, "shrinkage")
        check_option(self.feedback, "feedback", FEEDBACK)
        check_option(self.similarity, "similarity", (*SIMILARITIES, "random_walk"))
        check_option(self.weighting, "weighting", tuple(weighting.WEIGHTINGS))
        if self.feedback == "implicit" and self.similarity not in OF_CLICKS:
            raise ValueError(
                f"similarity: {self.similarity!r} compares ratings with their means; expected one of "
                f"{', '.join(map(repr, OF_CLICKS))} for feedback='implicit', or feedback='explicit'"
            )
        if self.feedback == "explicit" and self.similarity == "random_walk":
            raise ValueError("similarity: 'random_walk' is for clicks; expected feedback='implicit'")
        if not isinstance(self.degree_exponents, tuple | list) or len(self.degree_exponents) != 2:
            raise ValueError(f"degree_exponents: expected two numbers, got {self.degree_exponents!r}")
        for exponent in self.degree_exponents:
            check_float(exponent, "degree_exponents")

    def _nearest(self, ratings: Ratings) -> Csr:
        """Return the neighbours of every item, codes rising within a row."""
        if self.feedback == "explicit":
            return self._best(SIMILARITIES[self.similarity](ratings.by_user), self.shrinkage)
        rows = weighting.WEIGHTINGS[self.weighting](ratings.by_user)
        return self._walked(rows) if self.similarity == "random_walk" else self._best(rows, self.shrinkage)

    def _walked(self, rows: Csr) -> Csr:
        """Return the neighbours by random walk: chosen where a walk starts, kept where it ends."""
        start, end = self.degree_exponents
        totals = np.maximum(weighting.column_sums(rows), np.finfo(np.float32).tiny)
        leads_to = self._best(weighting.steps(rows), 0.0, totals**end)  # both ends divided by n^b
        assert leads_to.values is not None
        rescaled = leads_to.values * np.repeat(totals ** (end - start), leads_to.counts)
        return transposed(weighting.with_values(leads_to, rescaled))

    def _best(self, rows: Csr, shrinkage: float, norms: NDArray[Any] | None = None) -> Csr:
        """Return the `n_neighbors` most similar columns of every column; `norms`: for their lengths."""
        assert rows.values is not None
        n = rows.n_cols
        k = min(self.n_neighbors, max(n - 1, 1))
        *columns, ids = longest_first(rows, transposed(rows))
        divisors = None if norms is None else norms[ids].astype(rows.values.dtype)
        codes, scores = native.nearest_columns(*columns, ids, divisors, shrinkage, k, get_num_threads())
        order = np.argsort(codes, axis=1, kind="stable")
        codes, scores = np.take_along_axis(codes, order, 1), np.take_along_axis(scores, order, 1)
        keep = codes >= 0
        indptr = np.concatenate([[0], np.cumsum(keep.sum(axis=1))]).astype(np.int64)
        return Csr(indptr, codes[keep], scores[keep], n)

    def _set_neighbours(self, neighbours: Csr, biases: _Biases | None) -> None:
        self.neighbours_ = neighbours
        self.mean_ = None if biases is None else biases.mean
        self.item_biases_ = None if biases is None else biases.items
        self._spoken_for = transposed(neighbours)  # row j: the items that j is a neighbour of

    # -- scores ------------------------------------------------------------------------------------

    @property
    def predicts_ratings(self) -> bool:
        """Whether predictions are on the scale of the ratings: not those of clicks."""
        return self.feedback == "explicit"

    @property
    def _dtype(self) -> Any:
        assert self.neighbours_.values is not None
        return self.neighbours_.values.dtype

    @property
    def _base(self) -> NDArray[Any] | None:
        return None if self.item_biases_ is None else self.item_biases_.astype(self._dtype)

    def _weigh(self, rows: Csr) -> tuple[Csr, NDArray[np.float64]]:
        if self.mean_ is not None and self.item_biases_ is not None:
            return _Biases(self.mean_, self.item_biases_).deviations(rows)
        return rows if self.weighting == "values" else weighting.binary(rows), np.zeros(rows.n_rows)

    def _pair_scores(self, rows: Csr, rows_of: Codes, items: Codes) -> NDArray[Any]:
        near = self.neighbours_
        return native.neighbour_pairs(
            near.indptr, near.indices, near.values, self._base, self.mean_ is not None,
            rows.indptr, rows.indices, rows.values, rows_of, items, get_num_threads(),
        )  # fmt: skip

    def _rank_rows(
        self, rows: Csr, k: int, exclude: Csr | None, candidates: Codes | None
    ) -> tuple[Codes, NDArray[Any]]:
        near, base = self._spoken_for, only(candidates, len(self.items_), self._base, self._dtype)
        return native.neighbour_top_k(
            near.indptr, near.indices, near.values, base, self.mean_ is not None,
            rows.indptr, rows.indices, rows.values, *pointers(exclude), k, get_num_threads(),
        )  # fmt: skip

    def _similar(self, items: Codes) -> Csr:
        return self.neighbours_.select(items)

    def _influence(self, row: Csr, item: int) -> tuple[float, NDArray[np.float64]]:
        assert row.values is not None
        near, values = self.neighbours_.row(item)
        weights = np.zeros(len(self.items_))
        weights[near] = values
        weights = weights[row.indices]
        if self.item_biases_ is None:
            return 0.0, weights * row.values
        return float(self.item_biases_[item]), weights * row.values / (weights.sum() or 1.0)

    def _item_similarities(self, codes: Codes) -> NDArray[Any]:
        """Stored similarities; 0 where neither is a neighbour of the other."""
        near, n = self.neighbours_, len(self.items_)
        assert near.values is not None
        if len(near.indices) == 0:
            return np.zeros((*codes.shape, codes.shape[1]), dtype=self._dtype)
        keys = np.repeat(np.arange(n, dtype=np.int64), near.counts) * n + near.indices  # rising
        wanted = codes[:, :, None].astype(np.int64) * n + codes[:, None, :]
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found = np.where(keys[places] == wanted, near.values[places], 0)
        return np.maximum(found, found.transpose(0, 2, 1))

    # -- files -------------------------------------------------------------------------------------

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        near = self.neighbours_
        assert near.values is not None
        state.arrays.update(
            neighbours_indptr=near.indptr, neighbours_indices=near.indices, neighbours_values=near.values
        )
        if self.item_biases_ is not None:
            state.arrays["item_biases_"] = self.item_biases_
            state.meta["mean"] = self.mean_
        return state

    @classmethod
    def _from_state(cls, state: State) -> "ItemKNN":
        model = super()._from_state(state)
        model._check_params()
        n = len(model.items_)
        indptr = state.array("neighbours_indptr", shape=(n + 1,), dtype=np.int64)
        indices = state.array("neighbours_indices", shape=(None,), dtype=np.int32)
        values = state.array("neighbours_values", shape=indices.shape, dtype=FLOATS)
        if native_data.first_bad_row(indptr, indices, n, get_num_threads()) >= 0:
            raise EckartError("damaged file: the neighbours are no compressed matrix of items")
        biases = None
        if model.feedback == "explicit":
            items = state.array("item_biases_", shape=(n,), dtype=np.float64)
            biases = _Biases(state.number("mean"), items)
        model._set_neighbours(Csr(indptr, indices, values, n), biases)
        return model
