"""The popularity row of every protocol, to the last digit, against plain Python on published recipes."""

import numpy as np
import pytest
from sklearn.model_selection import KFold
from tests.evaluation import published

import eckart as ek
from eckart.evaluation import PROTOCOLS, run_protocol

TABLE = published.frame()
RATINGS = published.ratings_of(TABLE)
CATALOGUE = set(TABLE.item)
SCALE = (1, 5)


def popularity(record):
    return {metric: found.mean for metric, found in record.estimates["Popularity"].items()}


@pytest.mark.parametrize(("name", "n_folds"), [("surprise-5fold", 5), ("rendle-2019", 10)])
def test_random_folds(name, n_folds):
    """The folds are those of scikit-learn and Surprise, the figure is the mean over them."""
    record = run_protocol(name, {}, RATINGS)
    folds = KFold(n_folds, shuffle=True, random_state=0).split(TABLE)
    expected = [published.mean_errors(TABLE.iloc[train], TABLE.iloc[test], SCALE) for train, test in folds]
    for metric, values in zip(("rmse", "mae"), zip(*expected, strict=True), strict=True):
        found = record.estimates["Popularity"][metric]
        assert found.folds == pytest.approx(values, rel=1e-12)
        assert found.mean == pytest.approx(np.mean(values), rel=1e-12)
    assert sum(fold["test_ratings"] for fold in record.folds) == len(TABLE)


def test_official_folds():
    """The given test parts are measured, each against all other rows, never against random folds."""
    parts = np.array_split(np.arange(len(TABLE)), 5)
    record = run_protocol("official-u1-u5", {}, RATINGS, test=[RATINGS[rows] for rows in parts])
    expected = [published.mean_errors(TABLE.drop(index=rows), TABLE.iloc[rows], SCALE) for rows in parts]
    assert popularity(record) == pytest.approx(
        dict(zip(("rmse", "mae"), np.mean(expected, axis=0), strict=True))
    )


def test_official_folds_from_other_files():
    """Files read apart have vocabularies of their own: ids decide, not codes, and new ids are no error."""
    rows = np.arange(0, len(TABLE), 7)
    test = published.ratings_of(TABLE.iloc[rows])
    whole = run_protocol("official-u1-u5", {}, RATINGS, test=[test])
    apart = run_protocol("official-u1-u5", {}, published.ratings_of(TABLE.drop(index=rows)), test=[test])
    expected = published.mean_errors(TABLE.drop(index=rows), TABLE.iloc[rows], SCALE)
    assert tuple(popularity(whole).values()) == pytest.approx(expected)
    assert tuple(popularity(apart).values()) == pytest.approx(expected)


@pytest.mark.parametrize("n_held_out", [10, 23])
def test_liang(n_held_out):
    """The users, the fold-in rows and the targets are those of the published notebook."""
    train, known, test = published.liang_cut(TABLE, n_held_out)
    record = run_protocol("liang-2018", {}, RATINGS, n_held_out=n_held_out)
    expected = published.mean_list_metrics(
        train, test, (20, 50, 100), known=known, catalogue=CATALOGUE, min_k=True
    )
    assert popularity(record) == pytest.approx({m: expected[m] for m in PROTOCOLS["liang-2018"].metrics})
    (counts,) = record.folds
    assert (counts["train_ratings"], counts["known_ratings"], counts["test_ratings"]) == (
        len(train), len(known), len(test),
    )  # fmt: skip
    assert counts["cold_users"] == counts["cold_ratings"] == 0  # what is folded in is known
    assert record.left_out["ratings below 4"] == (TABLE.rating < 4).sum()
    assert record.left_out["users kept for validation"] == n_held_out


def test_liang_with_many_targets():
    """With more targets than k, recall is over k: a full list of hits is 1."""
    table = published.frame(n_users=40, n_items=300, n=6000).assign(rating=5.0)
    train, known, test = published.liang_cut(table, 8)
    assert test.groupby("user").size().max() > 20
    expected = published.mean_list_metrics(
        train, test, (20, 50, 100), known=known, catalogue=set(table.item), min_k=True
    )
    found = popularity(run_protocol("liang-2018", {}, published.ratings_of(table), n_held_out=8))
    assert found == pytest.approx({m: expected[m] for m in found})


