"""The most popular items for everyone: the baseline that every ranking must beat."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.state import State
from eckart.completion._model import Codes, CompletionModel
from eckart.data.ratings import Ratings
from eckart.linalg.topk import top_k


class Popularity(CompletionModel):
    """Recommends the items with the most ratings; predicts the mean rating of an item.

    Attributes: ``item_counts_`` (n_items,) ratings of each item, ``item_means_`` (n_items,) their mean
    (the global mean for an item without ratings), ``global_mean_``.
    """

    item_counts_: NDArray[np.int64]
    item_means_: NDArray[np.float64]
    global_mean_: float

    def fit(self, X: Any, y: Any = None) -> "Popularity":
        """Count the ratings of every item; `X` is anything that the other completion models take."""
        ratings = self._as_training(X, y)
        n = ratings.n_items
        counts, mean = np.bincount(ratings.item_index, minlength=n), ratings.mean
        sums = np.bincount(ratings.item_index, weights=ratings.values, minlength=n)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), mean)
        # Set only now: a fit that is stopped before has changed nothing.
        self.item_counts_, self.item_means_, self.global_mean_ = counts, means, mean
        self._set_data(ratings)
        self._set_features(X, y)
        return self

    def _predict_codes(self, users: Codes, items: Codes) -> NDArray[Any]:
        return np.where(items >= 0, self.item_means_[items], self.global_mean_)

    def _score_pairs(self, users: Codes, items: Codes) -> NDArray[Any]:
        return self.item_counts_[items].astype(np.float64)

    def _recommend_codes(
        self, users: Codes, k: int, exclude: Csr | None, candidates: Codes | None = None
    ) -> tuple[Codes, NDArray[Any]]:
        return rank_items(self.item_counts_.astype(np.float64), len(users), k, exclude, candidates)

    def _recommend_rows(self, rows: Ratings, k: int, exclude: Csr | None) -> tuple[Codes, NDArray[Any]]:
        return rank_items(self.item_counts_.astype(np.float64), rows.n_users, k, exclude, None)

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        state.arrays.update(item_counts_=self.item_counts_, item_means_=self.item_means_)
        state.meta["global_mean"] = self.global_mean_
        return state

    @classmethod
    def _from_state(cls, state: State) -> "Popularity":
        model = super()._from_state(state)
        n = len(model.items_)
        model.item_counts_ = state.array("item_counts_", shape=(n,), dtype=np.int64)
        model.item_means_ = state.array("item_means_", shape=(n,), dtype=np.float64)
        model.global_mean_ = state.number("global_mean")
        return model


def rank_items(
    scores: NDArray[np.float64], n_users: int, k: int, exclude: Csr | None, candidates: Codes | None
) -> tuple[Codes, NDArray[np.float64]]:
    """Return the top k of one score an item for every user, as ``_recommend_codes`` does."""
    if candidates is not None:
        scores = scores[candidates]
        exclude = None if exclude is None else exclude.select_columns(candidates)
    nothing = np.zeros((n_users, 1)), np.zeros((len(scores), 1))
    codes, found = top_k(*nothing, k, bias=scores, exclude=exclude)
    if candidates is not None and len(candidates):
        codes = np.where(codes < 0, np.int32(-1), candidates[codes])
    return codes, found
