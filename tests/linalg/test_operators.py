"""Operators: a sparse matrix, and one plus a matrix of low rank."""

import numpy as np
import pytest
from scipy import sparse

from eckart.linalg import SparseMatrix, SparsePlusLowRank


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
