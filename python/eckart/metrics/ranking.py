"""How good ranked lists are: one number a user, over the full catalogue, computed natively.

Definitions: Manning, Raghavan and Schütze, "Introduction to Information Retrieval" (2008), chapter 8,
cut off at rank k; NDCG of Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques"
(TOIS 2002) with discount log2(rank + 1). With rel(i) = 1 where the item at rank i is relevant to the
user, n the number of relevant items and m = min(k, n):

=================  ==========================================================================
precision          sum over i <= k of rel(i) / k (also where the list is shorter than k)
recall             sum over i <= k of rel(i) / n, or / m (``recall_denominator="min_k"``)
hit_rate           1 if any of the first k is relevant, else 0
average_precision  sum over i <= k of rel(i) · precision at i / m; its mean over users is MAP
reciprocal_rank    1 / rank of the first relevant item, 0 if none is in the first k; its mean is MRR
ndcg               DCG / the DCG of the best list of k that this user could get,
                   DCG = sum over i <= k of rel(i) · gain(i) / log2(i + 1)
=================  ==========================================================================

**A user without a relevant item gets NaN**: nothing could be found, so a zero would blame the model.
:func:`~eckart.metrics.summarize` leaves these users out of the mean and counts them. A user who was
recommended nothing, but has relevant items, gets 0.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eckart._native import metrics as _native
from eckart.base.csr import Csr
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_int, check_option, native_array
from eckart.metrics._lists import check_lists

RANKING_METRICS: tuple[str, ...] = _native.RANKING_METRICS
Gain = Literal["binary", "linear", "exponential"]
RecallDenominator = Literal["relevant", "min_k"]

_GAIN_RANGE = (1e-30, 1e30)  # safe in float32, and no sum of gains can overflow or vanish


def ranking_metrics(
    recommended: ArrayLike,
    relevant: Csr,
    k: int | None = None,
    metrics: Sequence[str] = RANKING_METRICS,
    *,
    gain: Gain = "binary",
    recall_denominator: RecallDenominator = "relevant",
) -> dict[str, NDArray[np.float64]]:
    """Return the named metrics at k of every user, each (n_users,) float64; NaN without a relevant item.

    recommended : (n_users, width) integer item codes, best first, -1 as padding at the end. Ties were
        broken by whoever ranked: only the order counts here.
    relevant : :class:`~eckart.base.csr.Csr` with n_users rows; the stored entries are the relevant items,
        its values their grades (``ratings.by_user`` is one).
    k : cut-off, 1 to width; None takes the whole width.
    gain : of a relevant item in NDCG: ``"binary"`` 1, ``"linear"`` its grade g, ``"exponential"``
        2^g - 1 (Burges et al., ICML 2005). Grades must then make gains in [1e-30, 1e30]; leave entries
        of grade 0 out of `relevant`.
    recall_denominator : ``"relevant"`` n, or ``"min_k"`` min(k, n), so that a perfect list has recall 1
        (Liang et al., "Variational autoencoders for collaborative filtering", WWW 2018).

    ValueError / TypeError for lists with codes out of range, duplicates or padding before the end, for
    shapes that do not match, and for an unknown name.
    """
    if not isinstance(relevant, Csr):
        raise TypeError(f"relevant: expected an eckart.base.csr.Csr, got {type(relevant).__name__}")
    wanted = [check_option(name, "metrics", RANKING_METRICS) for name in metrics]
    check_option(recall_denominator, "recall_denominator", ("relevant", "min_k"))
    lists = check_lists(recommended, relevant.n_cols)
    n_users, width = lists.shape
    if n_users != relevant.n_rows:
        raise ValueError(
            f"recommended: expected {relevant.n_rows} lists, one a row of relevant, got {n_users}"
        )
    k = check_int(width if k is None else k, "k", low=1, high=width)
    values = _native.ranking_metrics(
        lists,
        relevant.indptr,
        relevant.indices,
        _gains(relevant.values, gain),
        relevant.n_cols,
        k,
        recall_denominator == "min_k",
        get_num_threads(),
    )
    return {name: values[RANKING_METRICS.index(name)] for name in wanted}


def precision_at_k(recommended: ArrayLike, relevant: Csr, k: int | None = None) -> NDArray[np.float64]:
    """Return the share of relevant items in the first k, (n_users,). See :func:`ranking_metrics`."""
    return ranking_metrics(recommended, relevant, k, ("precision",))["precision"]


def recall_at_k(
    recommended: ArrayLike,
    relevant: Csr,
    k: int | None = None,
    *,
    recall_denominator: RecallDenominator = "relevant",
) -> NDArray[np.float64]:
    """Return the share of relevant items found in the first k, (n_users,). See :func:`ranking_metrics`."""
    metrics = ranking_metrics(recommended, relevant, k, ("recall",), recall_denominator=recall_denominator)
    return metrics["recall"]


def hit_rate_at_k(recommended: ArrayLike, relevant: Csr, k: int | None = None) -> NDArray[np.float64]:
    """Return 1 where the first k hold a relevant item, (n_users,). See :func:`ranking_metrics`."""
    return ranking_metrics(recommended, relevant, k, ("hit_rate",))["hit_rate"]


def average_precision_at_k(
    recommended: ArrayLike, relevant: Csr, k: int | None = None
) -> NDArray[np.float64]:
    """Return the average precision at k, (n_users,); its mean is MAP. See :func:`ranking_metrics`."""
    return ranking_metrics(recommended, relevant, k, ("average_precision",))["average_precision"]


def reciprocal_rank_at_k(recommended: ArrayLike, relevant: Csr, k: int | None = None) -> NDArray[np.float64]:
    """Return 1 / rank of the first hit, (n_users,); its mean is MRR. See :func:`ranking_metrics`."""
    return ranking_metrics(recommended, relevant, k, ("reciprocal_rank",))["reciprocal_rank"]


def ndcg_at_k(
    recommended: ArrayLike, relevant: Csr, k: int | None = None, *, gain: Gain = "binary"
) -> NDArray[np.float64]:
    """Return the normalised discounted cumulated gain at k, (n_users,). See :func:`ranking_metrics`."""
    return ranking_metrics(recommended, relevant, k, ("ndcg",), gain=gain)["ndcg"]


def _gains(grades: NDArray[Any] | None, gain: Gain) -> NDArray[Any] | None:
    """Return what each stored entry gains, or None for 1 each."""
    check_option(gain, "gain", ("binary", "linear", "exponential"))
    if gain == "binary":
        return None
    if grades is None:
        raise ValueError(
            f"relevant: expected grades as values for gain={gain!r}, got a pattern without values"
        )
    if gain == "exponential":
        with np.errstate(over="ignore"):  # an overflow is reported below, with its place
            gains = np.expm1(grades.astype(np.float64) * np.log(2.0))
    else:
        gains = grades
    low, high = _GAIN_RANGE
    good = (gains >= low) & (gains <= high)
    if not good.all():
        first = int(np.flatnonzero(~good)[0])
        raise ValueError(
            f"relevant: expected grades whose {gain} gain is in [{low:g}, {high:g}], "
            f"got grade {grades[first]} at stored entry {first}"
        )
    return native_array(gains, np.float32 if gains.dtype == np.float32 else np.float64)
