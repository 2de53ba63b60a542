"""The native ranking metrics: both dtypes, every number of threads, and the shapes they refuse."""

import numpy as np
import pytest

from eckart._native import metrics

THREADS = (1, 2, 3, 5)


def random_lists(rng, n_users, n_items, k):
    """Lists of any length, padded with -1."""
    lists = np.argsort(rng.random((n_users, n_items)), axis=1)[:, :k].astype(np.int32)
    lists[np.arange(k) >= rng.integers(0, k + 1, n_users)[:, None]] = -1
    return lists


def random_relevant(rng, n_users, n_items):
    """Row pointers and rising indices of a random pattern with empty rows."""
    mask = rng.random((n_users, n_items)) < rng.choice([0, 0.05, 0.5], n_users)[:, None]
    return np.r_[0, np.cumsum(mask.sum(1))].astype(np.int64), np.nonzero(mask)[1].astype(np.int32)


@pytest.mark.parametrize("gains", [None, np.float32, np.float64])
@pytest.mark.parametrize("n_users", [1, 255, 257, 5003])
def test_same_bits_on_any_number_of_threads(n_users, gains):
    """The promise of the whole core; 5003 users are enough for a parallel region."""
    rng = np.random.default_rng(n_users)
    lists = random_lists(rng, n_users, 61, 17)
    indptr, indices = random_relevant(rng, n_users, 61)
    values = None if gains is None else (rng.random(len(indices)) + 0.1).astype(gains)
    results = [metrics.ranking_metrics(lists, indptr, indices, values, 61, 13, False, t) for t in THREADS]
    assert results[0].shape == (len(metrics.RANKING_METRICS), n_users)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


def test_float32_gains_are_computed_in_double():
    """Grades that float32 holds exactly give the numbers of float64."""
    rng = np.random.default_rng(1)
    lists = random_lists(rng, 211, 37, 37)
    indptr, indices = random_relevant(rng, 211, 37)
    values = rng.integers(1, 6, len(indices))
    single, double = (
        metrics.ranking_metrics(lists, indptr, indices, values.astype(t), 37, 37, True, 2)
        for t in (np.float32, np.float64)
    )
    np.testing.assert_array_equal(single, double)


def test_hits_by_set_intersection():
    """Recall against plain sets, at row sizes around the bounds of the binary search."""
    n_items, k = 70, 20
    indptr = np.r_[0, np.cumsum(np.arange(n_items + 1))].astype(np.int64)
    rng = np.random.default_rng(2)
    rows = [np.sort(rng.permutation(n_items)[:n]) for n in range(n_items + 1)]
    lists = np.stack([rng.permutation(n_items)[:k] for _ in rows]).astype(np.int32)
    got = metrics.ranking_metrics(
        lists, indptr, np.concatenate(rows).astype(np.int32), None, n_items, k, False, 2
    )[metrics.RANKING_METRICS.index("recall")]
    assert np.isnan(got[0])
    for row, listed, recall in zip(rows[1:], lists[1:], got[1:], strict=True):
        assert recall == len(set(row) & set(listed)) / len(row)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize(
    ("row", "values", "fault"),
    [
        (4999, [0, 1, 5, 1], ("duplicate", 4999, 3)),
        (300, [0, -1, -1, 1], ("after padding", 300, 3)),
        (0, [0, 1, 2, 61], ("out of range", 0, 3)),
        (7, [-2, 1, 2, 3], ("out of range", 7, 0)),
        (7, [-1, -1, -1, -1], None),
    ],
)
def test_the_first_fault_is_found(row, values, fault, threads):
    """In reading order and on any number of threads, so that the error message is always the same."""
    lists = random_lists(np.random.default_rng(3), 5003, 61, 4)
    lists[row] = values
    lists[5001] = 60  # a later fault
    assert metrics.ranking_fault(lists, 61, threads) == (fault or ("duplicate", 5001, 1))
    lists[5001] = -1
    assert metrics.ranking_fault(lists, 61, threads) == fault


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_empty_lists_have_no_fault(shape):
    """No users, or lists of nothing."""
    assert metrics.ranking_fault(np.zeros(shape, dtype=np.int32), 0, 2) is None


def test_shapes_are_checked():
    """Whatever Python hands over, no memory is read that is not there."""
    lists, indptr = np.zeros((2, 1), dtype=np.int32), np.array([0, 1, 1])
    good = [lists, indptr, np.zeros(1, dtype=np.int32), None, 1, 1, False, 1]
    metrics.ranking_metrics(*good)
    for position, bad in [
        (0, lists[0]),
        (0, lists[:1]),
        (1, indptr[:0]),
        (1, indptr[:2]),
        (2, np.zeros(2, dtype=np.int32)),
        (3, np.zeros(2)),
        (5, 0),
        (5, 2),
        (7, 0),
    ]:
        with pytest.raises(ValueError, match="expected"):
            metrics.ranking_metrics(*good[:position], bad, *good[position + 1 :])
    with pytest.raises(TypeError, match="incompatible function arguments"):
        metrics.ranking_metrics(lists.astype(np.int64), *good[1:])
    with pytest.raises(ValueError, match="n_items: expected at least 0, got -1"):
        metrics.ranking_fault(lists, -1, 1)
