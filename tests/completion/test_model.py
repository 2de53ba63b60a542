"""What every completion model shares: forms of `predict`, unknown ids, scores, recommendations."""

import numpy as np
import pytest
from scipy import sparse

from eckart.completion import ALS, Baseline, Popularity
from eckart.data import Ratings
from eckart.testing import small_ratings

MODELS = [
    ALS(rank=3, max_iter=3, random_state=0),
    ALS(rank=3, max_iter=3, biases=False, random_state=0),
    ALS(rank=3, max_iter=3, normalize="both", normalize_method="zscore", random_state=0),
    Baseline(),
    Popularity(),
]
parametrize_models = pytest.mark.parametrize("model", MODELS, ids=repr)


@parametrize_models
def test_predict_takes_every_form_of_pairs(model):
    """Whatever the caller's data look like, the same pairs get the same numbers in the same order."""
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    model.fit(small_ratings())
    users, items = [100, 107, 100, 114], ["item-03", "item-00", "item-03", "item-39"]
    wanted = model.predict(users, items)
    assert wanted.shape == (4,)
    assert wanted[0] == wanted[2]
    table = {"user": users, "item": items}
    forms = {
        "arrays": (np.array(users), np.array(items)),
        "texts": ([str(u) for u in users], items),
        "series": (pd.Series(users), pl.Series(items)),
        "pairs": (list(zip(users, items, strict=True)),),
        "pandas": (pd.DataFrame(table),),
        "polars": (pl.DataFrame(table),),
        "lazy": (pl.LazyFrame(table),),
        "with values": (pd.DataFrame(table | {"rating": [1.0, 2, 3, 4]}),),
    }
    for name, arguments in forms.items():
        np.testing.assert_array_equal(model.predict(*arguments), wanted, err_msg=name)
    np.testing.assert_array_equal(model.predict(100, "item-03"), wanted[:1])
    np.testing.assert_array_equal(model.predict(100, items), model.predict([100] * 4, items))
    np.testing.assert_array_equal(model.predict(users, "item-03"), model.predict(users, ["item-03"] * 4))


@parametrize_models
def test_predict_of_matrices(model):
    """A matrix asks for its observed entries, row by row; its rows and columns are the model's codes."""
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((9, 7)) < 0.4, rng.normal(3, 1, (9, 7)), np.nan)
    dense[0, 6] = dense[8, 0] = 1.0
    rows, cols = np.nonzero(~np.isnan(dense))
    model.fit(dense)
    wanted = model.predict(rows, cols)
    np.testing.assert_array_equal(model.predict(dense), wanted)
    stored = sparse.csr_array((dense[rows, cols], (rows, cols)), shape=dense.shape)
    np.testing.assert_array_equal(model.predict(stored), wanted)
    assert model.score(dense) == model.score(stored) == model.score(dense, np.zeros(9))
    more = np.vstack([dense, dense[:1]])  # a row beyond training is an unknown user
    unknown = model.predict(more)[len(wanted) :]
    np.testing.assert_array_equal(unknown, model.predict([99] * len(unknown), cols[rows == 0]))
    with pytest.raises(ValueError, match=f"{type(model).__name__} is expecting 7 features"):
        model.predict(dense[:, 1:])


@parametrize_models
def test_predict_bad_arguments(model):
    """Lengths that differ and tables of ids would otherwise be paired at random."""
    model.fit(small_ratings())
    with pytest.raises(ValueError, match="items: expected 3 ids"):
        model.predict([100, 107, 114], ["item-00", "item-01"])
    with pytest.raises(ValueError, match="users: expected an id or a vector"):
        model.predict([[100], [107]], ["item-00", "item-01"])
    with pytest.raises(TypeError):
        model.predict(object())
    assert model.predict([], []).shape == (0,)


@parametrize_models
def test_score_forms(model):
    """Minus RMSE of Ratings, of pairs beside y, and of a table are one number."""
    pd = pytest.importorskip("pandas")
    ratings = small_ratings()
    model.fit(ratings)
    users, items = ratings.users.ids()[ratings.user_index], ratings.items.ids()[ratings.item_index]
    table = pd.DataFrame({"user": users, "item": items, "rating": ratings.values})
    wanted = model.score(ratings)
    assert model.score(table) == wanted
    assert model.score(table[["user", "item"]], ratings.values) == wanted
    assert model.score(ratings, ratings.values + 1) != wanted
    with pytest.raises(ValueError, match="at least one rating to score"):
        model.score(ratings[:0])


def test_unknown_ids_fall_back():
    """What is known of a pair is used: its biases, or the mean."""
    ratings = small_ratings(np.float64)
    model = ALS(rank=3, max_iter=3, random_state=0).fit(ratings)
    user, item = model.users_.code(100), model.items_.code("item-00")
    values = model.predict([100, -1, -1], ["?", "item-00", "?"])
    wanted = model.mean_ + np.array([model.user_biases_[user], model.item_biases_[item], 0])
    np.testing.assert_allclose(values, wanted, atol=1e-12)
    model = ALS(rank=3, max_iter=3, biases=False, random_state=0).fit(ratings)
    np.testing.assert_allclose(model.predict([100, -1, -1], ["?", "item-00", "?"]), ratings.mean, rtol=1e-6)
    model = ALS(rank=3, max_iter=3, normalize="user", biases=False, random_state=0).fit(ratings)
    own = ratings.values[ratings.user_index == user].mean()
    np.testing.assert_allclose(model.predict([100, -1], ["?", "?"]), [own, ratings.mean], atol=1e-12)


@parametrize_models
def test_recommended_scores_are_predictions(model):
    """The number beside a title is the predicted rating (Popularity: the count it ranks by)."""
    model.fit(small_ratings(np.float64))
    found = model.recommend([107, 100], k=5)
    for user, row in zip((107, 100), found, strict=True):
        items, scores = zip(*row, strict=True)
        if isinstance(model, Popularity):
            wanted = model.item_counts_[model.items_.encode(list(items))]
        else:
            wanted = model.predict(user, list(items))
        np.testing.assert_allclose(scores, wanted, atol=1e-9)


@parametrize_models
def test_recommend_is_exact(model):
    """Against ranking every unseen item by hand, for all users at once and for one."""
    ratings = small_ratings(np.float64)
    model.fit(ratings)
    found = model.recommend(k=8)
    ids = model.items_.ids()
    for row, user in enumerate(model.users_.ids().tolist()):
        scores = model.predict(user, ids)
        if isinstance(model, Popularity):
            scores = model.item_counts_.astype(float)
        seen, _ = ratings.by_user.row(row)
        scores[seen] = -np.inf
        assert np.sort(scores)[::-1][:8] == pytest.approx(found.scores[row].data, abs=1e-9)
    alone = model.recommend(user, k=8)
    np.testing.assert_array_equal(alone.items[0], found.items[row])
    np.testing.assert_array_equal(alone.scores[0], found.scores[row])


@parametrize_models
def test_titles_travel(model):
    """People read titles, not ids."""
    ratings = Ratings.from_arrays(
        [1, 1, 2], ["a", "b", "a"], [3.0, 4.0, 5.0], item_titles={"a": "Alien", "b": "Brazil"}
    )
    found = model.fit(ratings).recommend(2, k=3)
    assert found.titles[0].compressed().tolist() == ["Brazil"]
    assert found.to_dict()["title"] == ["Brazil"]
    assert found.to_frame("pandas").columns.tolist() == ["user", "rank", "item", "score", "title"]
