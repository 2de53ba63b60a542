"""Ratings of the same user and item: refuse, choose or add them up; and the union of two sets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.validation import check_option
from eckart.data.ratings import Ratings
from eckart.data.strings import Strings
from eckart.data.vocabulary import Vocabulary

POLICIES = ("error", "last", "mean", "sum")


def resolve(ratings: Ratings, policy: str, *, by_time: bool = True) -> Ratings:
    """Return one rating a pair; itself if none repeats.

    A resolved pair stands in the place of its first row, with its latest timestamp. ``"last"`` goes
    by timestamp where there is one (the later row among equals), unless `by_time` is False.
    """
    check_option(policy, "duplicates", POLICIES)
    if ratings.n_repeated == 0:
        return ratings
    rows, order = ratings.by_user, ratings.by_user_order
    user = np.repeat(np.arange(rows.n_rows, dtype=np.int64), rows.counts)
    first = np.concatenate([[True], (np.diff(user) != 0) | (np.diff(rows.indices) != 0)])
    starts = np.flatnonzero(first)
    if policy == "error":
        _refuse(ratings, starts)
    values = _combined(ratings, policy, starts, by_time)
    kept = np.argsort(order[starts])  # rows of a pair stand in their own order: the first is the earliest
    places = order[starts][kept]
    timestamps = None
    if ratings.timestamps is not None:
        timestamps = np.maximum.reduceat(ratings.timestamps[order], starts)[kept]
    return ratings._replaced(
        user_index=ratings.user_index[places],
        item_index=ratings.item_index[places],
        values=values[kept].astype(ratings.dtype),
        timestamps=timestamps,
    )


def _refuse(ratings: Ratings, starts: NDArray[np.int64]) -> None:
    sizes = np.diff(np.append(starts, len(ratings)))
    group = int(np.flatnonzero(sizes > 1)[0])
    place = ratings.by_user_order[starts[group] : starts[group] + 2]
    user, item, _ = ratings[int(place[0])]
    raise ValueError(
        f"duplicates: expected one rating a pair, got {ratings.n_repeated} repeated row(s), the first of "
        f"user {user!r} and item {item!r} (rows {place[0]} and {place[1]}); "
        "duplicates='last', 'mean' or 'sum' says what to do with them"
    )


def _combined(ratings: Ratings, policy: str, starts: NDArray[np.int64], by_time: bool) -> NDArray[Any]:
    """The value of every pair, in the order of `starts`."""
    values = ratings.by_user.values
    assert values is not None
    ends = np.append(starts[1:], len(values))
    if policy == "last":
        if ratings.timestamps is None or not by_time:
            return values[ends - 1]
        times = ratings.timestamps[ratings.by_user_order]
        pair = np.repeat(np.arange(len(starts)), ends - starts)
        return values[np.lexsort((times, pair))][ends - 1]  # stable: the later row among equal times
    sums = np.add.reduceat(values.astype(np.float64), starts)
    return sums / (ends - starts) if policy == "mean" else sums


def merge(old: Ratings, new: Ratings, policy: str) -> Ratings:
    """The union of two sets; see :meth:`Ratings.merged`. Timestamps stay if both have them."""
    check_option(policy, "duplicates", POLICIES)
    users, items = old.users.extended(new.users.ids()), old.items.extended(new.items.ids())
    user_codes, item_codes = new.users.codes_in(users), new.items.codes_in(items)
    timestamps = None
    if old.timestamps is not None and new.timestamps is not None:
        timestamps = np.concatenate([old.timestamps, new.timestamps])
    both = Ratings(
        np.concatenate([old.user_index, user_codes[new.user_index]]),
        np.concatenate([old.item_index, item_codes[new.item_index]]),
        np.concatenate([old.values, new.values]).astype(old.dtype, copy=False),
        users,
        items,
        timestamps=timestamps,
        titles=_merged_titles(old, new, items, item_codes),
        counted=old.counted and new.counted,
    )
    return resolve(both, policy, by_time=False)


def _merged_titles(
    old: Ratings, new: Ratings, items: Vocabulary, item_codes: NDArray[np.int32]
) -> Strings | None:
    """Titles of the old items stay; the new set fills in what is missing."""
    if old.titles is None and new.titles is None:
        return None
    titles = np.full(len(items), "", dtype=object)
    if new.item_titles is not None:
        titles[item_codes] = new.item_titles
    if old.item_titles is not None:
        known = np.flatnonzero(old.item_titles != "")
        titles[known] = old.item_titles[known]
    return Strings.from_texts(titles.tolist())
