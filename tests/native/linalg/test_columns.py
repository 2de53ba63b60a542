"""Column products and the in-place inverse against NumPy, at the edges of lanes, blocks and tiles."""

import numpy as np
import pytest

from eckart._native import linalg as native
from eckart.base.csr import Csr
from eckart.data.views import transposed
from eckart.linalg.columns import longest_first

DTYPES = [(np.float32, 1e-5), (np.float64, 1e-12)]


def sparse(n_rows, n_cols, dtype, density=0.2, seed=0):
    """A matrix with empty rows and columns where it is large enough, dense and compressed."""
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((n_rows, n_cols)) < density, rng.normal(size=(n_rows, n_cols)), 0)
    dense[::7], dense[:, ::5] = 0, 0
    rows, cols = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_rows))]).astype(np.int64)
    return dense, Csr(indptr, cols.astype(np.int32), dense[rows, cols].astype(dtype), n_cols)


@pytest.mark.parametrize(("dtype", "close"), DTYPES)
@pytest.mark.parametrize("n_cols", [1, 2, 7, 8, 15, 16, 17, 61, 128])
def test_gram_equals_numpy(n_cols, dtype, close):
    """Every lane of every block lands in the caller's own row and column."""
    dense, rows = sparse(83, n_cols, dtype)
    gram = native.sparse_gram(*longest_first(rows, transposed(rows)), 2)
    assert gram.dtype == dtype
    np.testing.assert_allclose(gram, dense.T @ dense, atol=close * 20)


@pytest.mark.parametrize("shape", [(0, 3), (4, 1), (0, 0)])
def test_gram_without_entries(shape):
    """No ratings: zeros, not whatever was in memory."""
    empty = Csr(np.zeros(shape[0] + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), shape[1])
    gram = native.sparse_gram(*longest_first(empty, transposed(empty)), 2)
    np.testing.assert_array_equal(gram, np.zeros((shape[1], shape[1])))


def test_longest_columns_come_first():
    """Popular items share vectors: that is where the speed comes from. Ties keep their order."""
    _, rows = sparse(50, 23, np.float32)
    columns = transposed(rows)
    *_, col_indptr, _, _, ids = longest_first(rows, columns)
    counts = np.diff(col_indptr)
    assert (np.diff(counts) <= 0).all()
    np.testing.assert_array_equal(counts, columns.counts[ids])
    assert all(a < b for a, b, same in zip(ids, ids[1:], np.diff(counts) == 0, strict=False) if same)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gram_same_bits_on_any_number_of_threads(dtype):
    """Results are reproducible from a laptop to a server."""
    _, rows = sparse(700, 211, dtype)
    args = longest_first(rows, transposed(rows))
    grams = [native.sparse_gram(*args, threads) for threads in (1, 2, 3, 5)]
    assert all(np.array_equal(grams[0], gram) for gram in grams[1:])
    assert np.array_equal(grams[0], grams[0].T)


def test_foreign_ids_are_refused():
    """A wrong permutation must not write past the matrix."""
    _, rows = sparse(20, 9, np.float32)
    *parts, ids = longest_first(rows, transposed(rows))
    with pytest.raises(ValueError, match="ids: expected numbers below 9"):
        native.sparse_gram(*parts, ids + 1, 1)
    with pytest.raises(ValueError, match="columns and ids"):
        native.sparse_gram(*parts, ids[:-1], 1)


def spd(n, dtype, seed=0):
    factor = np.random.default_rng(seed).normal(size=(n, n))
    return (factor @ factor.T / max(n, 1) + 0.5 * np.eye(n)).astype(dtype)


@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 1e-4), (np.float64, 1e-12)])
@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 65, 255, 256, 257, 521, 1025])
def test_inverse_equals_numpy(n, dtype, close):
    """Both triangles, from the lower one alone: what stands above the diagonal is never read."""
    a = spd(n, dtype)
    lower = np.tril(a) + np.triu(np.full((n, n), np.nan, dtype), 1)
    assert native.spd_inverse(lower, 2)
    np.testing.assert_allclose(lower, np.linalg.inv(a.astype(np.float64)), atol=close)
    assert np.array_equal(lower, lower.T)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inverse_same_bits_on_any_number_of_threads(dtype):
    """The tiles of an update are the same whoever works on them."""
    results = []
    for threads in (1, 2, 3, 5):
        a = spd(1100, dtype)
        assert native.spd_inverse(a, threads)
        results.append(a)
    assert all(np.array_equal(results[0], result) for result in results[1:])


@pytest.mark.parametrize("where", [0, 300])
def test_inverse_of_an_indefinite_matrix(where):
    """Said, not answered with nonsense: in the first block and in a later one."""
    a = spd(400, np.float64)
    a[where, where] = -1.0
    assert not native.spd_inverse(a, 2)


def test_inverse_refuses_what_it_cannot_work_on_in_place():
    """A copy would be inverted instead of the matrix."""
    with pytest.raises(ValueError, match="rows and columns"):
        native.spd_inverse(np.ones((2, 3)), 1)
    with pytest.raises(TypeError):
        native.spd_inverse(np.asfortranarray(spd(4, np.float64)[:, :3]), 1)
    with pytest.raises(TypeError):
        native.spd_inverse(np.eye(3, dtype=int), 1)
