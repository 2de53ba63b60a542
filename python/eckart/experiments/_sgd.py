"""Stochastic gradient descent for matrix factorisation, small and plain: what ALS is compared with."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.data.ratings import Ratings

BATCH = 512  # ratings whose gradients are taken at once; small beside the number of users and items


@dataclass
class SgdFactors:
    """Users (n_users, rank) and items (n_items, rank), fitted to (centred) ratings by steps along
    ``e v - reg u`` and ``e u - reg v``, e the error of a rating (Funk 2006). Summed over the ratings, `reg`
    penalises each row as often as it is rated, as ALS's ``reg_scaling="count"`` does."""

    users: NDArray[Any]
    items: NDArray[Any]

    @classmethod
    def random(cls, ratings: Ratings, rank: int, rng: np.random.Generator) -> "SgdFactors":
        sizes = (ratings.n_users, rank), (ratings.n_items, rank)
        users, items = (rng.standard_normal(size) * 0.1 for size in sizes)
        return cls(users, items)

    def epoch(self, ratings: Ratings, rate: float, reg: float, rng: np.random.Generator) -> None:
        """Pass over all ratings in a new random order."""
        order = rng.permutation(len(ratings))
        for begin in range(0, len(order), BATCH):
            chosen = order[begin : begin + BATCH]
            i, j = ratings.user_index[chosen], ratings.item_index[chosen]
            u, v = self.users[i], self.items[j]
            error = (ratings.values[chosen] - (u * v).sum(axis=1))[:, None]
            # A user may be in a batch more than once: `add.at` takes all of its steps.
            np.add.at(self.users, i, rate * (error * v - reg * u))
            np.add.at(self.items, j, rate * (error * u - reg * v))

    def objective(self, ratings: Ratings, reg: float) -> float:
        """Return ``sum (r - <u, v>)^2 + reg sum_rows count |row|^2``."""
        penalty = sum(
            float((counts * (rows**2).sum(axis=1)).sum())
            for rows, counts in ((self.users, ratings.by_user.counts), (self.items, ratings.by_item.counts))
        )
        return float((self._errors(ratings) ** 2).sum()) + reg * penalty

    def rmse(self, ratings: Ratings) -> float:
        return float(np.sqrt((self._errors(ratings) ** 2).mean()))

    def _errors(self, ratings: Ratings) -> NDArray[Any]:
        u, v = self.users[ratings.user_index], self.items[ratings.item_index]
        return np.asarray(ratings.values - (u * v).sum(axis=1))