def leave_one_out():
    """Each user's last item, and 20 items of which the first is the positive itself for every third user."""
    rng = np.random.default_rng(1)
    test = TABLE.sort_values("timestamp", kind="stable").groupby("user").tail(1)
    train = TABLE.drop(index=test.index)
    negatives = {}
    for place, row in enumerate(test.itertuples()):
        unrated = sorted(CATALOGUE - set(TABLE.item[TABLE.user == row.user]))
        chosen = rng.permutation(unrated)[:20].tolist()
        negatives[row.user] = [row.item, *chosen[1:]] if place % 3 == 0 else chosen
    return train, test, negatives


def test_ncf_with_the_published_draw():
    """A positive among its own negatives stands once in the ranking, and the table says how often it did."""
    train, test, negatives = leave_one_out()
    users, items = zip(*[(u, i) for u, listed in negatives.items() for i in listed], strict=True)
    record = run_protocol(
        "ncf-loo", {}, RATINGS, test=published.ratings_of(test),
        negatives=ek.data.Ratings.from_arrays(users, items),
    )  # fmt: skip
    positives = dict(zip(test.user, test.item, strict=True))
    candidates = {user: {positives[user], *listed} for user, listed in negatives.items()}
    sampled = published.mean_list_metrics(train, test, (10,), candidates=candidates)
    every = published.mean_list_metrics(train, test, (10,), catalogue=CATALOGUE)
    assert popularity(record) == pytest.approx(
        {
            "sampled hit_rate@10": sampled["hit_rate@10"],
            "sampled ndcg@10": sampled["ndcg@10"],
            "hit_rate@10": every["hit_rate@10"],
            "ndcg@10": every["ndcg@10"],
        }
    )
    n_repeated = sum(positives[user] in listed for user, listed in negatives.items())
    assert n_repeated > 10
    said = f"left out: {n_repeated} negatives that are the user's own test item, dropped there"
    assert said in str(record)


def test_lightgcn():
    """Over all items but the training ones, with the number of relevant items below recall's line."""
    test = TABLE.groupby("user").sample(frac=0.2, random_state=0)
    record = run_protocol("lightgcn", {}, RATINGS, test=published.ratings_of(test))
    expected = published.mean_list_metrics(TABLE.drop(index=test.index), test, (20,), catalogue=CATALOGUE)
    assert popularity(record) == pytest.approx({m: expected[m] for m in ("recall@20", "ndcg@20")})


@pytest.mark.parametrize("relevant_from", [None, 3])
def test_time(relevant_from):
    """Cold users and items count in errors and lists alike; the future is nowhere in training."""
    at = 1700
    train, test = TABLE[TABLE.timestamp < at], TABLE[TABLE.timestamp >= at]
    record = run_protocol("time", {}, RATINGS, at=at, relevant_from=relevant_from)
    wanted = test if relevant_from is None else test[test.rating >= relevant_from]
    expected = published.mean_list_metrics(train, wanted, (20,), catalogue=CATALOGUE)
    found = popularity(record)
    assert (found["rmse"], found["mae"]) == pytest.approx(published.mean_errors(train, test, SCALE))
    assert {m: found[m] for m in ("ndcg@20", "recall@20")} == pytest.approx(
        {m: expected[m] for m in ("ndcg@20", "recall@20")}
    )


def test_clicks_have_no_errors_and_no_threshold():
    """Counted events: `time` measures lists alone, and liang-2018 takes every event as one."""
    clicks = ek.data.Ratings.from_arrays(
        TABLE.user.to_numpy(), TABLE.item.to_numpy(), timestamps=TABLE.timestamp.to_numpy()
    )
    assert run_protocol("time", {}, clicks).metrics == ["ndcg@20", "recall@20"]
    record = run_protocol("liang-2018", {}, clicks)
    assert record.settings["relevant_from"] is None
    assert "ratings below" not in " ".join(record.left_out)


def test_every_protocol_says_what_it_is():
    """The help and the table quote these; the name in the table is the name that is asked for."""
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name
        assert protocol.about
        assert protocol.source
