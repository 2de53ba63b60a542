"""Operators: a sparse matrix, and one plus a matrix of low rank."""

import numpy as np
import pytest
from scipy import sparse

from eckart.linalg import SparseMatrix, SparsePlusLowRank, as_operator, randomized_svd


@pytest.fixture
def matrix():
    return sparse.random_array((41, 29), density=0.2, rng=np.random.default_rng(0), format="csr")


def test_values_stay_in_the_order_of_rows(matrix):
    """New values at the same places reach both forms."""
    operator = SparseMatrix.from_scipy(matrix)
    values = np.arange(1.0, matrix.nnz + 1)
    other = operator.with_values(values)
    dense = operator.by_row.to_scipy().copy()
    dense.data = values
    np.testing.assert_allclose(other.matmat(np.eye(29)), dense.toarray())
    np.testing.assert_allclose(other.rmatmat(np.eye(41)), dense.toarray().T)
    assert operator.shape == other.shape == (41, 29)


def test_a_sum_is_never_formed_but_multiplies_like_it(matrix):
    """What singular value thresholding iterates on."""
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal((41, 3)), rng.standard_normal((29, 3))
    operator = SparsePlusLowRank(SparseMatrix.from_scipy(matrix), u, v)
    dense = matrix.toarray() + u @ v.T
    np.testing.assert_allclose(operator.matmat(np.eye(29)), dense, atol=1e-12)
    np.testing.assert_allclose(operator.rmatmat(np.eye(41)), dense.T, atol=1e-12)
    assert operator.shape == (41, 29)
    assert operator.dtype == np.float64


def test_equal_places_and_integers_are_taken(matrix):
    """SciPy's matrices come unsorted, with repeated places, in any type."""
    rows, columns = np.array([0, 0, 1]), np.array([1, 1, 0])
    repeated = sparse.coo_array((np.array([1, 2, 3]), (rows, columns)), shape=(2, 2))
    np.testing.assert_array_equal(SparseMatrix.from_scipy(repeated).matmat(np.eye(2)), [[0, 3], [3, 0]])


def test_foreign_products_are_copied():
    """Iterations overwrite products; an operator may lend memory of its own, of another order and type."""

    class Hoarder:
        shape, dtype = (70, 40), np.dtype(np.float32)
        array = np.asfortranarray(np.random.default_rng(0).normal(size=(70, 40)))

        def __init__(self):
            self.kept = {}

        def matmat(self, x):
            return self.kept.setdefault(x.tobytes(), np.asfortranarray(self.array @ x))

        def rmatmat(self, y):
            return self.kept.setdefault(y.tobytes(), np.asfortranarray(self.array.T @ y))

    operator, x = as_operator(Hoarder()), np.eye(40, dtype=np.float32)
    product = operator.matmat(x)
    assert product.dtype == np.float32
    assert product.flags.c_contiguous
    product[:] = 0
    np.testing.assert_allclose(operator.matmat(x), Hoarder.array, rtol=1e-6)
    for method in ("krylov", "subspace"):
        found = randomized_svd(Hoarder(), 3, method=method, tol=1e-5, oversampling=2, random_state=0)
        np.testing.assert_allclose(found.s, np.linalg.svd(Hoarder.array)[1][:3], rtol=1e-5)


def test_a_wide_matrix_is_a_tall_one_transposed():
    """The short side decides the work, whichever it is: the triplets are those of the transpose."""
    a = np.random.default_rng(0).normal(size=(300, 190))
    tall, wide = (randomized_svd(x, 4, tol=1e-8, oversampling=4, random_state=0) for x in (a, a.T))
    np.testing.assert_allclose(wide.s, tall.s, rtol=1e-12)
    np.testing.assert_allclose(np.abs((wide.U * tall.V).sum(axis=0)), 1, rtol=1e-12)
    np.testing.assert_allclose(np.abs((wide.V * tall.U).sum(axis=0)), 1, rtol=1e-12)
