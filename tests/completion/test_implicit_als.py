"""ImplicitALS against the dense matrix of all pairs, at its minimum, and in the manners of a model."""

import itertools

import numpy as np
import pytest
from scipy import sparse
from tests.completion import implicit_reference as reference

import eckart
from eckart.completion import ImplicitALS
from eckart.data import Ratings
from eckart.testing import CompletionConformance, small_ratings


def small_feedback(dtype=np.float32):
    """Counts of plays, some of them negative, on the users and items of `small_ratings`."""
    ratings = small_ratings(dtype)
    values = np.where(ratings.values < 2.2, -1.0, np.round(ratings.values) - 1).astype(dtype)
    return ratings._replaced(values=values)


class Conformance(CompletionConformance):
    def ratings(self, dtype=np.float32):
        return small_feedback(dtype)

    def test_score_is_minus_rmse(self):
        """Preferences are no ratings: what counts is whether the lists find what is held out."""
        ratings = self.ratings()
        held_out = np.random.default_rng(1).random(len(ratings)) < 0.2
        model = type(self.model)(**self.model.get_params()).fit(ratings[~held_out])
        test = ratings[held_out]
        train_rows, test_rows = (part.by_user.to_scipy().toarray() for part in (ratings[~held_out], test))
        scores = model.user_factors_ @ model.item_factors_.T
        if model.biases:
            scores = scores + model.item_biases_
        scores[train_rows != 0] = -np.inf
        values = []
        for u in np.flatnonzero((test_rows > 0).any(axis=1)):
            gains = (test_rows[u, np.argsort(-scores[u], kind="stable")[:10]] > 0) / np.log2(np.arange(2, 12))
            best = (1 / np.log2(np.arange(2, 12)))[: (test_rows[u] > 0).sum()]
            values.append(gains.sum() / best.sum())
        assert model.score(test) == pytest.approx(np.mean(values), abs=1e-6)
        assert model.score(ratings[~held_out]) > model.score(test)  # what is asked for is not left out


class TestCholesky(Conformance):
    model = ImplicitALS(rank=5, max_iter=4, random_state=0)


class TestConjugateGradients(Conformance):
    model = ImplicitALS(rank=5, max_iter=4, solver="cg", confidence="linear", random_state=0)


class TestSubspace(Conformance):
    model = ImplicitALS(rank=7, max_iter=4, solver="subspace", block_size=3, confidence="log", random_state=0)


class TestBiases(Conformance):
    model = ImplicitALS(rank=5, max_iter=4, biases=True, reg=(0.01, 0.02), nu=0.5, random_state=0)


def problem(model, ratings):
    """Return (weights, preferences, lambda of users, lambda of items) as the docstring says."""
    pattern = ratings.user_index, ratings.item_index, ratings.values
    shape = ratings.n_users, ratings.n_items
    dense = reference.all_pairs(shape, *pattern, model.confidence, model.confidence_scale)
    observed = reference.all_pairs(shape, *pattern, "binary", 1.0)[0]
    users, items = model.reg if isinstance(model.reg, tuple) else (model.reg, model.reg)
    alpha = model.unobserved_weight
    penalties = (
        reference.penalties(part, reg, alpha, model.nu)
        for part, reg in ((observed, users), (observed.T, items))
    )
    return *dense, *penalties


def objective(model, ratings):
    weights, preferences, reg_users, reg_items = problem(model, ratings)
    sides = (
        (model.user_factors_, model.user_biases_, reg_users),
        (model.item_factors_, model.item_biases_, reg_items),
    )
    biases = [0.0 if bias is None else bias for _, bias, _ in sides]
    total = reference.loss(
        weights, preferences, model.unobserved_weight, model.user_factors_, model.item_factors_, *biases
    )
    for (factors, _, reg), bias in zip(sides, biases, strict=True):
        total += reg @ ((factors**2).sum(axis=1) + np.square(bias))
    return total


