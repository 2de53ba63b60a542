"""SoftImpute against iterated SVD soft-thresholding of the dense matrix, its path, and its promises."""

import numpy as np
import pytest

import eckart
from eckart.completion import SoftImpute
from eckart.data import random_split
from eckart.testing import CompletionConformance, small_ratings


class TestConformance(CompletionConformance):
    model = SoftImpute(rank=8, reg=1.5, random_state=0, max_iter=30)


class TestConformanceOfImputation(CompletionConformance):
    model = SoftImpute(
        rank=4, reg=1.5, reg_frobenius=0.02, solver="impute", debias=True, random_state=0, max_iter=20
    )


class TestConformanceWhenNormalized(CompletionConformance):
    model = SoftImpute(rank=4, reg=1.5, normalize="both", debias=True, random_state=0, max_iter=20)


def dense_soft_impute(ratings, reg, gamma=0.0, iterations=6000):
    """B <- shrink_reg(P(X) + P_missing(B)) / (1 + gamma) by whole SVDs (Mazumder et al. 2010)."""
    x = np.zeros((ratings.n_users, ratings.n_items))
    seen = np.zeros(x.shape, dtype=bool)
    x[ratings.user_index, ratings.item_index] = ratings.values
    seen[ratings.user_index, ratings.item_index] = True
    b = np.zeros(x.shape)
    for _ in range(iterations):
        u, s, vt = np.linalg.svd(np.where(seen, x, b), full_matrices=False)
        new = (u * np.maximum(s - reg, 0)) @ vt / (1 + gamma)
        moved, b = np.abs(new - b).max(), new
        if moved < 1e-12:
            break
    s = np.linalg.svd(b, compute_uv=False)
    error = np.sum((x - b)[seen] ** 2)
    return b, error / 2 + reg * s.sum() + gamma / 2 * np.sum(b**2)


def completed(model):
    return model.user_factors_ @ model.item_factors_.T


@pytest.mark.parametrize("solver", ["exact", "impute"])
@pytest.mark.parametrize("gamma", [0.0, 0.05])
def test_equals_the_dense_algorithm(solver, gamma):
    """The factored problem has the minimum of the convex one: same matrix, same objective."""
    ratings = small_ratings(np.float64)
    want, objective = dense_soft_impute(ratings, 4.0, gamma)
    model = SoftImpute(
        rank=20, reg=4.0, reg_frobenius=gamma, solver=solver, max_iter=3000, tol=1e-14, random_state=0
    )
    model.fit(ratings)
    assert 1 <= model.effective_rank < 20
    assert np.linalg.norm(completed(model) - want) <= 1e-6 * np.linalg.norm(want)
    assert model.history_[-1]["objective"] == pytest.approx(objective, rel=1e-9)
    np.testing.assert_allclose(
        model.singular_values_,
        np.linalg.svd(want, compute_uv=False)[:20],
        atol=1e-5 * model.singular_values_[0],
    )


@pytest.mark.parametrize("solver", ["exact", "impute"])
@pytest.mark.parametrize(("dtype", "slack"), [(np.float32, 1e-6), (np.float64, 1e-12)])
def test_the_objective_never_rises(solver, dtype, slack):
    """Theory says so for both solvers, with and without the Frobenius term, on any data."""
    for seed in range(3):
        model = SoftImpute(
            rank=5, reg=0.5, reg_frobenius=0.01 * seed, solver=solver, max_iter=40, tol=0, random_state=seed
        ).fit(small_ratings(dtype, seed))
        objective = np.array([record["objective"] for record in model.history_])
        assert len(objective) == 40
        assert (np.diff(objective) <= slack * objective[:-1]).all()


def test_a_large_penalty_gives_zero():
    """Above the largest singular value of the observed entries nothing is worth its norm."""
    ratings = small_ratings(np.float64)
    top = np.linalg.svd(ratings.to_scipy().toarray(), compute_uv=False)[0]
    model = SoftImpute(rank=3, reg=1.01 * top, max_iter=3000, tol=1e-12, random_state=0).fit(ratings)
    assert np.abs(completed(model)).max() < 1e-3
    assert SoftImpute(rank=3, reg=0.9 * top, max_iter=300, random_state=0).fit(ratings).effective_rank == 1


