"""The power method: right answers, and the rate that theory promises."""

import numpy as np
import pytest
from scipy import sparse

from eckart.linalg import power_method


def symmetric(eigenvalues, seed=0):
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.normal(size=(len(eigenvalues),) * 2))[0]
    a = (q * eigenvalues) @ q.T
    return (a + a.T) / 2


def test_eigenvalues_with_their_signs():
    """The largest in magnitude come first, negative ones too, with orthonormal vectors."""
    a = symmetric([5.0, -4.0, 3.0, -1.0, 0.5, 0.1])
    found = power_method(a, 4, tol=1e-10, random_state=0)
    np.testing.assert_allclose(found.values, [5, -4, 3, -1], rtol=1e-12)
    np.testing.assert_allclose(a @ found.vectors, found.vectors * found.values, atol=1e-9)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(4), atol=1e-9)
    assert found.converged.all()
    assert found.left_vectors is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(30, 17), (17, 30), (1, 4), (4, 1)])
def test_singular_values(dtype, shape):
    """Rectangular matrices, dense and sparse."""
    a = np.random.default_rng(0).normal(size=shape).astype(dtype)
    k = min(3, *shape)
    tol = 1e-5 if dtype == np.float32 else 1e-10
    u, s, vt = np.linalg.svd(a.astype(np.float64))
    for form in (a, sparse.csr_array(a)):
        found = power_method(form, k, tol=tol, max_iter=5000, random_state=1)
        np.testing.assert_allclose(found.values, s[:k], rtol=1e-4 if dtype == np.float32 else 1e-10)
        assert found.vectors.dtype == found.left_vectors.dtype == dtype
        for i in range(k):
            assert abs(found.left_vectors[:, i] @ u[:, i]) > 1 - 1e-4
            assert abs(found.vectors[:, i] @ vt[i]) > 1 - 1e-4


@pytest.mark.parametrize(("kind", "exponent"), [(True, 1), (False, 2)])
@pytest.mark.parametrize("ratio", [0.5, 0.8])
def test_rate(kind, exponent, ratio):
    """The residual falls by |lambda_2 / lambda_1| an iteration, by its square where A'A is iterated."""
    a = symmetric([1.0, ratio, 0.2, 0.1, 0.05])
    history = power_method(a, 1, symmetric=kind, tol=1e-11, random_state=0).history[0]
    late = history[(history < 1e-4) & (history > 1e-10)]
    np.testing.assert_allclose(late[1:] / late[:-1], ratio**exponent, rtol=1e-3)


def test_what_does_not_converge_is_said():
    """Two eigenvalues of one magnitude and other signs have no dominant vector."""
    found = power_method(symmetric([1.0, -1.0, 0.1]), max_iter=50, random_state=0)
    assert not found.converged[0]
    assert found.n_iter[0] == 50


def test_nothing_left_to_find():
    """A matrix of rank one, and zeros: the other values are zero."""
    found = power_method(np.outer([1.0, 2.0], [3.0, 4.0, 0.0]), 2, random_state=0)
    np.testing.assert_allclose(found.values, [5 * np.sqrt(5), 0], atol=1e-12)
    np.testing.assert_array_equal(power_method(np.zeros((3, 3)), 2, random_state=0).values, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "k: expected an integer >= 1"),
        ({"k": 4}, "k: expected an integer <= 3"),
        ({"symmetric": True}, r"A: expected a square matrix for eigenvalues, got shape \(5, 3\)"),
        ({"symmetric": 1}, "symmetric: expected True or False"),
        ({"tol": -1}, "tol: expected a finite number >= 0"),
        ({"max_iter": 0}, "max_iter: expected an integer >= 1"),
    ],
)
def test_mistakes_are_named(changes, message):
    """The parameter, what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        power_method(**({"A": np.eye(5)[:, :3]} | changes))
