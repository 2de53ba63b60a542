"""Ratings cut into a part to learn from and a part to be judged on.

Every split returns (train, test), disjoint and complete, rows in their old order, over the parent's
vocabularies. A seeded split is the same on any machine.
"""

import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import RandomState, generator
from eckart.base.validation import check_float, check_int
from eckart.data.ratings import Ratings

Split = tuple[Ratings, Ratings]


def random_split(ratings: Ratings, test_size: float | int = 0.1, random_state: RandomState = None) -> Split:
    """Draw the test ratings at random. `test_size`: a share in ]0, 1[, or how many ratings.

    Raises ValueError where either part would be empty.
    """
    n = len(ratings)
    size = _size(test_size, n)
    in_test = np.zeros(n, dtype=bool)
    in_test[generator(random_state).permutation(n)[:size]] = True
    return ratings[~in_test], ratings[in_test]


def user_holdout_split(
    ratings: Ratings, test_size: float | int = 0.2, random_state: RandomState = None
) -> Split:
    """Hold out ratings of every user: a share (rounded to the nearest whole), or so many of each.

    Every user keeps at least one rating to learn from.
    """
    keys = generator(random_state).random(len(ratings))
    order = np.lexsort((keys, ratings.user_index))
    counts = np.bincount(ratings.user_index, minlength=ratings.n_users)
    if _is_count(test_size):
        wanted = np.full(ratings.n_users, check_int(test_size, "test_size"))
    else:
        share = check_float(test_size, "test_size", open_low=True, high=1.0)
        wanted = np.floor(share * counts + 0.5).astype(np.int64)
    return _cut_users(ratings, order, counts, wanted)


def leave_last_out_split(ratings: Ratings, n: int = 1) -> Split:
    """Hold out the last `n` ratings of every user by time; among equal times the later row is later.

    Every user keeps at least one rating to learn from. Raises ValueError without timestamps.
    """
    check_int(n, "n")
    order = np.lexsort((-np.arange(len(ratings)), -_timestamps(ratings), ratings.user_index))
    counts = np.bincount(ratings.user_index, minlength=ratings.n_users)
    return _cut_users(ratings, order, counts, np.full(ratings.n_users, n))


def time_split(ratings: Ratings, test_size: float | int = 0.1, *, at: int | None = None) -> Split:
    """Test on what came last: no test rating is as early as the latest one to learn from.

    `test_size`: a share or a number of ratings; ratings of one time stay together, so the cut falls on
    the border of times that comes nearest. `at`: the first time of the test part instead. Raises
    ValueError without timestamps and where either part would be empty.
    """
    times = _timestamps(ratings)
    if at is None:
        at = _nearest_border(np.sort(times), len(times) - _size(test_size, len(times)))
    elif not isinstance(at, numbers.Integral):
        raise ValueError(f"at: expected an integer time as the timestamps are, got {at!r}")
    in_test = times >= at
    if not in_test.any() or in_test.all():
        span = f"{times.min()} to {times.max()}" if len(times) else "none"
        raise ValueError(f"at: expected a time that leaves ratings on both sides, got {at} (times: {span})")
    return ratings[~in_test], ratings[in_test]


def k_fold(ratings: Ratings, n_splits: int = 5, random_state: RandomState = None) -> Iterator[Split]:
    """Yield `n_splits` (train, test): every rating is in exactly one test part, their sizes differ by ≤ 1."""
    n = len(ratings)
    check_int(n_splits, "n_splits", low=2)
    if n < n_splits:
        raise ValueError(f"n_splits: expected at most as many folds as ratings ({n}), got {n_splits}")
    order = generator(random_state).permutation(n)
    return (_parts(ratings, rows) for rows in np.array_split(order, n_splits))


def _parts(ratings: Ratings, test_rows: NDArray[Any]) -> Split:
    in_test = np.zeros(len(ratings), dtype=bool)
    in_test[test_rows] = True
    return ratings[~in_test], ratings[in_test]


def _cut_users(ratings: Ratings, order: NDArray[Any], counts: NDArray[Any], wanted: NDArray[Any]) -> Split:
    """The first `wanted` rows of every user in `order` (which goes user by user) are the test part."""
    starts = np.cumsum(counts) - counts
    rank = np.arange(len(order)) - np.repeat(starts, counts)
    in_test = rank < np.repeat(np.minimum(wanted, counts - 1), counts)
    if not in_test.any():
        raise ValueError(f"expected users with several ratings, got nothing to test on in {ratings!r}")
    return _parts(ratings, order[in_test])


def _nearest_border(times: NDArray[np.int64], cut: int) -> int:
    """The time nearest to sorted place `cut` at which a run of equal times begins (not the first run)."""
    first = int(np.searchsorted(times, times[cut], side="left"))
    after = int(np.searchsorted(times, times[cut], side="right"))
    if first == 0 or (after < len(times) and after - cut < cut - first):
        first = after
    if first == len(times):
        raise ValueError(f"timestamps: expected at least two distinct times, got only {times[0]}")
    return int(times[first])


def _timestamps(ratings: Ratings) -> NDArray[np.int64]:
    if ratings.timestamps is None:
        raise ValueError("timestamps: expected ratings with timestamps, got none")
    return ratings.timestamps


def _is_count(size: Any) -> bool:
    return isinstance(size, numbers.Integral) and not isinstance(size, bool)


def _size(test_size: Any, n: int) -> int:
    """A share or a number as a number in [1, n - 1]."""
    if _is_count(test_size):
        size = check_int(test_size, "test_size")
    else:
        size = round(check_float(test_size, "test_size", open_low=True, high=1.0) * n)
    if not 1 <= size <= n - 1:
        raise ValueError(
            f"test_size: expected ratings on both sides, got {size} of {n} to test on ({test_size!r})"
        )
    return size
