"""SpectralGD: descends as its formulas say, recovers, and scaled does not feel the condition."""

import numpy as np
import pytest
from tests.completion.problems import low_rank

from eckart.base.errors import DivergenceError
from eckart.completion import SpectralGD
from eckart.completion._gradient import best_step
from eckart.completion._spectral_start import gap_rank, spectral_start, trim
from eckart.linalg import SparseMatrix
from eckart.testing import CompletionConformance, small_ratings


class TestConformance(CompletionConformance):
    model = SpectralGD(3, random_state=0, max_iter=20)


class TestConformanceOfTheRandomStart(CompletionConformance):
    model = SpectralGD(2, method="balanced", init="random", step=0.3, random_state=0, max_iter=20)


def dense_step(method, x, seen, u, v, eta, share, largest):
    """One iteration on dense matrices, from the docstring's formulas."""
    r = np.where(seen, x - u @ v.T, 0)
    if method == "scaled":
        return (
            u + eta / share * r @ v @ np.linalg.inv(v.T @ v),
            v + eta / share * r.T @ u @ np.linalg.inv(u.T @ u),
        )
    imbalance = (u.T @ u - v.T @ v) / 2 if method == "balanced" else np.zeros((u.shape[1],) * 2)
    return (
        u + eta / largest * (r @ v / share - u @ imbalance),
        v + eta / largest * (r.T @ u / share + v @ imbalance),
    )


@pytest.mark.parametrize("method", ["plain", "balanced", "scaled"])
def test_steps_are_those_of_the_formulas(method):
    """Three iterations on sparse data are three on the dense matrices."""
    problem = low_rank(seed=1)
    model = SpectralGD(2, method=method, init="spectral", step=0.4, random_state=0)
    x = problem.observed.toarray()
    seen = x != 0
    solver = model._solver(SparseMatrix.from_scipy(problem.observed))
    point = solver.start()
    u, v = point.users, point.items
    if method == "balanced":  # which the spectral start is already
        point.users, point.items = u, v = 2 * u, v / 2
        solver._measure(point)
    for _ in range(3):
        u, v = dense_step(method, x, seen, u, v, 0.4, solver.share, solver.largest)
        solver.step(point)
    np.testing.assert_allclose(point.users, u, atol=1e-12)
    np.testing.assert_allclose(point.items, v, atol=1e-12)
    assert point.squared_error == pytest.approx(np.sum(np.where(seen, x - u @ v.T, 0) ** 2), rel=1e-10)


@pytest.mark.parametrize("method", ["plain", "balanced", "scaled"])
@pytest.mark.parametrize("init", ["stagewise", "spectral", "random"])
@pytest.mark.parametrize("step", [0.5, "exact", "conjugate"])
def test_recovers_an_incoherent_matrix(method, init, step):
    """From half of its entries a matrix of rank 2 comes back exactly, whatever the variant."""
    problem = low_rank(share=0.6)
    model = SpectralGD(2, method=method, init=init, step=step, max_iter=3000, tol=1e-9, random_state=0)
    model.fit(problem.observed)
    assert model.converged_
    assert problem.error(model) < 1e-6
    np.testing.assert_allclose(
        model.singular_values_, np.linalg.svd(problem.truth, compute_uv=False)[:2], rtol=1e-6
    )


def test_scaled_descent_does_not_feel_the_condition_number():
    """What Tong, Ma and Chi prove: iterations stay while those of the plain form grow with the condition."""
    iterations = {}
    for method in ("plain", "scaled"):
        for condition in (2, 20):
            problem = low_rank((120, 100), 3, 0.7, condition)
            model = SpectralGD(
                3, method=method, init="spectral", step=0.5, max_iter=5000, tol=1e-8, random_state=0
            ).fit(problem.observed)
            assert problem.error(model) < 1e-4
            iterations[method, condition] = model.n_iter_
    assert iterations["scaled", 20] < 2 * iterations["scaled", 2]
    assert iterations["plain", 20] > 4 * iterations["plain", 2]


@pytest.mark.parametrize("method", ["plain", "scaled"])
def test_the_exact_step_never_raises_the_objective(method):
    """A line search that is exact cannot lose, also on noisy data."""
    model = SpectralGD(4, method=method, step="exact", max_iter=60, tol=0, random_state=0)
    objective = [record["objective"] for record in model.fit(small_ratings(np.float64)).history_]
    assert len(objective) == 60
    assert (np.diff(objective) <= 1e-12 * np.array(objective[:-1])).all()


