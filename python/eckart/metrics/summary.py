"""From one number a user to a mean with its uncertainty.

The interval is the percentile bootstrap over users (Efron and Tibshirani, "An introduction to the
bootstrap", 1993, chapter 13): users are drawn with replacement, as many as there are, and the interval
holds the middle `confidence` of the resampled means. It tells how much the mean would move with other
users of the same kind; it knows nothing of another split or another seed of the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eckart._native import metrics as _native
from eckart.base.seeds import RandomState, seed_from
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_float, check_int


@dataclass(frozen=True)
class Summary:
    """A mean over users with its bootstrap interval [low, high]; all three NaN where no user counts.

    `n_users` went into it, `n_skipped` had no value (NaN).
    """

    mean: float
    low: float
    high: float
    n_users: int
    n_skipped: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, which has no NaN: None stands for it."""
        return {name: None if value != value else value for name, value in vars(self).items()}

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def summarize(
    per_user: ArrayLike,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: RandomState = 0,
    *,
    weights: ArrayLike | None = None,
) -> Summary:
    """Return mean and percentile bootstrap interval of one number a user, NaN skipped and counted.

    per_user : (n_users,), NaN where a user has no value.
    confidence : in ]0, 1[, of the interval.
    weights : (n_users,) positive, for a weighted mean, say each user's number of ratings.
    random_state : the same seed draws the same users whatever the values, on any number of threads.

    The draws are counter-based and made on the fly: memory does not grow with n_users · n_resamples.
    ValueError for other shapes, infinite values, or numbers out of range.
    """
    one = {"per_user": per_user}
    return summarize_all(one, confidence, n_resamples, random_state, weights=weights)["per_user"]


def summarize_all(
    per_user: Mapping[str, ArrayLike],
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: RandomState = 0,
    *,
    weights: ArrayLike | None = None,
) -> dict[str, Summary]:
    """Return the :func:`summarize` of several vectors about the same users, in the time of one.

    All are (n_users,) with NaN for the same users, as :func:`~eckart.metrics.ranking_metrics` returns
    them; ValueError otherwise.
    """
    confidence = check_float(confidence, "confidence", open_low=True, high=1.0)
    n_resamples = check_int(n_resamples, "n_resamples")
    if not per_user:
        return {}
    table = _table(per_user)
    skipped = np.isnan(table)
    if (skipped != skipped[:, :1]).any():
        raise ValueError(f"per_user: expected NaN for the same users in each of {', '.join(per_user)}")
    counted = ~skipped[:, 0]
    w = None if weights is None else _weights(weights, counted)
    table = np.ascontiguousarray(table[counted])
    seed = seed_from(random_state)
    if len(table) == 0:
        mean = low = high = np.full(len(per_user), np.nan)
    else:
        # Contiguous columns are summed pairwise, the same with or without others beside them.
        mean = np.average(np.ascontiguousarray(table.T), axis=1, weights=w)
        resampled = _native.bootstrap_means(table, w, seed, n_resamples, get_num_threads())
        low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    n_skipped = int(len(counted) - len(table))
    return {
        name: Summary(float(mean[i]), float(low[i]), float(high[i]), len(table), n_skipped)
        for i, name in enumerate(per_user)
    }


def _table(per_user: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    """Return the vectors as columns, (n_users, len(per_user))."""
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in per_user.items()}
    n_users = next(iter(columns.values())).shape
    for name, column in columns.items():
        if column.ndim != 1 or column.shape != n_users:
            raise ValueError(f"{name}: expected shape (n_users,), the same for all, got {column.shape}")
        if np.isinf(column).any():
            user = int(np.flatnonzero(np.isinf(column))[0])
            raise ValueError(f"{name}: expected finite numbers or NaN, got infinity for user {user}")
    return np.stack(list(columns.values()), axis=1)


def _weights(weights: ArrayLike, counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weights of the users who count."""
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != counted.shape:
        raise ValueError(f"weights: expected shape {counted.shape}, got {w.shape}")
    w = w[counted]
    good = (w > 0) & np.isfinite(w)
    if not good.all():
        raise ValueError(f"weights: expected finite numbers > 0, got {w[~good][0]}")
    return w
