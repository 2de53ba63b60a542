"""Dense solves under one thread."""

import numpy as np
import pytest
from eckart.linalg import single_threaded, solve_spd
from threadpoolctl import threadpool_info, threadpool_limits


@pytest.mark.parametrize("d", [1, 2, 17, 64])
@pytest.mark.parametrize("columns", [None, 1, 5])
def test_solves(d, columns):
    """A x = b for one right-hand side or several, in double whatever comes in."""
    rng = np.random.default_rng(d)
    x = rng.normal(size=(2 * d, d))
    a, b = (x.T @ x).astype(np.float32), rng.normal(size=(d,) if columns is None else (d, columns))
    found = solve_spd(a, b)
    assert (found.dtype, found.shape) == (np.float64, b.shape)
    np.testing.assert_allclose(a.astype(np.float64) @ found, b, atol=1e-6)


def test_singular_gives_least_norm():
    """More unknowns than equations: of all solutions the shortest, not an error."""
    x = np.array([[1.0, 2.0, 3.0]])
    a, b = x.T @ x, x.T @ np.array([14.0])
    np.testing.assert_allclose(solve_spd(a, b), np.linalg.pinv(a) @ b, atol=1e-10)
    np.testing.assert_array_equal(solve_spd(np.zeros((2, 2)), np.zeros(2)), 0)


def test_single_threaded_restores():
    """One thread inside, the caller's number after, also after an error."""

    def counts():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    def fails():
        with single_threaded():
            assert counts() == [1] * len(before)
            raise RuntimeError

    with threadpool_limits(limits=2, user_api="blas"):
        before = counts()
        with pytest.raises(RuntimeError):
            fails()
        assert counts() == before