def test_best_step_is_the_best():
    """No step on a fine grid does better."""
    problem = low_rank(seed=3)
    data = SparseMatrix.from_scipy(problem.observed)
    rng = np.random.default_rng(0)
    u, v, d, e = (rng.standard_normal((n, 2)) for n in (60, 50, 60, 50))
    x = problem.observed.toarray()
    rows, columns = np.nonzero(x)

    def error(t):
        return np.sum((x - (u + t * d) @ (v + t * e).T)[rows, columns] ** 2)

    t = best_step(data, u, v, d, e)
    grid = np.linspace(0, 5, 2001)
    assert error(t) <= min(map(error, grid)) + 1e-9
    downhill = error(1e-6) < error(0.0)
    assert (t > 0) == (downhill or min(map(error, grid)) < error(0.0))
    assert best_step(data, u, v, 0 * d, 0 * e) == 0


def test_divergence_is_told_and_the_last_state_kept():
    """A step that is too long ends in a sentence, not in NaN predictions."""
    problem = low_rank()
    model = SpectralGD(2, method="plain", step=50.0, random_state=0)
    with pytest.raises(DivergenceError, match="SpectralGD"):
        model.fit(problem.observed)
    assert np.isfinite(model.predict(problem.observed)).all()


def test_rank_is_found_from_the_gap():
    """Nobody knows the rank beforehand."""
    for rank in (1, 3, 6):
        problem = low_rank((150, 120), rank, 0.5, seed=rank)
        assert SpectralGD("auto", random_state=0).fit(problem.observed).rank_ == rank


def test_rank_above_the_matrix_is_cut():
    """A default rank on a small matrix must not fail."""
    problem = low_rank((6, 4), 1, 0.9)
    model = SpectralGD(30, random_state=0).fit(problem.observed)
    assert model.user_factors_.shape == (6, 4)
    assert np.isfinite(model.singular_values_).all()


def test_gap_rank_of_degenerate_spectra():
    """No entries of any size, or a single value: rank 1, not an error."""
    data = SparseMatrix.from_scipy(low_rank((6, 4), 1, 0.9).observed)
    assert gap_rank(np.zeros(3), data, 0) == 1
    assert gap_rank(np.array([2.0]), data.with_values(0 * data.values), 0) == 1


def test_trimming_takes_out_crowded_rows():
    """A row with many more entries than the mean would make a singular vector of its own."""
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((100, 80)) < 0.1, rng.standard_normal((100, 80)), 0)
    dense[7] = rng.standard_normal(80)
    from scipy import sparse

    trimmed = trim(SparseMatrix.from_scipy(sparse.csr_array(dense))).by_row.to_scipy().toarray()
    assert not trimmed[7].any()
    kept = np.delete(np.arange(100), 7)
    counts = (dense != 0).sum(axis=0)
    columns = counts <= 2 * (dense != 0).sum() / 80
    np.testing.assert_array_equal(trimmed[np.ix_(kept, columns)], dense[np.ix_(kept, columns)])


def test_spectral_start_approximates():
    """The start is the best approximation of the zero-filled matrix over the share of entries."""
    problem = low_rank((200, 150), 2, 0.5)
    start = spectral_start(SparseMatrix.from_scipy(problem.observed), 2, 0)
    u, s, vt = np.linalg.svd(problem.observed.toarray() * (200 * 150 / problem.observed.nnz))
    np.testing.assert_allclose(start.s, s[:2], rtol=1e-4)
    np.testing.assert_allclose((start.u * start.s) @ start.v.T, (u[:, :2] * s[:2]) @ vt[:2], atol=0.05)


def test_validation_stops_and_keeps_the_best():
    """Held-out error is recorded every iteration, so that overfitting can be seen and stopped."""
    ratings = small_ratings(np.float64)
    model = SpectralGD(4, method="plain", random_state=0, max_iter=50)
    model.fit(ratings[::2], validation=ratings[1::2])
    assert all("validation" in record for record in model.history_)
    assert model.history_[0].keys() >= {"iteration", "objective", "residual", "rank", "seconds"}
    with pytest.raises(ValueError, match="validation"):
        model.fit(ratings, validation=ratings[:0])


def test_callback_stops():
    """Notebooks stop a fit by hand."""
    model = SpectralGD(2, random_state=0).fit(
        small_ratings(), callback=lambda record: record["iteration"] == 3
    )
    assert model.n_iter_ == 3


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("rank", 0), ("rank", "gap"), ("method", "newton"), ("init", "zero"), ("step", 0.0), ("step", "armijo"),
     ("max_iter", 0), ("tol", np.nan), ("verbose", 2)],
)  # fmt: skip
def test_bad_parameters(parameter, value):
    """The message names the parameter."""
    with pytest.raises(ValueError, match=f"^{parameter}: expected"):
        SpectralGD(**{parameter: value}).fit(small_ratings())
