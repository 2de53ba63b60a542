"""Protocols on the data that they were published with: facts that others have published come out."""

import numpy as np
import pytest

from eckart.evaluation import run_protocol

data = pytest.importorskip("benchmarks.data", reason="benchmarks are not part of a release")
if data.shared_data() is None:
    pytest.skip("no shared data (set ECKART_SHARED_DATA)", allow_module_level=True)


def test_ncf():
    """6,040 users of MovieLens 1M, 156 with their positive among the negatives, 994,169 training ratings;
    popularity's hit rate is that of the plot in He et al. (2017), about .45."""
    ratings, test, negatives = data.movielens_1m_leave_one_out()
    record = run_protocol("ncf-loo", {}, ratings, test=test, negatives=negatives)
    assert record.folds[0]["train_ratings"] == 994_169
    assert record.left_out == {
        "negatives that are the user's own test item, dropped there": 156,
        "negatives that the user has rated in training, dropped": 0,
    }
    assert _sampled_hit_rate(ratings, test, negatives) == pytest.approx(
        record.estimates["Popularity"]["sampled hit_rate@10"].mean
    )
    assert record.estimates["Popularity"]["sampled hit_rate@10"].mean == pytest.approx(0.453, abs=0.001)


def _sampled_hit_rate(ratings, test, negatives):
    """Return popularity's hit rate, counted by ids in dictionaries."""
    items = ratings.items.decode(ratings.item_index).tolist()
    users = ratings.users.decode(ratings.user_index).tolist()
    positives = {row.user: row.item for row in test}
    counts = {}
    for user, item in zip(users, items, strict=True):
        counts[item] = counts.get(item, 0) + (positives[user] != item)
    candidates = {user: {item} for user, item in positives.items()}
    for row in negatives:
        candidates[row.user].add(row.item)
    ranked = {u: sorted(c, key=lambda item: (-counts[item], item))[:10] for u, c in candidates.items()}
    return np.mean([positives[user] in ranked[user] for user in positives])


def test_lightgcn():
    """Gowalla's popularity baseline is published with Recall@20 .0416 and NDCG@20 .0317."""
    train, test = data.gowalla()
    record = run_protocol("lightgcn", {}, train, test=test)
    assert record.folds[0]["train_ratings"] == 810_128
    assert record.folds[0]["cold_ratings"] == 0
    found = record.estimates["Popularity"]
    assert found["recall@20"].mean == pytest.approx(0.0416, abs=0.0001)
    assert found["ndcg@20"].mean == pytest.approx(0.0317, abs=0.0001)


def test_official_folds():
    """The five test files are disjoint and hold every rating once, and u1 is the hardest."""
    ratings, folds = data.movielens_100k()
    record = run_protocol("official-u1-u5", {}, ratings, test=folds)
    assert [fold["test_ratings"] for fold in record.folds] == [20_000] * 5
    errors = record.estimates["Popularity"]["rmse"].folds
    assert errors[0] == max(errors)
    for rows, error in zip(folds, errors, strict=True):
        assert error == pytest.approx(_item_mean_error(ratings, rows), rel=1e-9)


def _item_mean_error(ratings, test):
    n = ratings.n_items
    in_test = set(zip(test.user_index.tolist(), test.item_index.tolist(), strict=True))
    pairs = zip(ratings.user_index.tolist(), ratings.item_index.tolist(), strict=True)
    train = np.array([pair not in in_test for pair in pairs])
    sums = np.bincount(ratings.item_index[train], ratings.values[train], n)
    counts = np.bincount(ratings.item_index[train], minlength=n)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), ratings.values[train].mean(dtype=float))
    return np.sqrt(np.mean((test.values - means[test.item_index]) ** 2))
