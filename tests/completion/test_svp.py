"""SVP: iterates are those of whole SVDs, and it recovers with either step."""

import numpy as np
import pytest
from tests.completion.problems import low_rank

from eckart.completion import SVP
from eckart.linalg import SparseMatrix
from eckart.testing import CompletionConformance, small_ratings


class TestConformance(CompletionConformance):
    model = SVP(2, random_state=0, max_iter=20)


class TestConformanceOfTheFixedStep(CompletionConformance):
    model = SVP("auto", step="fixed", random_state=0, max_iter=20)


def projected(a, k):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return u[:, :k], s[:k], vt[:k].T


@pytest.mark.parametrize("step", ["fixed", "adaptive"])
def test_iterates_are_those_of_dense_projections(step):
    """Subspace iteration from the last basis is a matter of speed alone."""
    problem = low_rank(share=0.6, seed=2)
    x = problem.observed.toarray()
    seen = x != 0
    solver = SVP(2, step=step, init="spectral", random_state=0)._solver(
        SparseMatrix.from_scipy(problem.observed)
    )
    solver.TOL = 1e-12
    point = solver.start()
    for _ in range(4):
        a = point.users @ point.items.T
        r = np.where(seen, x - a, 0)
        u = projected(a, 2)[0]
        t = u @ (u.T @ r)
        eta = np.sum(t**2) / np.sum(t[seen] ** 2) if step == "adaptive" else 0.75 / seen.mean()
        u, s, v = projected(a + eta * r, 2)
        solver.step(point)
        np.testing.assert_allclose(point.users @ point.items.T, (u * s) @ v.T, atol=1e-9)
        np.testing.assert_allclose(point.triplets.s, s, rtol=1e-10)


@pytest.mark.parametrize("step", ["fixed", "adaptive"])
@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1e-6), (np.float32, 1e-4)])
def test_recovers_an_incoherent_matrix(step, dtype, bound):
    """From half of its entries a matrix of rank 2 comes back."""
    problem = low_rank(share=0.6, dtype=dtype)
    model = SVP(2, step=step, max_iter=2000, tol=1e-8 if dtype == np.float64 else 1e-6, random_state=0)
    model.fit(problem.observed)
    assert model.user_factors_.dtype == dtype
    assert problem.error(model) < bound


def test_adaptive_steps_never_raise_the_error():
    """Where the column space turns the formula's step can be too long; it is then halved."""
    for seed in range(3):
        model = SVP(4, max_iter=60, tol=0, random_state=0).fit(small_ratings(np.float64, seed))
        residual = np.array([record["residual"] for record in model.history_])
        assert (np.diff(residual) <= 1e-12).all()


def test_rank_is_found():
    """The gap in the spectrum tells the rank."""
    problem = low_rank((150, 120), 4, 0.5)
    model = SVP(random_state=0).fit(problem.observed)
    assert model.rank_ == 4
    assert problem.error(model) < 1e-4


def test_zero_entries():
    """Ratings that are all zero are a matrix of zeros, not a division by zero."""
    matrix = np.zeros((5, 4))
    matrix[1, 2] = np.nan
    model = SVP(2, random_state=0).fit(matrix)
    assert not model.singular_values_.any()


@pytest.mark.parametrize(
    ("parameter", "value"), [("rank", -1), ("step", "exact"), ("delta", -0.1), ("max_iter", 0), ("tol", "a")]
)
def test_bad_parameters(parameter, value):
    """The message names the parameter."""
    with pytest.raises(ValueError, match=f"^{parameter}: expected"):
        SVP(**{parameter: value}).fit(small_ratings())