SETTINGS = [
    *({"confidence": c, "confidence_scale": s} for c in ("binary", "linear", "log") for s in (1.0, 3.0)),
    {"nu": 0.0, "reg": 2.0},
    {"nu": 0.5, "reg": (0.1, 0.4), "unobserved_weight": 1.0},
    {"biases": True},
    {"biases": True, "confidence": "linear", "unobserved_weight": 0.7},
]  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_iterations_equal_the_reference(setting):
    """Every half-step is the exact minimiser over all pairs, of the objective in the docstring."""
    ratings = small_feedback(np.float64)
    model = ImplicitALS(
        **{"rank": 4, "reg": 0.05, "max_iter": 1, "tol": 0, "warm_start": True, "random_state": 3} | setting
    )
    model.fit(ratings)
    weights, preferences, reg_users, reg_items = problem(model, ratings)
    alpha, factors, bias = model.unobserved_weight, model.user_factors_, model.user_biases_
    model.fit(ratings)
    items, item_bias = reference.half_solve(weights.T, preferences.T, alpha, factors, bias, reg_items)
    users, user_bias = reference.half_solve(
        weights, preferences, alpha, items, item_bias if model.biases else None, reg_users
    )
    np.testing.assert_allclose(model.item_factors_, items, rtol=0, atol=1e-10)
    np.testing.assert_allclose(model.user_factors_, users, rtol=0, atol=1e-10)
    if model.biases:
        np.testing.assert_allclose(model.item_biases_, item_bias, rtol=0, atol=1e-10)
        np.testing.assert_allclose(model.user_biases_, user_bias, rtol=0, atol=1e-10)
    assert model.history_[-1]["objective"] == pytest.approx(objective(model, ratings), rel=1e-12)


@pytest.mark.parametrize(("dtype", "slack"), [(np.float32, 1e-6), (np.float64, 1e-12)])
@pytest.mark.parametrize("solver", ["cholesky", "cg", "subspace"])
@pytest.mark.parametrize("setting", [{}, {"biases": True}, {"confidence": "linear"}], ids=str)
def test_the_objective_never_rises(dtype, slack, solver, setting):
    """Theory says so of each of the solvers; the objective counts every pair."""
    ratings = small_feedback(dtype)
    model = ImplicitALS(
        rank=12, solver=solver, block_size=5, max_iter=40, tol=0, random_state=0, **setting
    ).fit(ratings)
    values = [record["objective"] for record in model.history_]
    assert all(b <= a * (1 + slack) for a, b in itertools.pairwise(values))
    assert values[-1] < 0.9 * values[0]


@pytest.mark.parametrize("solver", ["cg", "subspace"])
def test_solvers_agree_at_the_minimum(solver):
    """The solver is a matter of speed: where Cholesky has converged, no other finds anything to improve."""
    ratings = small_feedback(np.float64)
    model = ImplicitALS(rank=3, reg=0.02, max_iter=2000, tol=0, warm_start=True, random_state=0).fit(ratings)
    before, lowest = model.predict(ratings), model.history_[-1]["objective"]
    model.set_params(solver=solver, block_size=2, max_iter=5).fit(ratings)
    assert model.history_[-1]["objective"] == pytest.approx(lowest, rel=1e-10)
    np.testing.assert_allclose(model.predict(ratings), before, atol=1e-5)


@pytest.mark.parametrize("solver", ["cholesky", "cg", "subspace"])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 1e-5), (np.float64, 1e-10)])
def test_fold_in_gives_what_training_gave(solver, biases, dtype, close):
    """A visitor who comes with the clicks of a known user gets that user's recommendations."""
    ratings = small_feedback(dtype)
    model = ImplicitALS(
        rank=6, solver=solver, block_size=4, biases=biases, confidence="log", max_iter=5, random_state=0
    ).fit(ratings)
    np.testing.assert_allclose(model.fold_in(ratings), model.user_factors_, rtol=0, atol=close)
    new = model.recommend_new(ratings, k=5)
    assert (new.items == model.recommend(k=5).items).all()


