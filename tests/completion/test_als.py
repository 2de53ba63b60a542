"""ALS against an independent reference, at its minimum, and on data whose answer is known."""

import itertools

import numpy as np
import pytest
from scipy import sparse
from tests.completion import reference

import eckart
from eckart.completion import ALS
from eckart.data import Ratings
from eckart.testing import CompletionConformance, small_ratings


class TestCholesky(CompletionConformance):
    model = ALS(rank=5, max_iter=4, random_state=0)


class TestConjugateGradients(CompletionConformance):
    model = ALS(rank=5, max_iter=4, solver="cg", random_state=0)


class TestWithoutBiases(CompletionConformance):
    model = ALS(rank=5, max_iter=4, biases=False, random_state=0)


class TestPlainPenalties(CompletionConformance):
    model = ALS(rank=5, max_iter=4, reg=(0.5, 1.5), reg_scaling="none", random_state=0)


class TestNormalizedByUser(CompletionConformance):
    model = ALS(rank=5, max_iter=4, normalize="user", random_state=0)


class TestNormalizedByItem(CompletionConformance):
    model = ALS(rank=5, max_iter=4, normalize="item", biases=False, random_state=0)


class TestNormalizedByBoth(CompletionConformance):
    model = ALS(rank=5, max_iter=4, normalize="both", normalize_method="zscore", random_state=0)


PENALTIES = list(itertools.product(["count", "none"], [0.1, (0.05, 0.4)], [True, False]))


def penalty_vectors(model, ratings):
    users, items = model.reg if isinstance(model.reg, tuple) else (model.reg, model.reg)
    return (
        reference.penalties(ratings.by_user, users, model.reg_scaling),
        reference.penalties(ratings.by_item, items, model.reg_scaling),
    )


@pytest.mark.parametrize(("scaling", "reg", "biases"), PENALTIES)
def test_iterations_equal_the_reference(scaling, reg, biases):
    """Every half-step is the exact minimiser: the normal equations are what the docstring says."""
    ratings = small_ratings(np.float64)
    model = ALS(
        rank=4,
        reg=reg,
        reg_scaling=scaling,
        biases=biases,
        max_iter=1,
        tol=0,
        warm_start=True,
        random_state=3,
    ).fit(ratings)
    penalties = penalty_vectors(model, ratings)
    point = reference.Point.of(model)
    for iterations in (1, 1, 3):
        for _ in range(iterations):
            point = reference.iterate(point, ratings, *penalties)
        model.set_params(max_iter=iterations).fit(ratings)
        assert len(model.history_) == iterations
        np.testing.assert_allclose(model.item_factors_, point.items, rtol=0, atol=1e-10)
        np.testing.assert_allclose(model.user_factors_, point.users, rtol=0, atol=1e-10)
        if biases:
            np.testing.assert_allclose(model.item_biases_, point.item_bias, rtol=0, atol=1e-10)
            np.testing.assert_allclose(model.user_biases_, point.user_bias, rtol=0, atol=1e-10)
        assert model.history_[-1]["objective"] == pytest.approx(
            reference.objective(point, ratings, *penalties), rel=1e-12
        )


