"""Dense and sparse products against NumPy and SciPy, the same bits for any number of threads."""

import numpy as np
import pytest
from scipy import sparse

from eckart._native import linalg as native
from eckart.linalg.operators import SparseMatrix

SHAPES = [
    (0, 3, 2),
    (3, 0, 2),
    (3, 2, 0),
    (1, 1, 1),
    (13, 7, 5),
    (601, 37, 16),
    (1031, 300, 33),
    (5000, 64, 3),
]
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}


def close(found, expected, dtype):
    assert found.dtype == dtype
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d", "k"), SHAPES)
def test_dense_products_equal_numpy(n, d, k, dtype):
    """Awkward shapes, empty ones too, in both directions."""
    rng = np.random.default_rng(0)
    a, b, c = (rng.standard_normal(s).astype(dtype) for s in ((n, d), (d, k), (n, k)))
    close(native.multiply(a, b, 2), a.astype(np.float64) @ b, dtype)
    close(native.multiply_transposed(a, c, 2), a.T.astype(np.float64) @ c, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("density", [0.0, 0.02, 0.4])
def test_sparse_products_equal_scipy(density, dtype):
    """Products with both forms and inner products at the stored places, rows without entries included."""
    rng = np.random.default_rng(1)
    a = sparse.random_array((301, 173), density=density, rng=rng, format="csr", dtype=dtype)
    x, y = rng.standard_normal((173, 17)).astype(dtype), rng.standard_normal((301, 17)).astype(dtype)
    matrix = SparseMatrix.from_scipy(a)
    close(matrix.matmat(x), a.astype(np.float64) @ x, dtype)
    close(matrix.rmatmat(y), a.T.astype(np.float64) @ y, dtype)
    dense = y.astype(np.float64) @ x.T
    a.sort_indices()
    rows = np.repeat(np.arange(301), np.diff(a.indptr))
    close(matrix.sampled(y, x), dense[rows, a.indices], dtype)


def test_threads_change_no_bit():
    """Cuts depend on the shapes alone."""
    rng = np.random.default_rng(2)
    a, b, c = (rng.standard_normal(s).astype(np.float32) for s in ((4099, 301), (301, 23), (4099, 23)))
    s = SparseMatrix.from_scipy(sparse.random_array((4099, 301), density=0.1, rng=rng, dtype=np.float32))
    parts = s.by_row.indptr, s.by_row.indices
    calls = (
        lambda t: native.multiply(a, b, t),
        lambda t: native.multiply_transposed(a, c, t),
        lambda t: native.sparse_dense(*parts, s.values, b, t),
        lambda t: native.sampled_products(*parts, c, b, t),
    )
    for call in calls:
        one = call(1)
        for threads in (2, 3, 5):
            assert np.array_equal(call(threads), one)


def test_shapes_that_do_not_fit_are_refused():
    """The boundary is memory-safe, whatever Python passes."""
    a, b = np.ones((3, 2)), np.ones((3, 2))
    with pytest.raises(ValueError, match="columns of a and rows of b"):
        native.multiply(a, b, 1)
    with pytest.raises(ValueError, match="rows of a and of b"):
        native.multiply_transposed(a, np.ones((4, 2)), 1)
    indptr, indices = np.array([0, 1], dtype=np.int64), np.array([0], dtype=np.int32)
    with pytest.raises(ValueError, match="columns of u and v"):
        native.sampled_products(indptr, indices, np.ones((1, 2)), np.ones((1, 3)), 1)
    with pytest.raises(TypeError):
        native.multiply(a, b.astype(np.float32), 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 3, 8, 16, 17, 31, 64, 100, 150])
def test_sparse_products_of_all_widths(k, dtype):
    """Whole vectors, overlapping ones, several groups of them; heavy rows beside empty ones; and a gathered
    matrix of several cached blocks (for k >= 16), with the same bits for any number of threads."""
    rng = np.random.default_rng(k)
    a = sparse.random_array((23, 70_000), density=0.02, rng=rng, format="lil", dtype=dtype)
    a[5] = 0
    a[7, 69_999] = 1
    matrix = SparseMatrix.from_scipy(sparse.csr_array(a))
    rows = matrix.by_row
    x = rng.standard_normal((70_000, k)).astype(dtype)
    found = [
        native.sparse_dense(rows.indptr, rows.indices, rows.values, x, threads) for threads in (1, 2, 3, 5)
    ]
    close(found[0], rows.to_scipy().astype(np.float64) @ x, dtype)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
