"""What a fitted model gets on a fold, as sums over each user: errors of predictions, quality of lists.

A metric of a fold is the sum over users of `sums` over the sum of `counts`, rooted for the RMSE. With both
kept by user, means, bootstrap intervals and paired comparisons all come from the same numbers.
"""

import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.data.ratings import Ratings
from eckart.evaluation.folds import Fold, relevant_entries
from eckart.metrics.ranking import RecallDenominator, ranking_metrics
from eckart.metrics.rating import errors_of

SAMPLED = "sampled "
ERRORS = ("rmse", "mae")


class ByUser(NamedTuple):
    """Of every user of the vocabulary, (n_users,) float64: the sum of a metric, and of how many."""

    sums: NDArray[np.float64]
    counts: NDArray[np.float64]


class Measured(NamedTuple):
    """A fold's metrics by name, and the seconds that predictions and lists took."""

    by_user: dict[str, ByUser]
    seconds: float


def measure(
    model: Any,
    fold: Fold,
    metrics: tuple[str, ...],
    *,
    scale: tuple[float, float],
    relevant_from: float | None = None,
    recall_denominator: RecallDenominator = "relevant",
) -> Measured:
    """Return the named metrics of a fitted model on a fold.

    scale : predictions are clipped to it
    relevant_from : test items rated at least this are to be found; None takes all

    ValueError if the model answers with NaN or with faulty lists.
    """
    found: dict[str, ByUser] = {}
    seconds = 0.0
    if set(metrics) & set(ERRORS):
        start = time.perf_counter()
        predicted = np.clip(model.predict(fold.test), *scale)
        seconds += time.perf_counter() - start
        found |= errors_by_user(fold.test, predicted)
    users = np.flatnonzero(fold.test.by_user.counts).astype(np.int32)
    relevant = relevant_entries(fold.test.by_user, relevant_from).select(users)
    for prefix, rank in (("", _rank_catalogue), (SAMPLED, _rank_candidates)):
        wanted = [split(name) for name in metrics if "@" in name and name.startswith(SAMPLED) == bool(prefix)]
        if not wanted:
            continue
        start = time.perf_counter()
        lists = rank(model, fold, users, max(k for _, _, k in wanted))
        seconds += time.perf_counter() - start
        for k in sorted({k for _, _, k in wanted}):
            names = tuple(metric for _, metric, at in wanted if at == k)
            values = ranking_metrics(lists, relevant, k, names, recall_denominator=recall_denominator)
            found |= {f"{prefix}{n}@{k}": _spread(v, users, fold.test.n_users) for n, v in values.items()}
    return Measured({name: found[name] for name in metrics}, seconds)


def split(name: str) -> tuple[bool, str, int]:
    """Return ``"sampled ndcg@10"`` as (True, "ndcg", 10)."""
    metric, _, k = name.removeprefix(SAMPLED).partition("@")
    return name.startswith(SAMPLED), metric, int(k)


def errors_by_user(test: Ratings, predicted: NDArray[Any]) -> dict[str, ByUser]:
    """Return squared and absolute errors summed over each user, whatever of them was cold."""
    errors, n = errors_of(test.values, predicted), test.n_users
    counts = np.bincount(test.user_index, minlength=n).astype(np.float64)
    return {
        "rmse": ByUser(np.bincount(test.user_index, np.square(errors), minlength=n), counts),
        "mae": ByUser(np.bincount(test.user_index, np.abs(errors), minlength=n), counts),
    }


def _spread(values: NDArray[np.float64], users: NDArray[np.int32], n_users: int) -> ByUser:
    """NaN is a user with nothing to find, who does not count."""
    sums, counts = np.zeros(n_users), np.zeros(n_users)
    counts[users] = ~np.isnan(values)
    sums[users] = np.nan_to_num(values)
    return ByUser(sums, counts)


def _rank_catalogue(model: Any, fold: Fold, users: NDArray[np.int32], k: int) -> NDArray[np.int32]:
    """Return the k best items of each user among all that the user is not known to have."""
    if fold.known is None:
        return model._recommend_codes(users, k, fold.train.by_user.pattern.select(users))[0]
    known = _rows(fold.known, users)
    return model._recommend_rows(known, k, known.by_user.pattern)[0]


def _rows(known: Ratings, users: NDArray[np.int32]) -> Ratings:
    """Return the ratings of `users`, numbered from 0: to the model they are nobody it knows."""
    from eckart.data.vocabulary import Vocabulary

    place = np.full(known.n_users, -1, dtype=np.int32)
    place[users] = np.arange(len(users), dtype=np.int32)
    index = place[known.user_index]
    part = known[index >= 0]
    return part._replaced(user_index=index[index >= 0], users=Vocabulary.from_range(len(users)))


def _rank_candidates(model: Any, fold: Fold, users: NDArray[np.int32], k: int) -> NDArray[np.int32]:
    """Return the k best of each user's own candidates, in the order in which the model recommends."""
    candidates: Csr = fold.candidates  # type: ignore[assignment]
    lists = np.full((len(users), k), -1, dtype=np.int32)
    for place in range(len(users)):
        one = users[place : place + 1]
        lists[place] = model._recommend_codes(one, k, None, candidates.row(one[0])[0])[0]
    return lists
