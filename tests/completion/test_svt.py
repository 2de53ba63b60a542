"""SVT: iterates are those of whole SVDs, the limit has the least norm, and the paper's experiment repeats."""

import numpy as np
import pytest
from scipy import sparse
from tests.completion.problems import low_rank

from eckart.completion import SVT
from eckart.linalg import SparseMatrix
from eckart.testing import CompletionConformance, small_ratings


class TestConformance(CompletionConformance):
    model = SVT(random_state=0, max_iter=40)


class TestConformanceAsThresholded(CompletionConformance):
    model = SVT(random_state=0, max_iter=60, polish=False)

    def test_new_users_are_served_from_their_ratings(self):
        """The users' rows are not those that `fold_in` would give: agreement is that of the constraints."""


def test_iterates_are_those_of_dense_thresholding():
    """Y <- Y + delta P(M - shrink(Y)), from as many multiples of delta P(M) as change nothing."""
    problem = low_rank(share=0.6)
    m = problem.observed.toarray()
    seen = m != 0
    solver = SVT(random_state=0)._solver(SparseMatrix.from_scipy(problem.observed))
    solver.TOL = 1e-12
    point = solver.start()
    y = np.ceil(solver.tau / (solver.delta * np.linalg.norm(m, 2))) * solver.delta * m
    for _ in range(8):
        u, s, vt = np.linalg.svd(y, full_matrices=False)
        x = (u * np.maximum(s - solver.tau, 0)) @ vt
        y = y + solver.delta * np.where(seen, m - x, 0)
        solver.step(point)
        np.testing.assert_allclose(point.users @ point.items.T, x, atol=1e-8 * s[0])
        np.testing.assert_allclose(point.dual.by_row.to_scipy().toarray(), y, atol=1e-8 * s[0])


def test_the_limit_minimises_its_objective():
    """tau ||X||_* + ||X||^2 / 2 under the constraints: no other feasible matrix nearby has less."""
    problem = low_rank((30, 25), 2, 0.6)
    model = SVT(tau=60.0, delta=1.5, tol=1e-9, max_iter=20_000, polish=False, random_state=0)
    model.fit(problem.observed)
    x = model.user_factors_ @ model.item_factors_.T
    rows, columns = problem.observed.nonzero()
    np.testing.assert_allclose(x[rows, columns], problem.truth[rows, columns], atol=1e-6)

    def objective(a):
        return 60.0 * np.linalg.svd(a, compute_uv=False).sum() + np.sum(a**2) / 2

    rng = np.random.default_rng(0)
    missing = np.ones(x.shape, dtype=bool)
    missing[rows, columns] = False
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(20):
            other = x + size * np.where(missing, rng.standard_normal(x.shape), 0)
            assert objective(other) >= objective(x) - 1e-6
    np.testing.assert_allclose(
        model.singular_values_, np.linalg.svd(x, compute_uv=False)[: model.rank_], rtol=1e-6
    )


def test_the_papers_experiment_in_small():
    """n = 500, rank 10, m = 6 d_r: the rank is found, to the error of the paper's table 5.1."""
    n, rank = 500, 10
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((n, rank)), rng.standard_normal((n, rank))
    places = rng.choice(n * n, 6 * rank * (2 * n - rank), replace=False)
    rows, columns = np.divmod(places, n)
    values = np.einsum("ij,ij->i", a[rows], b[columns])
    model = SVT(tau=5 * n, polish=False, random_state=0)
    model.fit(sparse.csr_array((values, (rows, columns)), shape=(n, n)))
    assert model.converged_
    assert model.rank_ == rank
    assert model.history_[-1]["residual"] <= 1e-4
    truth = a @ b.T
    error = np.linalg.norm(model.user_factors_ @ model.item_factors_.T - truth) / np.linalg.norm(truth)
    assert error < 3e-4
    assert 60 < model.n_iter_ < 160


def test_polishing_makes_fold_in_exact():
    """The users' rows are then the least-squares fit of their entries, as for users who come later."""
    problem = low_rank(share=0.6)
    model = SVT(random_state=0).fit(problem.observed)
    np.testing.assert_allclose(model.fold_in(problem.observed), model.user_factors_, atol=1e-10)
    assert problem.error(model) < 1e-3


def test_a_step_that_runs_away_is_shortened():
    """The paper's step is beyond what is proved; on few scattered entries it would diverge."""
    problem = low_rank(share=0.6)
    model = SVT(delta=1e4, random_state=0).fit(problem.observed)
    assert model.converged_
    assert problem.error(model) < 1e-3


def test_zero_entries():
    """Nothing is above the threshold, and there are predictions all the same."""
    matrix = np.zeros((5, 4))
    matrix[1, 2] = np.nan
    model = SVT(random_state=0, max_iter=5).fit(matrix)
    assert not model.singular_values_.any()
    assert not model.predict(matrix).any()


@pytest.mark.parametrize(
    ("parameter", "value"), [("tau", 0.0), ("delta", -1.0), ("polish", "no"), ("max_iter", 0), ("tol", -1.0)]
)
def test_bad_parameters(parameter, value):
    """The message names the parameter."""
    with pytest.raises(ValueError, match=f"^{parameter}: expected"):
        SVT(**{parameter: value}).fit(small_ratings())


def test_rows_of_few_entries_stay_within_bounds():
    """Where a row's entries lie where X is zero but for rounding, its fit is not beyond all bounds."""
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, 300, 4))
    places = rng.choice(300 * 300, 750, replace=False)
    rows, columns = np.divmod(places, 300)
    values = np.einsum("er,er->e", u[rows], v[columns])
    model = SVT(random_state=0, max_iter=80).fit(
        sparse.csr_array((values, (rows, columns)), shape=(300, 300))
    )
    assert np.abs(model.user_factors_ @ model.item_factors_.T).max() < 1e8 * np.abs(values).max()
