"""Means, scatters and covariances as operators against NumPy."""

import numpy as np
import pytest
from scipy import sparse

import eckart as ek
from eckart.linalg import Covariance, SparseMatrix, moments


@pytest.mark.parametrize("ratio", [0.0, 1e6, 1e9])
def test_a_mean_far_from_zero_costs_no_digits(ratio):
    """What the pilot leaves of the mean is small: the scatter is that of exact arithmetic."""
    x = np.random.default_rng(0).standard_normal((5003, 17)) + ratio * np.arange(1, 18)
    exact = x.astype(np.longdouble)
    mean = exact.mean(axis=0)
    scatter = ((exact - mean).T @ (exact - mean)).astype(float)
    found = moments(x)
    np.testing.assert_allclose(found.mean, mean.astype(float), rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(found.scatter, scatter, rtol=0, atol=1e-13 * scatter.max())


def test_merging_is_exact():
    """A stream's covariance is that of all its samples, whatever the batches; one of a single sample too.

    (The means are kept in double: a millionfold mean leaves ten digits.)"""
    x = np.random.default_rng(1).standard_normal((101, 7)) + 1e6
    whole, parts = moments(x), [moments(np.ascontiguousarray(p)) for p in np.split(x, [1, 2, 40, 97])]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    assert merged.n == 101
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-15)
    np.testing.assert_allclose(merged.scatter, whole.scatter, rtol=0, atol=1e-10 * whole.scatter.max())


@pytest.mark.parametrize("shape", [(301, 20), (20, 301)])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_covariance_operator(shape, kind, dtype):
    """Formed or implicit, it multiplies as NumPy's covariance does."""
    rng = np.random.default_rng(2)
    x = sparse.random_array(shape, density=0.3, rng=rng, dtype=np.float64).toarray().astype(dtype)
    covariance = Covariance(x if kind == "dense" else SparseMatrix.from_scipy(sparse.csr_array(x)))
    v = rng.standard_normal((shape[1], 3)).astype(covariance.dtype)
    exact = np.cov(x.astype(np.float64), rowvar=False)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    assert covariance.shape == exact.shape
    np.testing.assert_allclose(covariance.matmat(v), exact @ v, rtol=0, atol=tolerance)
    np.testing.assert_allclose(covariance.mean, x.mean(axis=0, dtype=np.float64), atol=tolerance)
    assert covariance.trace == pytest.approx(np.trace(exact), rel=tolerance)


def test_threads_change_no_bit():
    """Merged or not."""
    x = np.random.default_rng(3).standard_normal((4001, 53)).astype(np.float32)
    found = []
    for threads in (1, 2, 3, 5):
        ek.set_num_threads(threads)
        found.append(moments(x))
    ek.set_num_threads(None)
    for other in found[1:]:
        assert np.array_equal(found[0].scatter, other.scatter)
        assert np.array_equal(found[0].mean, other.mean)