@pytest.mark.parametrize("normalize", ["user", "item", "both"])
def test_normalized_fit_is_a_fit_of_normalized_ratings(normalize):
    """`normalize` promises nothing else: the same factors, and predictions taken back to the scale."""
    ratings = small_ratings(np.float64)
    model = ALS(rank=3, normalize=normalize, normalize_method="zscore", max_iter=3, random_state=0).fit(
        ratings
    )
    transformed = model.normalization_.apply(ratings)
    plain = ALS(rank=3, max_iter=3, random_state=0).fit(transformed)
    np.testing.assert_allclose(model.user_factors_, plain.user_factors_, atol=1e-12)
    wanted = model.normalization_.undo(ratings.user_index, ratings.item_index, plain.predict(ratings))
    np.testing.assert_allclose(model.predict(ratings), wanted, atol=1e-10)


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
@pytest.mark.parametrize(("scaling", "reg", "biases"), PENALTIES)
def test_gradient_vanishes_at_convergence(scaling, reg, biases, solver):
    """A converged fit is a stationary point of the objective in every factor and every bias."""
    ratings = small_ratings(np.float64)
    model = ALS(
        rank=2,
        reg=reg,
        reg_scaling=scaling,
        biases=biases,
        solver=solver,
        max_iter=3000,
        tol=0,
        random_state=1,
    ).fit(ratings)
    penalties = penalty_vectors(model, ratings)
    point = reference.Point.of(model)
    slope = np.linalg.norm(reference.gradient(point, ratings, *penalties))
    assert slope < 1e-8 * np.linalg.norm(ratings.values)


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
@pytest.mark.parametrize(("dtype", "slack"), [(np.float32, 1e-6), (np.float64, 1e-12)])
@pytest.mark.parametrize("seed", range(6))
def test_objective_never_rises(solver, dtype, slack, seed):
    """Each half-step minimises over its side, so a rise would be a wrong kernel or a wrong penalty."""
    rng = np.random.default_rng(seed)
    n_users, n_items = rng.integers(1, 60, size=2)
    matrix = np.where(rng.random((n_users, n_items)) < 0.3, rng.normal(3, 2, (n_users, n_items)), np.nan)
    matrix[0, 0] = 4.0
    model = ALS(
        rank=int(rng.integers(1, 12)),
        reg=tuple(10.0 ** rng.uniform(-3, 0, 2)),
        reg_scaling=("count", "none")[seed % 2],
        biases=bool(seed % 3),
        solver=solver,
        cg_steps=int(rng.integers(1, 5)),
        max_iter=20,
        tol=0,
        random_state=seed,
    ).fit(matrix.astype(dtype))
    objectives = np.array([record["objective"] for record in model.history_])
    assert (np.diff(objectives) <= slack * objectives[:-1]).all()


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
def test_recovers_a_noiseless_low_rank_matrix(solver):
    """The point of matrix completion: half of the entries of a rank-3 matrix determine the rest."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 50))
    seen = np.where(rng.random(truth.shape) < 0.5, truth, np.nan)
    model = ALS(
        rank=3,
        reg=1e-10,
        reg_scaling="none",
        biases=False,
        solver=solver,
        max_iter=500,
        tol=0,
        random_state=0,
    ).fit(seen)
    np.testing.assert_allclose(model.transform(seen), truth, atol=1e-5)


def test_dtype_follows_the_input():
    """float64 stays float64; integers and Ratings compute in float32, which is twice as fast."""
    matrix = np.array([[5, 3, 1], [4, 2, 1], [1, 1, 5]])
    for given, wanted in ((np.float64, np.float64), (np.float32, np.float32), (np.int64, np.float32)):
        model = ALS(rank=2, random_state=0).fit(matrix.astype(given))
        assert model.user_factors_.dtype == wanted
        assert model.predict([0], [1]).dtype == wanted
    assert ALS(rank=2, random_state=0).fit(small_ratings()).item_biases_.dtype == np.float32


def test_every_form_of_the_same_ratings_gives_the_same_model():
    """A frame, a sparse matrix and a dense matrix are doors to one fit."""
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    rng = np.random.default_rng(2)
    dense = np.where(rng.random((12, 9)) < 0.5, rng.integers(1, 6, (12, 9)), np.nan)
    dense[np.isnan(dense).all(axis=1), 0] = 3
    rows, cols = np.nonzero(~np.isnan(dense))
    values = dense[rows, cols]
    table = {"user": rows, "item": cols, "rating": values}
    forms = {
        "sparse": (sparse.csr_array((values, (rows, cols)), shape=dense.shape), None),
        "ratings": (Ratings.from_arrays(rows, cols, values, dtype=np.float64), None),
        "pairs": (np.column_stack([rows, cols]), values),
    }
    model = ALS(rank=2, random_state=0)
    wanted = model.fit(dense).predict(rows, cols)
    for name, (X, y) in forms.items():
        np.testing.assert_allclose(model.fit(X, y).predict(rows, cols), wanted, atol=1e-12, err_msg=name)
    for frame in (pd.DataFrame(table), pl.DataFrame(table)):
        np.testing.assert_allclose(model.fit(frame).predict(rows, cols), wanted, atol=1e-5)


def test_explicit_zeros_are_observed():
    """In completion a stored zero is a rating of zero, not a gap."""
    matrix = sparse.csr_array((np.array([0.0, 4.0, 2.0]), ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    model = ALS(rank=1, random_state=0).fit(matrix)
    assert len(model.interactions_) == 3
    assert model.mean_ == 2.0


def test_rows_without_ratings_are_zero():
    """Nothing is known of them, so they are at the prior, and later neighbours do not see noise."""
    matrix = np.array([[4.0, np.nan, 2.0], [np.nan, np.nan, np.nan], [1.0, np.nan, 5.0]])
    model = ALS(rank=2, random_state=0).fit(matrix)
    assert not model.user_factors_[1].any()
    assert not model.item_factors_[1].any()
    assert model.user_biases_[1] == 0
    assert model.predict([1], [1]) == pytest.approx(3.0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2)])
@pytest.mark.parametrize("rank", [1, 5])
@pytest.mark.parametrize("solver", ["cholesky", "cg"])
def test_smallest_problems(shape, rank, solver):
    """One user, one item, one rating, more factors than ratings: small shops start there."""
    matrix = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    model = ALS(rank=rank, solver=solver, random_state=0).fit(matrix)
    assert np.isfinite(model.transform(matrix)).all()
    assert np.isfinite(model.predict(matrix)).all()
    assert len(model.recommend(k=3)) == shape[0]


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
def test_singular_rows_without_penalty(solver):
    """reg=0 with more factors than ratings has many solutions; one of them is found, not NaN."""
    ratings = small_ratings(np.float64)
    model = ALS(rank=30, reg=0, solver=solver, max_iter=10, random_state=0).fit(ratings)
    assert np.isfinite(model.user_factors_).all()
    assert model.score(ratings) > -1e-3


BAD = {
    "rank": [0, -1, 1.5, "4", None, True],
    "reg": [-0.1, np.nan, np.inf, "a", None, (0.1,), (0.1, -1), (0.1, 0.1, 0.1)],
    "reg_scaling": ["counts", None, True],
    "biases": ["yes", None, 1],
    "solver": ["qr", None],
    "max_iter": [0, -1, 2.5, None],
    "tol": [-1e-3, np.nan, "small", None],
    "warm_start": ["no", None, 1],
    "random_state": ["seed", -1, 1.5],
    "normalize": ["rows", True],
    "normalize_method": ["robust", None],
    "cg_steps": [0, 1.5],
    "patience": [0, "2"],
    "verbose": ["loud", None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_bad_parameters_are_named(name, value):
    """The message names the parameter; and a model that never was fitted does not look fitted."""
    model = ALS(**{"random_state": 0, name: value})
    with pytest.raises(ValueError, match=name):
        model.fit(small_ratings())
    assert not model.__sklearn_is_fitted__()


def test_every_parameter_has_bad_values():
    """A new parameter must come with its check."""
    assert set(BAD) == set(ALS().get_params())


def test_numpy_parameters(tmp_path):
    """Grid searches hand in NumPy scalars; fitting and saving take them."""
    model = ALS(rank=np.int64(3), reg=np.float32(0.1), max_iter=np.int32(2), random_state=np.int64(5))
    model.fit(small_ratings())
    eckart.save(model, tmp_path / "m.safetensors")
    loaded = eckart.load(tmp_path / "m.safetensors")
    assert loaded.rank == 3
    assert loaded.random_state == 5
    assert loaded.reg == pytest.approx(0.1)
