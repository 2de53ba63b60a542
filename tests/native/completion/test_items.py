"""The kernels of item models against dense NumPy."""

import numpy as np
import pytest
from tests.native.linalg.test_columns import sparse

from eckart._native import completion as native
from eckart.base.csr import Csr
from eckart.data.views import transposed
from eckart.linalg.columns import longest_first

DTYPES = [(np.float32, 1e-4), (np.float64, 1e-12)]


def dense_similarities(dense, shrinkage):
    norms = np.linalg.norm(dense, axis=0)
    with np.errstate(invalid="ignore"):
        similarity = dense.T @ dense / (np.outer(norms, norms) + shrinkage)
    similarity[~(similarity > 1e-9)] = -np.inf  # also 0 / 0, and rounding where nothing is shared
    np.fill_diagonal(similarity, -np.inf)
    return similarity


def best(scores, k):
    """Ids and scores of the k best of each row; ties: the lower id; -1 where nothing is left."""
    ids = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(scores, ids, 1)
    pad = ((0, 0), (0, k - ids.shape[1]))
    ids = np.pad(np.where(np.isinf(found), -1, ids), pad, constant_values=-1)
    return ids, np.pad(found, pad, constant_values=-np.inf)


@pytest.mark.parametrize(("dtype", "close"), DTYPES)
@pytest.mark.parametrize("n_cols", [1, 2, 15, 16, 17, 67])
@pytest.mark.parametrize(("shrinkage", "k"), [(0.0, 3), (2.5, 1), (2.5, 90)])
def test_nearest_columns_equal_numpy(n_cols, shrinkage, k, dtype, close):
    """Only positive similarities, never the column itself, empty columns near to nothing."""
    dense, rows = sparse(71, n_cols, dtype)
    want_ids, want = best(dense_similarities(dense, shrinkage), k)
    ids, scores = native.nearest_columns(*longest_first(rows, transposed(rows)), None, shrinkage, k, 2)
    np.testing.assert_array_equal(ids, want_ids)
    np.testing.assert_allclose(scores, want, rtol=close)


