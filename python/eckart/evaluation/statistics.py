"""Means over folds with bootstrap intervals, and paired comparisons of two models on the same users.

A metric is the mean over folds of M_f, or of its root, where M_f = sum_u s_uf / sum_u n_uf over the users of
fold f. The bootstrap draws users with replacement, with all they have in all folds, and every model sees the
same draws (Efron and Tibshirani, "An introduction to the bootstrap", 1993). The p-value is that of Student's
paired t test over users (Smucker, Allan and Carterette, CIKM 2007: it, the bootstrap and randomisation
agree, and the Wilcoxon and sign tests mislead); where a metric is no plain mean over users, its users'
first-order parts take the place of their values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import metrics as _native
from eckart.base.threads import get_num_threads
from eckart.evaluation.measure import ERRORS, ByUser

Array = NDArray[np.float64]
CONFIDENCE = 0.95
N_RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A mean over folds, its 95 % bootstrap interval over users, each fold's own value, and how many users
    counted."""

    mean: float
    low: float
    high: float
    folds: tuple[float, ...]
    n_users: int

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True)
class Difference:
    """A metric of one model minus that of another: mean, 95 % bootstrap interval, p of the paired t test, and
    of how many users the first did better, worse, or equally well."""

    mean: float
    low: float
    high: float
    p_value: float
    better: int
    worse: int
    equal: int

    def __str__(self) -> str:
        p = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        users = f"better for {self.better:,} users, worse for {self.worse:,}, equal for {self.equal:,}"
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}], {p}; {users}"


def lower_is_better(metric: str) -> bool:
    """Say which way is up."""
    return metric in ERRORS


def resample(by_user: Mapping[str, Mapping[str, ByUser]], seed: int) -> dict[str, dict[str, Array]]:
    """Return every metric of every model under the same `N_RESAMPLES` draws of users, (N_RESAMPLES,) each.

    by_user : model → metric → sums and counts, (n_folds, n_users); all models have the same counts
    """
    counts = {metric: x.counts for metric, x in next(iter(by_user.values())).items()}
    columns = [*counts.values(), *(x.sums for of in by_user.values() for x in of.values())]
    n_folds, n_users = columns[0].shape
    if n_users == 0:
        nothing = np.full(N_RESAMPLES, np.nan)
        return {model: dict.fromkeys(of, nothing) for model, of in by_user.items()}
    table = np.ascontiguousarray(np.concatenate(columns).T)
    means = _native.bootstrap_means(table, None, seed, N_RESAMPLES, get_num_threads())
    folds = iter(means[:, start : start + n_folds] for start in range(0, means.shape[1], n_folds))
    drawn = {metric: next(folds) for metric in counts}
    return {
        model: {metric: _mean_over_folds(metric, next(folds), drawn[metric]) for metric in of}
        for model, of in by_user.items()
    }


def estimate(metric: str, x: ByUser, resampled: Array) -> Estimate:
    """Return the estimate of a metric from its sums, its counts and what :func:`resample` made of them."""
    sums, counts = x.sums.sum(axis=1), x.counts.sum(axis=1)
    n_users = int((x.counts > 0).any(axis=0).sum())
    folds = tuple(_of_folds(metric, sums, counts).tolist())
    return Estimate(float(_mean_over_folds(metric, sums, counts)), *_interval(resampled), folds, n_users)


def difference(metric: str, first: ByUser, second: ByUser, resampled: Array) -> Difference:
    """Return `first` minus `second`, measured on the same users; `resampled` is the difference of theirs."""
    counted = (first.counts > 0).any(axis=0)
    mean = np.subtract(*(_mean_over_folds(metric, x.sums.sum(1), x.counts.sum(1)) for x in (first, second)))
    gain = (first.sums - second.sums).sum(axis=0)[counted]
    gain = -gain if lower_is_better(metric) else gain
    better, worse = int((gain > 0).sum()), int((gain < 0).sum())
    parts = _parts(metric, first)[counted] - _parts(metric, second)[counted]
    low, high = _interval(resampled)
    equal = len(gain) - better - worse
    return Difference(float(mean), low, high, _p_value(mean, parts), better, worse, equal)


def _of_folds(metric: str, sums: Array, counts: Array) -> Array:
    """Return the metric of each fold, NaN where nobody counts."""
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return np.sqrt(means) if metric == "rmse" else means


def _mean_over_folds(metric: str, sums: Array, counts: Array) -> Any:
    """Return the mean over the folds (last axis) in which somebody counts."""
    values, measured = _of_folds(metric, sums, counts), counts > 0
    total, n = np.where(measured, values, 0.0).sum(axis=-1), measured.sum(axis=-1)
    return np.divide(total, n, out=np.full(np.shape(total), np.nan), where=n > 0)


def _interval(resampled: Array) -> tuple[float, float]:
    known = resampled[~np.isnan(resampled)]  # a draw of users without anything to find has no value
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _parts(metric: str, x: ByUser) -> Array:
    """Return the first-order part of each user in the metric, (n_users,): what it moves by when the user's
    weight moves, times the number of users. For a plain mean over users that is a value minus the mean."""
    counts = x.counts.sum(axis=1, keepdims=True)
    folds = np.maximum(counts, 1)
    means = x.sums.sum(axis=1, keepdims=True) / folds
    slope = 0.5 / np.sqrt(np.where(means > 0, means, np.inf)) if metric == "rmse" else 1.0
    n_users, n_folds = int((x.counts > 0).any(axis=0).sum()), int((counts > 0).sum())
    return (slope * (x.sums - means * x.counts) / folds).sum(axis=0) * n_users / max(n_folds, 1)


def _p_value(mean: float, parts: Array) -> float:
    """Return the two-sided p of Student's t test that the mean of the differences is 0."""
    from scipy.special import stdtr

    n = len(parts)
    if n < 2:
        return float("nan")
    error = parts.std(ddof=1) / np.sqrt(n)
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(n - 1, -abs(mean) / error))
