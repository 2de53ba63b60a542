"""Synthetic ratings whose true factors are known, the same numbers for the same seed everywhere."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart.base.seeds import RandomState, seed_from
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_float, check_int
from eckart.data.ratings import Ratings
from eckart.data.vocabulary import Vocabulary

_MEAN = 3.5
_HIGHEST = 5.0


class SyntheticRatings(NamedTuple):
    """Ratings and what they were made of: mean + user_biases[u] + item_biases[i] + u·v + noise.

    user_factors : (users, rank) float64; item_factors : (items, rank) float64;
    user_biases : (users,) float64; item_biases : (items,) float64
    """

    ratings: Ratings
    user_factors: NDArray[np.float64]
    item_factors: NDArray[np.float64]
    user_biases: NDArray[np.float64]
    item_biases: NDArray[np.float64]
    mean: float


def make_ratings(
    users: int = 1000,
    items: int = 500,
    n: int = 20_000,
    rank: int = 8,
    noise: float = 0.1,
    random_state: RandomState = None,
    *,
    step: float | None = None,
) -> SyntheticRatings:
    """Return `n` ratings of distinct pairs with long-tailed activity and popularity.

    The shape is that of MovieLens: the most active user has hundreds of times the median (at most
    half of all items where that suffices), the most popular item reaches tens of percent of the
    users. Every user and every item has a rating where `n` allows it.

    noise : standard deviation of the Gaussian error; the whole signal's is about 0.8
    step : None for real values, or 0.5, 1.0, ...: rounded to multiples, clipped to [step, 5]

    The same `random_state` gives the same bits on every machine and number of threads. Raises
    ValueError for sizes < 1 or n > users × items.
    """
    users, items, rank = check_int(users, "users"), check_int(items, "items"), check_int(rank, "rank")
    check_int(n, "n", high=users * items)
    check_float(noise, "noise")
    if step is not None:
        check_float(step, "step", open_low=True, high=_HIGHEST)
    user_index, item_index, values, *parameters = _native.data.make_ratings(
        users,
        items,
        n,
        rank,
        mean=_MEAN,
        noise=noise,
        step=step or 0.0,
        highest=_HIGHEST,
        seed=seed_from(random_state),
        threads=get_num_threads(),
    )
    vocabularies = Vocabulary.from_range(users), Vocabulary.from_range(items)
    return SyntheticRatings(Ratings(user_index, item_index, values, *vocabularies), *parameters, _MEAN)
