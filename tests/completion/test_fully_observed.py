"""With every entry observed completion is approximation, and Eckart and Young have said what is best."""

import numpy as np
import pytest

from eckart.completion import ALS, SVP, SpectralGD
from eckart.linalg import randomized_svd


@pytest.fixture
def matrix():
    """No low rank, no ties: singular values that fall slowly."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((40, 30)) @ np.diag(np.linspace(2, 0.5, 30))


def best(a, k):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return (u[:, :k] * s[:k]) @ vt[:k], np.sqrt(np.sum(s[k:] ** 2))


MODELS = {
    "ALS": ALS(3, reg=0.0, biases=False, max_iter=5000, tol=0, random_state=0),
    "SVP": SVP(3, tol=1e-14, random_state=0, max_iter=20),
    "SpectralGD": SpectralGD(3, tol=1e-14, random_state=0, max_iter=500),
    "plain": SpectralGD(3, method="plain", step=0.5, init="random", tol=0, random_state=0, max_iter=3000),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_finds_the_truncated_svd(matrix, name):
    """ALS without penalty is subspace iteration, and descent has no other minimum: one answer from all."""
    model = MODELS[name].fit(matrix)
    want, error = best(matrix, 3)
    completed = model.user_factors_ @ model.item_factors_.T
    np.testing.assert_allclose(completed, want, atol=1e-6)
    assert np.linalg.norm(matrix - completed) == pytest.approx(error, rel=1e-10)
    found = randomized_svd(matrix, 3, tol=1e-12, random_state=0)
    np.testing.assert_allclose((found.U * found.s) @ found.Vt, want, atol=1e-9)


def test_a_sweep_of_als_is_one_step_of_subspace_iteration(matrix):
    """In closed form: V = A'U (U'U)^-1, then U = A V (V'V)^-1: the span of U becomes that of A A'U."""
    before = ALS(3, reg=0.0, biases=False, max_iter=1, tol=0, random_state=0).fit(matrix)
    after = ALS(3, reg=0.0, biases=False, max_iter=2, tol=0, random_state=0).fit(matrix)
    q, _ = np.linalg.qr(matrix @ (matrix.T @ before.user_factors_))
    residual = after.user_factors_ - q @ (q.T @ after.user_factors_)
    assert np.linalg.norm(residual) < 1e-9 * np.linalg.norm(after.user_factors_)