def test_fold_in_of_an_item():
    """A new item with the clicks of an old one is one exact half-step away."""
    ratings = small_feedback(np.float64)
    model = ImplicitALS(rank=4, max_iter=3, confidence="linear", random_state=0).fit(ratings)
    weights, preferences, _, reg_items = problem(model, ratings)
    wanted, _ = reference.half_solve(weights.T, preferences.T, 0.1, model.user_factors_, None, reg_items)
    np.testing.assert_allclose(model.fold_in(ratings, side="items"), wanted, atol=1e-10)


@pytest.mark.parametrize("setting", [{}, {"biases": True, "confidence": "linear"}], ids=str)
def test_explanation_adds_up(setting):
    """Each past item's weight is its part of the score; what was disliked explains nothing by itself."""
    ratings = small_feedback(np.float64)
    model = ImplicitALS(rank=4, max_iter=3, random_state=0, **setting).fit(ratings)
    for user, item in ((100, "item-03"), (107, "item-10")):
        found = model.explain(user, item)
        assert found.prediction == pytest.approx(float(model.predict([user], [item])[0]), abs=1e-9)
        assert found.base + found.parts.sum() == pytest.approx(found.prediction, abs=1e-12)
        assert set(found.items) == set(
            ratings.items.decode(ratings.by_user.row(model.users_.encode([user])[0])[0])
        )
        if not setting:
            assert found.base == 0
            assert (found.parts[found.ratings < 0] == 0).all()


def test_an_explanation_by_leaving_out():
    """The part of an item is linear in its preference: without the liked item the score falls by the part."""
    ratings = small_feedback(np.float64)
    model = ImplicitALS(rank=4, max_iter=3, random_state=0).fit(ratings)
    found = model.explain(100, "item-03")
    rows = ratings.by_user.select(model.users_.encode([100]))
    liked = rows.values > 0
    x, v = model.item_factors_[rows.indices], model.item_factors_
    system = x.T @ x + 0.1 * v.T @ v + 0.003 * (len(liked) + 0.1 * len(v)) * np.eye(4)
    parts = x @ np.linalg.solve(system, v[model.items_.encode(["item-03"])[0]]) * liked
    np.testing.assert_allclose(found.parts, np.sort(parts)[::-1], atol=1e-12)


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
def test_update_refits_grown_rows(solver):
    """A click just made counts at once, for new users and items too; the others keep their bits."""
    ratings = small_feedback(np.float64)
    model = ImplicitALS(rank=4, max_iter=6, solver=solver, random_state=0).fit(ratings)
    before = model.user_factors_.copy()
    model.update(Ratings.from_arrays([100, 5], ["item-05", "brand new"], [1.0, 1.0], dtype=np.float64))
    row = model.users_.encode([100])[0]
    np.testing.assert_array_equal(np.delete(model.user_factors_[:60], row, 0), np.delete(before, row, 0))
    assert (model.user_factors_[row] != before[row]).any()
    np.testing.assert_allclose(
        model.fold_in(model.interactions_)[[row, 60]], model.user_factors_[[row, 60]], atol=1e-10
    )
    assert model.predict([5], ["brand new"])[0] > 0.1


def test_negative_feedback_pushes_down():
    """What was recommended first, and then skipped, is not recommended first again."""
    ratings = small_feedback(np.float64)
    setting = {"rank": 4, "confidence": "linear", "max_iter": 30, "random_state": 0}
    model = ImplicitALS(**setting).fit(ratings)
    first = model.recommend(100, k=1)
    item, score = first.items[0, 0], float(first.scores[0, 0])
    skipped = Ratings.from_arrays([100], [item], [-5.0], dtype=np.float64)
    told = ImplicitALS(**setting).fit(ratings.merged(skipped))
    assert told.predict([100], [item])[0] < 0.5 * score


