"""How much a rating or a click counts when two items are compared."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr

BM25_K1, BM25_B = 1.2, 0.75  # saturation of counts, correction for long items (Robertson and Zaragoza 2009)


def binary(rows: Csr) -> Csr:
    """Return the pattern with ones."""
    assert rows.values is not None
    return with_values(rows, np.ones_like(rows.values))


def given(rows: Csr) -> Csr:
    """Return the values as they are."""
    return rows


def tfidf(rows: Csr) -> Csr:
    """Return sqrt(value) log(n_items / n_u): a user of few items says more about each (inverse user
    frequency; Breese, Heckerman, Kadie 1998, sec. 2.1.2)."""
    values = _positive(rows)
    counts = np.repeat(rows.counts, rows.counts)
    return with_values(rows, np.sqrt(values) * np.log(rows.n_cols / counts))


def bm25(rows: Csr) -> Csr:
    """Return Okapi BM25 of items as documents whose words are users: counts saturate, and a user of few
    items says more (Robertson and Zaragoza 2009, eq. 3.15; the idf is that of Lucene, never negative)."""
    values = _positive(rows)
    counts = np.repeat(rows.counts, rows.counts)
    idf = np.log1p((rows.n_cols - counts + 0.5) / (counts + 0.5))
    length = np.bincount(rows.indices, weights=values, minlength=rows.n_cols)
    relative = length / length[length > 0].mean()
    saturated = values * (BM25_K1 + 1) / (values + BM25_K1 * (1 - BM25_B + BM25_B * relative[rows.indices]))
    return with_values(rows, idf * saturated)


def steps(rows: Csr) -> Csr:
    """Return x_ui / sqrt(sum_j x_uj): a product of two columns is then ``sum_u x_ui x_uj / sum_j x_uj``, the
    probability of stepping from a user on to item j, summed over the users of item i."""
    values = _positive(rows)
    user = np.repeat(np.arange(rows.n_rows), rows.counts)
    totals = np.bincount(user, weights=values, minlength=rows.n_rows)
    return with_values(rows, values / np.sqrt(np.where(totals > 0, totals, 1))[user])


def column_sums(rows: Csr) -> NDArray[np.float64]:
    """Return how much of x every item has, (n_cols,)."""
    return np.bincount(rows.indices, weights=rows.values, minlength=rows.n_cols)


WEIGHTINGS = {"binary": binary, "values": given, "tfidf": tfidf, "bm25": bm25}


def less_item_means(rows: Csr) -> Csr:
    """Return the values less the mean of their item."""
    assert rows.values is not None
    sums = np.bincount(rows.indices, weights=rows.values, minlength=rows.n_cols)
    means = sums / np.maximum(np.bincount(rows.indices, minlength=rows.n_cols), 1)
    return with_values(rows, rows.values - means[rows.indices])


def less_user_means(rows: Csr) -> Csr:
    """Return the values less the mean of their user."""
    assert rows.values is not None
    user = np.repeat(np.arange(rows.n_rows), rows.counts)
    means = np.bincount(user, weights=rows.values, minlength=rows.n_rows) / np.maximum(rows.counts, 1)
    return with_values(rows, rows.values - means[user])


def with_values(rows: Csr, values: NDArray[Any]) -> Csr:
    """Return the same pattern with other values, in the float type of the old ones."""
    assert rows.values is not None
    return Csr(rows.indptr, rows.indices, values.astype(rows.values.dtype, copy=False), rows.n_cols)


def _positive(rows: Csr) -> NDArray[np.float64]:
    assert rows.values is not None
    if len(rows.values) and rows.values.min() < 0:
        raise ValueError(f"X: expected counts >= 0 for this weighting, got {rows.values.min()}")
    return rows.values.astype(np.float64)
