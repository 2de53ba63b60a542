"""Projections from orthonormal and from other bases."""

import numpy as np
import pytest

from eckart.linalg import project


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [0, 1, 3, 11])
def test_both_forms_are_the_same_projection(dtype, k):
    """V V+ of any basis is UU' of an orthonormal one: idempotent, symmetric, with an orthogonal rest."""
    rng = np.random.default_rng(k)
    v, x = rng.normal(size=(11, k)).astype(dtype), rng.normal(size=(7, 11)).astype(dtype)
    u = np.ascontiguousarray(np.linalg.qr(v)[0])
    atol = 2e-5 if dtype == np.float32 else 1e-12
    onto = project(x, v)
    assert onto.dtype == dtype
    np.testing.assert_allclose(onto, x @ v @ np.linalg.pinv(v) if k else 0 * x, atol=atol)
    np.testing.assert_allclose(project(x, u, orthonormal=True), onto, atol=atol)
    np.testing.assert_allclose(project(onto, v), onto, atol=atol)
    np.testing.assert_allclose((x - onto) @ v, 0, atol=10 * atol)
    matrix = project(np.eye(11, dtype=dtype), v)
    np.testing.assert_allclose(matrix, matrix.T, atol=atol)
    assert np.trace(matrix) == pytest.approx(k, abs=1e-4)


def test_dependent_columns_and_one_vector():
    """Columns may repeat or outnumber the dimension; a vector gives a vector."""
    v = np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(project([3.0, 1.0, 5.0], v), [2.0, 2.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(project(np.arange(3.0), np.ones((3, 9)) * np.eye(3, 9)), np.arange(3.0))
    np.testing.assert_array_equal(project(np.ones(3), np.zeros((3, 2))), 0)


def test_an_untrue_promise_is_seen():
    """UU' of columns that are not orthonormal is no projection: the caller's word decides which is formed."""
    v = np.array([[2.0], [0.0]])
    np.testing.assert_allclose(project([1.0, 0.0], v, orthonormal=True), [4.0, 0.0])
    np.testing.assert_allclose(project([1.0, 0.0], v), [1.0, 0.0])


@pytest.mark.parametrize(
    ("x", "basis", "message"),
    [
        (np.ones(3), np.ones(3), "basis: expected two dimensions"),
        (np.ones(3), np.ones((4, 1)), r"x: expected the shape \(4,\) or \(n, 4\), got \(3,\)"),
        (np.array([1.0, np.nan]), np.ones((2, 1)), "x: expected finite numbers"),
        (np.ones(2), np.array([[1.0], [np.inf]]), "basis: expected finite numbers"),
    ],
)
def test_mistakes_are_named(x, basis, message):
    """The parameter, what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        project(x, basis)
