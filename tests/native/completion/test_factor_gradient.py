"""The passes over observed entries that gradient descent is made of, against dense products."""

import numpy as np
import pytest
from scipy import sparse

from eckart._native import completion as native


def case(shape, k, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = sparse.random_array(shape, density=0.3, rng=rng, dtype=np.float64).tocsr()
    x.sort_indices()
    factors = [rng.standard_normal((n, k)).astype(dtype) for n in (*shape, *shape)]
    arrays = x.indptr.astype(np.int64), x.indices.astype(np.int32), x.data.astype(dtype)
    return x, arrays, factors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "k"), [((0, 3), 2), ((1, 1), 1), ((13, 7), 5), ((31, 40), 16), ((40, 31), 33)]
)
def test_equals_dense_products(shape, k, dtype):
    """R V and ||R||^2, and the error along a line, at awkward sizes."""
    x, arrays, (u, v, d, e) = case(shape, k, dtype)
    tol = 1e-4 if dtype == np.float32 else 1e-11
    dense = x.toarray()
    seen = dense != 0
    u64, v64, d64, e64 = (a.astype(np.float64) for a in (u, v, d, e))
    residual = np.where(seen, dense - u64 @ v64.T, 0)
    out, error = native.residual_product(*arrays, u, v, 2)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, residual @ v64, rtol=tol, atol=10 * tol)
    assert error == pytest.approx(np.sum(residual**2), rel=tol)
    found = np.polynomial.Polynomial(native.error_along(*arrays, u, v, d, e, 2))
    for t in (0.0, 0.3, -1.7):
        moved = np.where(seen, dense - (u64 + t * d64) @ (v64 + t * e64).T, 0)
        assert found(t) == pytest.approx(np.sum(moved**2), rel=10 * tol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_bits_for_any_number_of_threads(dtype):
    """Chunks are cut by the entries, and summed in order."""
    _, arrays, (u, v, d, e) = case((700, 600), 7, dtype)
    want, error = native.residual_product(*arrays, u, v, 1)
    line = native.error_along(*arrays, u, v, d, e, 1)
    for threads in (2, 3, 5):
        got, same = native.residual_product(*arrays, u, v, threads)
        assert np.array_equal(got, want)
        assert same == error
        assert native.error_along(*arrays, u, v, d, e, threads) == line


def test_shapes_are_checked():
    """A wrong shape is an error, never a read beyond the end."""
    _, arrays, (u, v, d, e) = case((13, 7), 5, np.float64)
    with pytest.raises(ValueError, match="rows of the observed"):
        native.residual_product(*arrays, u[:12].copy(), v, 1)
    with pytest.raises(ValueError, match="columns of u and v"):
        native.residual_product(*arrays, u, v[:, :4].copy(), 1)
    with pytest.raises(ValueError, match="rows of a direction"):
        native.error_along(*arrays, u, v, d[:3].copy(), e, 1)
    with pytest.raises(TypeError):
        native.residual_product(*arrays, u.astype(np.float32), v, 1)
