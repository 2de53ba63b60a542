"""What recommendations do to a catalogue: how much of it they show, and how well known that part is.

All functions take ranked lists as :func:`~eckart.metrics.ranking_metrics` does: (n_users, k) integer
item codes, -1 as padding at the end.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eckart.base.validation import check_float, check_int
from eckart.metrics._lists import check_lists


def coverage(recommended: ArrayLike, n_items: int) -> float:
    """Return the share of the catalogue's `n_items` that stand in at least one list, in [0, 1].

    Catalogue coverage of Ge, Delgado-Battenfeld and Jannach, "Beyond accuracy" (RecSys 2010).
    """
    n_items = check_int(n_items, "n_items", low=1)
    lists = check_lists(recommended, n_items)
    shown = np.zeros(n_items, dtype=bool)
    shown[lists[lists >= 0]] = True
    return float(shown.mean())


def novelty(recommended: ArrayLike, item_counts: ArrayLike, n_users: int) -> float:
    """Return the mean self-information of the recommended items, -log2 p(i), in bits; NaN without any.

    p(i) = item_counts[i] / n_users is the share of the `n_users` training users who know item i; an item
    that nobody knows counts as known to one (its information would be infinite). Zhou et al., "Solving
    the apparent diversity-accuracy dilemma of recommender systems" (PNAS 2010): the mean of each
    user's list, then the mean over the users who have one.

    item_counts : (n_items,) training ratings of every item, each at most n_users.
    """
    n_users = check_int(n_users, "n_users", low=1)
    counts = _check_counts(item_counts)
    if len(counts) and counts.max() > n_users:
        raise ValueError(f"item_counts: expected at most n_users = {n_users}, got {counts.max():g}")
    lists = check_lists(recommended, len(counts))
    # The last entry stands for padding, which is what the code -1 selects.
    information = np.append(-np.log2(np.maximum(counts, 1) / n_users), 0.0)
    lengths = (lists >= 0).sum(axis=1)
    per_user = information[lists].sum(axis=1)[lengths > 0] / lengths[lengths > 0]
    return float(per_user.mean()) if len(per_user) else float("nan")


def popularity_share(recommended: ArrayLike, item_counts: ArrayLike, head: float = 0.01) -> float:
    """Return the share of all recommendations that go to the most popular items, in [0, 1]; NaN without any.

    The head is the ``ceil(head * n_items)`` items with the most training ratings, ties by item code.
    item_counts : (n_items,) training ratings of every item.
    """
    head = check_float(head, "head", open_low=True, high=1.0)
    counts = _check_counts(item_counts)
    lists = check_lists(recommended, len(counts))
    popular = np.zeros(len(counts), dtype=bool)
    popular[np.argsort(-counts, kind="stable")[: int(np.ceil(head * len(counts)))]] = True
    shown = lists[lists >= 0]
    return float(popular[shown].mean()) if len(shown) else float("nan")


def _check_counts(item_counts: Any) -> NDArray[np.float64]:
    counts = np.asarray(item_counts, dtype=np.float64)
    if counts.ndim != 1:
        raise ValueError(f"item_counts: expected shape (n_items,), got {counts.shape}")
    if not (counts >= 0).all() or not np.isfinite(counts).all():
        raise ValueError("item_counts: expected counts >= 0, got a negative number or NaN")
    return counts