def test_finds_what_is_hidden():
    """Clicks of a low-rank taste: the lists beat popularity on the clicks held out."""
    rng = np.random.default_rng(0)
    taste = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 120)) + 0.3 * rng.normal(size=120)
    users, items = np.nonzero(taste > np.quantile(taste, 0.9, axis=1, keepdims=True))
    clicks = Ratings.from_arrays(users, items, np.ones(len(users)))
    held_out = rng.random(len(users)) < 0.25
    model = ImplicitALS(rank=8, random_state=0).fit(clicks[~held_out])
    popular = eckart.completion.Popularity().fit(clicks[~held_out])
    from eckart.completion._held_out import held_out_ndcg

    test = clicks[held_out]
    floor = held_out_ndcg(popular, test.user_index, test.item_index, test.values > 0)
    assert model.score(test) > 1.5 * floor


def test_validation_stops_and_keeps_the_best():
    """Early stopping watches the lists, not an error of ratings."""
    ratings = small_feedback()
    held_out = np.random.default_rng(0).random(len(ratings)) < 0.2
    model = ImplicitALS(rank=20, reg=1e-4, max_iter=50, tol=0, patience=2, random_state=0)
    model.fit(ratings[~held_out], validation=ratings[held_out])
    errors = [record["validation"] for record in model.history_]
    assert -model.score(ratings[held_out]) == pytest.approx(min(errors))
    assert len(errors) < 50


def test_stored_zeros_are_negative_feedback():
    """An impression without a click is stored as a zero: a preference of 0 that was observed."""
    matrix = sparse.csr_array((np.array([1.0, 0.0, 1.0]), ([0, 0, 1], [0, 1, 2])), shape=(2, 3))
    model = ImplicitALS(rank=1, max_iter=2, random_state=0).fit(matrix)
    clicks = sparse.csr_array((np.array([1.0, -1.0, 1.0]), ([0, 0, 1], [0, 1, 2])), shape=(2, 3))
    twin = ImplicitALS(rank=1, max_iter=2, random_state=0).fit(clicks)
    np.testing.assert_array_equal(model.item_factors_, twin.item_factors_)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rank", 0), ("reg", -1.0), ("reg", (1.0, 2.0, 3.0)), ("unobserved_weight", -0.1), ("nu", np.nan),
        ("confidence", "quadratic"), ("confidence_scale", 0.0), ("solver", "qr"), ("block_size", 0),
        ("cg_steps", 0), ("max_iter", 0), ("tol", -1.0), ("biases", "yes"), ("patience", 0),
    ],
)  # fmt: skip
def test_bad_parameters(name, value):
    """A parameter that means nothing is named before any work."""
    with pytest.raises(ValueError, match=name):
        ImplicitALS(**{name: value}).fit(small_feedback())


def test_a_score_of_nothing():
    """A test set without a positive value of known ids cannot be scored, and says so."""
    model = ImplicitALS(rank=2, max_iter=1, random_state=0).fit(small_feedback())
    for users, items, values in (([100], ["item-00"], [-1.0]), ([-5], ["item-00"], [1.0])):
        with pytest.raises(ValueError, match="positive feedback"):
            model.score(Ratings.from_arrays(users, items, values))


@pytest.mark.parametrize("solver", ["cholesky", "cg", "subspace"])
def test_interrupt_keeps_the_last_whole_iteration(solver):
    """Ctrl-C in a long fit leaves a model that can be used and saved."""

    def stop(record):
        if record["iteration"] == 3:
            raise KeyboardInterrupt

    ratings = small_feedback(np.float64)
    model = ImplicitALS(rank=5, solver=solver, max_iter=10, tol=0, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(ratings, callback=stop)
    assert [record["iteration"] for record in model.history_] == [1, 2, 3]
    assert model.history_[-1]["objective"] == pytest.approx(objective(model, ratings), rel=1e-12)