def test_ties_go_to_the_lower_number():
    """Equal columns are equally near: the order of popularity in which they are visited must not show."""
    column = np.array([1.0, 0, 1, 1, 0, 1])
    dense = np.stack([column] * 5 + [np.array([1.0, 1, 1, 1, 1, 1])] * 2, axis=1)
    rows, cols = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum((dense != 0).sum(1))]).astype(np.int64)
    matrix = Csr(indptr, cols.astype(np.int32), dense[rows, cols], 7)
    ids, _ = native.nearest_columns(*longest_first(matrix, transposed(matrix)), None, 0.0, 2, 1)
    np.testing.assert_array_equal(ids, [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1], [6, 0], [5, 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_columns_same_bits_on_any_number_of_threads(dtype):
    """Results are reproducible from a laptop to a server."""
    _, rows = sparse(900, 333, dtype)
    args = longest_first(rows, transposed(rows))
    found = [native.nearest_columns(*args, None, 1.0, 20, threads) for threads in (1, 2, 3, 5)]
    assert all(np.array_equal(found[0][i], other[i]) for other in found[1:] for i in (0, 1))


def neighbour_case(dtype, mean, n_items=53, n_rows=37):
    _, near = sparse(n_items, n_items, dtype, density=0.3, seed=1)
    near = Csr(near.indptr, near.indices, np.abs(near.values), n_items)
    dense_rows, rows = sparse(n_rows, n_items, dtype, seed=2)
    base = np.random.default_rng(3).normal(size=n_items).astype(dtype)
    s = near.to_scipy().toarray().astype(np.float64)
    sums, weights = dense_rows @ s.T, (dense_rows != 0).astype(float) @ s.T
    scores = base + (np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0) if mean else sums)
    return near, rows, base, scores


def exclusions(n_rows, n_items, seed=4):
    mask = np.random.default_rng(seed).random((n_rows, n_items)) < 0.3
    indptr = np.concatenate([[0], np.cumsum(mask.sum(1))]).astype(np.int64)
    return mask, (indptr, np.nonzero(mask)[1].astype(np.int32))


@pytest.mark.parametrize(("dtype", "close"), DTYPES)
@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("k", [1, 10, 60])
def test_neighbour_scores_equal_numpy(k, mean, dtype, close):
    """Lists and pairs are one formula; lists leave out what they are told to."""
    near, rows, base, scores = neighbour_case(dtype, mean)
    by_j = transposed(near)
    row = rows.indptr, rows.indices, rows.values
    mask, skip = exclusions(*scores.shape)
    want_ids, want = best(np.where(mask, -np.inf, scores), k)
    answers = [
        native.neighbour_top_k(by_j.indptr, by_j.indices, by_j.values, base, mean, *row, *skip, k, threads)
        for threads in (1, 2, 3, 5)
    ]
    np.testing.assert_array_equal(answers[0][0], want_ids)
    np.testing.assert_allclose(answers[0][1], want, atol=close)
    assert all(np.array_equal(answers[0][i], other[i]) for other in answers[1:] for i in (0, 1))
    u, i = (index.ravel().astype(np.int32) for index in np.indices(scores.shape))
    pairs = native.neighbour_pairs(near.indptr, near.indices, near.values, base, mean, *row, u, i, 2)
    np.testing.assert_allclose(pairs.reshape(scores.shape), scores, atol=close)
    unknown = native.neighbour_pairs(
        near.indptr, near.indices, near.values, base, mean, *row, u[:1], i[:1] * 0 - 1, 2
    )
    assert unknown[0] == 0


@pytest.mark.parametrize(("dtype", "close"), DTYPES)
@pytest.mark.parametrize(("n_rows", "n_items"), [(1, 1), (3, 17), (37, 511), (700, 600)])
def test_row_scores_equal_numpy(n_rows, n_items, dtype, close):
    """More rows than a tile, more items than a panel, and fewer."""
    dense_rows, rows = sparse(n_rows, n_items, dtype, seed=5)
    weights = np.random.default_rng(6).normal(size=(n_items, n_items)).astype(dtype)
    bias = np.random.default_rng(7).normal(size=n_items).astype(dtype)
    bias[::3] = -np.inf
    scores = dense_rows @ weights.astype(np.float64)
    mask, skip = exclusions(n_rows, n_items)
    row = rows.indptr, rows.indices, rows.values
    want_ids, want = best(np.where(mask, -np.inf, scores + bias), 9)
    answers = [native.row_top_k(weights, bias, *row, *skip, 9, threads) for threads in (1, 2, 3, 5)]
    np.testing.assert_allclose(answers[0][1], want, atol=close * 10)
    if dtype == np.float64:
        np.testing.assert_array_equal(answers[0][0], want_ids)
    assert all(np.array_equal(answers[0][i], other[i]) for other in answers[1:] for i in (0, 1))
    u, i = (index.ravel().astype(np.int32) for index in np.indices(scores.shape))
    pairs = native.row_pairs(weights, *row, u, i, 2)
    np.testing.assert_allclose(pairs.reshape(scores.shape), scores, atol=close * 10)


def test_a_row_scores_the_same_alone():
    """A shop that asks for one user sees what a nightly run saw, to the last bit."""
    _, rows = sparse(600, 300, np.float32, seed=5)
    weights = np.random.default_rng(6).normal(size=(300, 300)).astype(np.float32)
    near = transposed(Csr(rows.indptr[:301].copy(), rows.indices[: rows.indptr[300]],
                          np.abs(rows.values[: rows.indptr[300]]), 300))  # fmt: skip
    parts = near.indptr, near.indices, near.values, None, True
    for kernel, model in ((native.row_top_k, (weights, None)), (native.neighbour_top_k, parts)):
        whole = kernel(*model, rows.indptr, rows.indices, rows.values, None, None, 10, 2)
        for r in (1, 17, 599):
            one = rows.select(np.array([r]))
            alone = kernel(*model, one.indptr, one.indices, one.values, None, None, 10, 2)
            assert np.array_equal(alone[0][0], whole[0][r])
            assert np.array_equal(alone[1][0], whole[1][r])


def test_shapes_are_checked():
    """A wrong length is an error, not a read past the end."""
    near, rows, _, _ = neighbour_case(np.float32, False)
    row = rows.indptr, rows.indices, rows.values
    zero = np.zeros(1, np.int32)
    with pytest.raises(ValueError, match="numbers within the model"):
        native.neighbour_pairs(near.indptr, near.indices, near.values, None, False, *row, zero + 37, zero, 1)
    with pytest.raises(ValueError, match="numbers within the model"):
        native.row_pairs(np.ones((53, 53), np.float32), *row, zero, zero + 53, 1)
    with pytest.raises(ValueError, match="rows of exclude"):
        native.row_top_k(np.ones((53, 53), np.float32), None, *row, np.zeros(2, np.int64), zero[:0], 3, 1)
    with pytest.raises(ValueError, match="k: expected at least 1"):
        native.row_top_k(np.ones((53, 53), np.float32), None, *row, None, None, 0, 1)
