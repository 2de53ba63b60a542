"""Maximal marginal relevance against a plain loop, and what re-ranking promises."""

import numpy as np
import pytest

from eckart.completion import ALS, EASE, ItemKNN, Popularity, rerank
from eckart.completion.diversity import marginal_relevance
from eckart.testing import small_ratings

MODELS = [ALS(rank=4, random_state=0), ItemKNN(12), ItemKNN(12, feedback="explicit"), EASE(5.0)]


def by_hand(scores, similar, k, diversity):
    """Carbonell and Goldstein's greedy choice for one list, as the paper has it."""
    span = scores.max() - scores.min()
    relevance = (scores - scores.min()) / span if span else np.ones(len(scores))
    taken = []
    while len(taken) < min(k, len(scores)):
        values = {
            i: (1 - diversity) * relevance[i]
            - (diversity * max(similar[i, j] for j in taken) if taken else 0)
            for i in range(len(scores))
            if i not in taken
        }
        taken.append(max(values, key=lambda i: (values[i], -i)))
    return taken


@pytest.mark.parametrize("diversity", [0.0, 0.3, 0.7, 1.0])
def test_equals_the_greedy_choice(diversity):
    """All lists at once choose what each would choose alone; short lists end early."""
    rng = np.random.default_rng(0)
    n, m, k = 40, 13, 6
    scores = -np.sort(-rng.normal(size=(n, m)), axis=1)
    similar = rng.uniform(-0.2, 1, size=(n, m, m))
    similar = (similar + similar.transpose(0, 2, 1)) / 2
    sizes = rng.integers(0, m + 1, n)
    for row, size in enumerate(sizes):
        scores[row, size:] = -np.inf
    places = marginal_relevance(scores, similar, k, diversity)
    for row, size in enumerate(sizes):
        want = by_hand(scores[row, :size], similar[row], k, diversity) if size else []
        assert places[row].tolist() == want + [-1] * (k - len(want))


def test_twins_are_not_recommended_together():
    """Two items that are the same: the second waits behind a worse but different one."""
    scores = np.array([[3.0, 2.9, 2.0]])
    similar = np.array([[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    assert marginal_relevance(scores, similar, 3, 0.0).tolist() == [[0, 1, 2]]
    assert marginal_relevance(scores, similar, 3, 0.6).tolist() == [[0, 2, 1]]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_lists_become_more_diverse(model):
    """The mean similarity within lists falls, the best item stays first, scores travel with their items."""
    model = model.fit(small_ratings())
    long = model.recommend(k=25)
    same, varied = rerank(long, model, k=5, diversity=0.0), rerank(long, model, k=5, diversity=0.8)
    assert (same.items == long.items[:, :5]).all()
    np.testing.assert_array_equal(same.scores, long.scores[:, :5])
    assert (varied.items[:, 0] == long.items[:, 0]).all()
    for before, after in zip(long, varied, strict=True):
        assert set(after) <= set(before)

    def alike(found):
        codes = model.items_.encode(found.items.ravel()).reshape(found.items.shape)
        similar = model._item_similarities(codes)
        return np.mean(similar[(slice(None), *np.triu_indices(5, 1))])

    assert alike(varied) < alike(same)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_similarities_are_symmetric_and_bounded(model):
    """A relation between two items, at most 1."""
    model = model.fit(small_ratings(np.float64))
    codes = np.random.default_rng(0).permutation(40)[:24].reshape(3, 8).astype(np.int32)
    similar = model._item_similarities(codes)
    assert similar.shape == (3, 8, 8)
    np.testing.assert_allclose(similar, similar.transpose(0, 2, 1))
    assert np.abs(similar).max() <= 1 + 1e-9


def test_partial_correlations_equal_the_precision_matrix():
    """EASE's weights hold the precision matrix: that is where its similarities come from."""
    ratings = small_ratings(np.float64)
    model = EASE(5.0).fit(ratings)
    x = (ratings.to_scipy().toarray() != 0).astype(float)
    p = np.linalg.inv(x.T @ x + 5 * np.eye(40))
    want = -p / np.sqrt(np.outer(np.diag(p), np.diag(p)))
    np.fill_diagonal(want, 0)
    np.testing.assert_allclose(model._item_similarities(np.arange(40)[None].astype(np.int32))[0], want)


def test_short_and_empty_lists():
    """A list with fewer than k items keeps them all; none gives none."""
    model = ALS(rank=2, random_state=0).fit(small_ratings())
    found = model.recommend([100, 107], k=4, candidates=[["item-01", "item-02"], []], exclude_seen=False)
    again = rerank(found, model, k=6)
    assert set(again.items[0].compressed()) == {"item-01", "item-02"}
    assert again.mask[1].all()
    assert again.items.shape == (2, 6)


def test_refused():
    """A model that does not know the items, or how alike they are, cannot re-rank."""
    ratings = small_ratings()
    model = ALS(rank=2, random_state=0).fit(ratings)
    found = model.recommend(k=5)
    with pytest.raises(TypeError, match="Popularity knows nothing of how alike"):
        rerank(found, Popularity().fit(ratings))
    with pytest.raises(KeyError, match="unknown item"):
        rerank(found, ALS(rank=2, random_state=0).fit(np.ones((3, 3))))
    with pytest.raises(ValueError, match="diversity"):
        rerank(found, model, diversity=1.5)
    with pytest.raises(ValueError, match="k: expected"):
        rerank(found, model, k=0)