def test_debiasing_undoes_the_shrinkage():
    """The penalty takes its part of every singular value; refitted values fit the observed entries best."""
    ratings = small_ratings(np.float64)
    plain = SoftImpute(rank=6, reg=4.0, max_iter=300, random_state=0).fit(ratings)
    free = SoftImpute(rank=6, reg=4.0, max_iter=300, random_state=0, debias=True).fit(ratings)
    alive = plain.effective_rank
    products = (plain.user_factors_[ratings.user_index] * plain.item_factors_[ratings.item_index])[:, :alive]
    want = np.linalg.lstsq(products, ratings.values, rcond=None)[0]
    np.testing.assert_allclose(free.scale_[:alive], want, rtol=1e-6)
    assert free.effective_rank == alive
    assert free.score(ratings) > plain.score(ratings) + 0.01
    np.testing.assert_allclose(free.fold_in(ratings), free.user_factors_, rtol=1e-10)


def test_debiasing_leaves_dead_directions_dead():
    """Refitted, they would be blown up from rounding to the size of the noise."""
    ratings = small_ratings(np.float64)
    plain = SoftImpute(rank=15, reg=6.0, max_iter=300, random_state=0).fit(ratings)
    free = SoftImpute(rank=15, reg=6.0, max_iter=300, random_state=0, debias=True).fit(ratings)
    assert free.effective_rank == plain.effective_rank < 15


def test_fold_in_gives_the_training_factors():
    """A user who comes tomorrow with the same ratings gets the same factors."""
    for gamma in (0.0, 0.1):
        ratings = small_ratings(np.float64)
        model = SoftImpute(rank=5, reg=1.0, reg_frobenius=gamma, random_state=0).fit(ratings)
        np.testing.assert_allclose(model.fold_in(ratings), model.user_factors_, atol=1e-10)


def test_path():
    """One call walks from zero to a loose fit, warm-started, and keeps what predicts best."""
    ratings = small_ratings(np.float64)
    noise = 0.7 * np.random.default_rng(0).standard_normal(len(ratings))
    train, test = random_split(ratings.with_values(ratings.values + noise), test_size=0.2, random_state=0)
    model = SoftImpute(rank=10, max_iter=500, tol=1e-9, random_state=0)
    path = model.path(train, validation=test)
    assert len(path.models) == 10
    assert (np.diff(path.regs) < 0).all()
    assert path.regs[0] == pytest.approx(100 * path.regs[-1])
    assert (np.diff(path.residuals) < 0).all()
    assert (np.diff(path.nuclear_norms) > 0).all()
    assert path.best == int(np.argmin(path.validation))
    assert 0 < path.best < 9
    assert model.reg == path.regs[path.best]
    assert -model.score(test) == pytest.approx(path.validation[path.best])
    cold = SoftImpute(rank=10, reg=model.reg, max_iter=5000, tol=1e-13, random_state=1).fit(train)
    np.testing.assert_allclose(completed(model), completed(cold), atol=0.01)


def test_path_of_chosen_penalties():
    """Given penalties are taken in falling order whatever theirs, and the last is kept without validation."""
    model = SoftImpute(rank=4, random_state=0)
    path = model.path(small_ratings(), regs=[1.0, 4.0])
    np.testing.assert_array_equal(path.regs, [4.0, 1.0])
    assert path.validation is None
    assert model.reg == 1.0
    with pytest.raises(ValueError, match="regs: expected at least one"):
        model.path(small_ratings(), regs=[])
    with pytest.raises(ValueError, match="regs"):
        model.path(small_ratings(), regs=[-1.0])


def test_debiased_models_are_saved_whole(tmp_path):
    """fold_in of a loaded model needs the scale of the singular values too."""
    ratings = small_ratings(np.float64)
    model = SoftImpute(rank=4, reg=2.0, debias=True, random_state=0).fit(ratings)
    eckart.save(model, tmp_path / "m.safetensors")
    loaded = eckart.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.fold_in(ratings), model.fold_in(ratings))
    np.testing.assert_array_equal(loaded.singular_values_, model.singular_values_)
    assert loaded.history_ == model.history_


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("rank", 0), ("reg", 0.0), ("reg", np.nan), ("reg_frobenius", -1.0), ("solver", "svd"),
     ("normalize", "all"), ("debias", 1), ("max_iter", 0), ("tol", -1.0)],
)  # fmt: skip
def test_bad_parameters(parameter, value):
    """The message names the parameter."""
    with pytest.raises(ValueError, match=f"^{parameter}: expected"):
        SoftImpute(**{parameter: value}).fit(small_ratings())
