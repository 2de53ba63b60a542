"""Top-k by inner product against sorting all scores."""

import numpy as np
import pytest

from eckart._native import base as native_base
from eckart._native import linalg as native
from eckart.base.csr import Csr
from eckart.linalg import top_k
from eckart.linalg.topk import pointers

SIZES = [
    (0, 5, 3),
    (5, 0, 3),
    (1, 1, 1),
    (3, 2, 1),
    (13, 101, 7),
    (37, 509, 16),
    (70, 1031, 33),
    (9, 513, 64),
]


def problem(n_queries, n_items, rank, dtype, seed=0):
    """Small whole numbers: many ties, and every sum is exact in any order."""
    rng = np.random.default_rng(seed)
    queries = rng.integers(-3, 4, (n_queries, rank)).astype(dtype)
    items = rng.integers(-3, 4, (n_items, rank)).astype(dtype)
    return queries, items, rng.integers(-5, 6, n_items).astype(dtype)


def exclusion(n_queries, n_items, share=0.3, seed=1):
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(rng.random(n_items) < share) for _ in range(n_queries)]
    indptr = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
    return Csr(indptr, np.concatenate([[], *rows]).astype(np.int32), None, n_items)


def brute_force(queries, items, k, bias=None, exclude=None):
    scores = queries @ items.T + (0 if bias is None else bias)
    ids = np.full((len(queries), k), -1, np.int32)
    values = np.full((len(queries), k), -np.inf)
    for q, row in enumerate(scores):
        allowed = np.arange(len(items))
        if exclude is not None:
            allowed = np.setdiff1d(allowed, exclude.row(q)[0])
        best = allowed[np.lexsort((allowed, -row[allowed]))][:k]
        ids[q, : len(best)], values[q, : len(best)] = best, row[best]
    return ids, values


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("k", [1, 3, 10, 700])
def test_equals_sorting(size, k, dtype):
    """The best k, the lower id first among equals, padding at the end: also with k above n."""
    queries, items, bias = problem(*size, dtype)
    exclude = exclusion(*size[:2])
    for b in (None, bias):
        for e in (None, exclude):
            ids, scores = top_k(queries, items, k, bias=b, exclude=e)
            wanted = brute_force(queries, items, k, b, e)
            assert (ids.dtype, scores.dtype) == (np.int32, dtype)
            np.testing.assert_array_equal(ids, wanted[0])
            np.testing.assert_array_equal(scores, wanted[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits_on_any_number_of_threads(dtype):
    """A server with more cores must not give other lists."""
    rng = np.random.default_rng(0)
    queries, items = (rng.normal(size=(n, 50)).astype(dtype) for n in (211, 1777))
    exclude = exclusion(211, 1777)
    wanted = native.top_k(queries, items, None, exclude.indptr, exclude.indices, 20, False, 1)
    for threads in (2, 3, 5):
        got = native.top_k(queries, items, None, exclude.indptr, exclude.indices, 20, False, threads)
        np.testing.assert_array_equal(got[0], wanted[0])
        np.testing.assert_array_equal(got[1], wanted[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rank", [1, 17, 64, 130])
def test_a_query_alone_equals_the_query_in_a_batch(dtype, rank):
    """`recommend(7)` and row 7 of `recommend()` are the same numbers, bit for bit."""
    rng = np.random.default_rng(0)
    queries, items = (rng.normal(size=(n, rank)).astype(dtype) for n in (75, 1301))
    ids, scores = top_k(queries, items, 15)
    reference = brute_force(queries.astype(float), items.astype(float), 15)[1]
    np.testing.assert_allclose(scores, reference, rtol=1e-4 if dtype == np.float32 else 1e-11)
    for q in (0, 1, 31, 32, 63, 74):
        for begin, end in ((q, q + 1), (max(0, q - 5), q + 1)):
            some_ids, some_scores = top_k(queries[begin:end], items, 15)
            np.testing.assert_array_equal(some_ids[-1], ids[q])
            np.testing.assert_array_equal(some_scores[-1], scores[q])


def test_item_scores_do_not_depend_on_their_place():
    """An item scores the same among 3 candidates and in the whole catalogue."""
    rng = np.random.default_rng(0)
    queries, items = (rng.normal(size=(n, 33)).astype(np.float32) for n in (4, 1100))
    ids, scores = top_k(queries, items, 1100)
    whole = np.empty_like(scores)
    np.put_along_axis(whole, ids, scores, axis=1)
    chosen = np.array([3, 511, 512, 1099])
    some_ids, some_scores = top_k(queries, items[chosen], 4)
    np.testing.assert_array_equal(some_scores, np.take_along_axis(whole, chosen[some_ids], axis=1))


def test_everything_excluded():
    """A user who has seen all gets padding only."""
    ids, scores = top_k(np.ones((2, 3)), np.ones((4, 3)), 2, exclude=exclusion(2, 4, share=2.0))
    assert (ids == -1).all()
    assert (scores == -np.inf).all()


def test_bad_arguments():
    """Wrong shapes and types are refused at the boundary; nothing is read beside the arrays."""
    queries, items = np.ones((2, 3)), np.ones((4, 3))
    with pytest.raises(ValueError, match="k: expected at least 1"):
        top_k(queries, items, 0)
    with pytest.raises(ValueError, match="columns of queries and items"):
        top_k(queries, np.ones((4, 2)), 1)
    with pytest.raises(ValueError, match="bias"):
        top_k(queries, items, 1, bias=np.ones(3))
    with pytest.raises(ValueError, match="rows of exclude"):
        top_k(queries, items, 1, exclude=exclusion(3, 4))
    with pytest.raises(ValueError, match="queries: expected a matrix"):
        top_k(np.ones(3), items, 1)
    for bad in (items.astype(np.float32), np.asfortranarray(np.ones((4, 3)))):
        with pytest.raises(TypeError):
            top_k(queries, bad, 1)
    with pytest.raises(ValueError, match="threads"):
        native.top_k(queries, items, None, None, None, 1, False, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_items", [4096, 4097, 10_007])
def test_few_queries(dtype, n_items):
    """One user's list is found by all threads, each among its own items: the same list, ties included."""
    queries, items, bias = problem(9, n_items, 5, dtype)
    exclude = exclusion(9, n_items)
    wanted = brute_force(queries, items, 12, bias, exclude)
    for n in (1, 3, 8, 9):
        few = Csr(exclude.indptr[: n + 1], exclude.indices[: exclude.indptr[n]], None, n_items)
        for threads in (1, 2, 3, 5):
            ids, scores = native.top_k(queries[:n], items, bias, few.indptr, few.indices, 12, False, threads)
            np.testing.assert_array_equal(ids, wanted[0][:n])
            np.testing.assert_array_equal(scores, wanted[1][:n])


amx_only = pytest.mark.skipif(not native_base.amx_available(), reason="this processor has no AMX")


@amx_only
@pytest.mark.parametrize("size", [(128, 1, 1), (131, 31, 7), (300, 33, 33), (257, 2051, 64), (600, 700, 130)])
@pytest.mark.parametrize("k", [1, 10, 50])
def test_screening_loses_nothing(size, k):
    """The matrix unit sees factors of 8 bits: the lists are still those of float32, to the last bit."""
    rng = np.random.default_rng(0)
    n_queries, n_items, rank = size
    queries = (rng.normal(size=(n_queries, rank)) * rng.gamma(1, 2, (n_queries, 1))).astype(np.float32)
    items = (rng.normal(size=(n_items, rank)) * rng.gamma(1, 2, (n_items, 1))).astype(np.float32)
    queries[5] = 0
    for bias in (None, rng.normal(size=n_items).astype(np.float32)):
        for exclude in ((None, None), pointers(exclusion(n_queries, n_items))):
            wanted = native.top_k(queries, items, bias, *exclude, k, False, 2)
            for threads in (1, 2, 3, 5):
                got = native.top_k(queries, items, bias, *exclude, k, True, threads)
                np.testing.assert_array_equal(got[0], wanted[0])
                np.testing.assert_array_equal(got[1], wanted[1])


@amx_only
def test_screening_of_near_ties():
    """Items that differ by less than bf16 shows, and many that are equal: the margin must let them all in."""
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(200, 40)).astype(np.float32)
    items = (rng.normal(size=40) + 1e-4 * rng.normal(size=(900, 40))).astype(np.float32)
    items[300:600] = items[:300]
    wanted = native.top_k(queries, items, None, None, None, 20, False, 2)
    got = native.top_k(queries, items, None, None, None, 20, True, 2)
    np.testing.assert_array_equal(got[0], wanted[0])
    np.testing.assert_array_equal(got[1], wanted[1])


@amx_only
@pytest.mark.parametrize("where", ["queries", "items", "bias"])
@pytest.mark.parametrize("value", [3e38, np.inf, -np.inf])
def test_what_cannot_be_screened(where, value):
    """Huge numbers overflow when they are rounded, and minus infinity hides an item: float32 answers."""
    rng = np.random.default_rng(0)
    parts = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in (("queries", (150, 8)), ("items", (90, 8)), ("bias", 90))
    }
    parts[where][(3,) * parts[where].ndim] = value
    wanted, got = (native.top_k(*parts.values(), None, None, 10, amx, 2) for amx in (False, True))
    np.testing.assert_array_equal(got[0], wanted[0])
    np.testing.assert_array_equal(got[1], wanted[1])
