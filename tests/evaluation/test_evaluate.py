"""The evaluation protocol with small fake models: right numbers by hand or by brute force."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest

import eckart as ek
from eckart.base.csr import Csr
from eckart.completion import EASE, ImplicitALS, ItemKNN
from eckart.evaluation import compare, evaluate
from eckart.metrics import mae, ndcg_at_k, rmse, summarize


@dataclass(eq=False)
class Ratings:
    """The part of ``eckart.data.Ratings`` that the protocol uses; ids are the codes themselves."""

    user_index: np.ndarray
    item_index: np.ndarray
    values: np.ndarray
    n_users: int
    n_items: int

    def __len__(self):
        return len(self.values)

    @property
    def users(self):
        return range(self.n_users)

    @property
    def items(self):
        return range(self.n_items)

    @cached_property
    def by_user(self):
        return self._compressed(self.user_index, self.item_index, self.n_users, self.n_items)

    @cached_property
    def by_item(self):
        return self._compressed(self.item_index, self.user_index, self.n_items, self.n_users)

    def _compressed(self, rows, columns, n_rows, n_columns):
        order = np.lexsort((columns, rows))
        indptr = np.r_[0, np.cumsum(np.bincount(rows, minlength=n_rows))].astype(np.int64)
        return Csr(indptr, columns[order].astype(np.int32), self.values[order], n_columns)


def ratings_of(triples, n_users, n_items):
    users, items, values = zip(*triples, strict=True) if triples else ((), (), ())
    indices = np.array(users, dtype=np.int32), np.array(items, dtype=np.int32)
    return Ratings(*indices, np.array(values, dtype=np.float32), n_users, n_items)


class ByScore:
    """Recommends by fixed scores of the items, the same for everyone; predicts a constant."""

    def __init__(self, scores, constant=3.0):
        self.scores, self.constant = np.asarray(scores, dtype=np.float64), constant

    def predict(self, ratings):
        return np.full(len(ratings), self.constant, dtype=np.float32)

    def _recommend_codes(self, users, k, exclude):
        assert users.dtype == np.int32
        assert exclude.n_rows == len(users)
        codes = np.full((len(users), k), -1, dtype=np.int32)
        for row in range(len(users)):
            seen = set(exclude.row(row)[0].tolist())
            best = [i for i in np.argsort(-self.scores, kind="stable") if i not in seen][:k]
            codes[row, : len(best)] = best
        return codes, np.zeros(codes.shape, dtype=np.float32)


TRAIN = ratings_of([(0, 0, 5), (0, 1, 3), (1, 0, 4), (2, 2, 1)], n_users=5, n_items=5)
TEST = ratings_of([(0, 2, 4), (0, 3, 2), (1, 1, 5), (3, 0, 3)], n_users=5, n_items=5)
MODEL = ByScore([5, 4, 3, 2, 1])


def test_numbers_counted_by_hand():
    """Lists at k = 2, train items excluded: user 0 [2, 3], user 1 [1, 2], user 3 (cold) [0, 1]."""
    report = evaluate(MODEL, TRAIN, TEST, k=2)
    mean = {name: summary.mean for name, summary in report.metrics.items()}
    assert mean["precision"] == pytest.approx((2 / 2 + 1 / 2 + 1 / 2) / 3)
    for name in ("recall", "hit_rate", "map", "mrr", "ndcg"):
        assert mean[name] == pytest.approx(1)
    assert mean["rmse"] == pytest.approx(math.sqrt((1 + 1 + 4 + 0) / 4))
    assert mean["mae"] == pytest.approx((1 + 1 + 2 + 0) / 4)
    assert {s.n_users for s in report.metrics.values()} == {3}
    assert report.catalogue["coverage"] == pytest.approx(4 / 5)
    known_by = [2 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3]  # item 3 is unknown and counts as known to one of 3
    information = [[2, 3], [1, 2], [0, 1]]
    assert report.catalogue["novelty"] == pytest.approx(
        np.mean([np.mean([-math.log2(known_by[i]) for i in row]) for row in information])
    )
    assert report.catalogue["popularity_share"] == pytest.approx(1 / 6)
    assert set(report.seconds) == {"predict", "recommend"}


def test_cold_users_and_items_are_counted_and_measured():
    """User 3 and item 3 are new: two ratings that a lesser protocol would drop."""
    assert evaluate(MODEL, TRAIN, TEST, k=2).counts == {
        "train_ratings": 4,
        "test_ratings": 4,
        "test_users": 3,
        "test_items": 4,
        "cold_users": 1,
        "cold_items": 1,
        "cold_ratings": 2,
    }


def test_relevant_from_leaves_users_out_and_says_so():
    """With relevant ratings of at least 4, user 3 has none; user 0 keeps one of two."""
    report = evaluate(MODEL, TRAIN, TEST, k=2, relevant_from=4)
    precision = report.metrics["precision"]
    assert (precision.n_users, precision.n_skipped) == (2, 1)
    assert precision.mean == pytest.approx(1 / 2)
    assert report.metrics["rmse"].n_users == 3
    assert "relevant from 4" in str(report)


def test_parts_can_be_left_out():
    """An implicit model has no ratings to predict, a baseline may have nothing to rank."""
    ranking = evaluate(MODEL, TRAIN, TEST, k=2, rating_metrics=False)
    rating = evaluate(MODEL, TRAIN, TEST, k=2, ranking_metrics=False)
    assert set(ranking.metrics) == {"precision", "recall", "hit_rate", "map", "mrr", "ndcg"}
    assert set(rating.metrics) == {"rmse", "mae"}
    assert set(ranking.seconds) == {"recommend"}
    assert set(rating.seconds) == {"predict"}
    assert rating.catalogue == {}


def test_a_model_that_only_ranks_has_no_error():
    """The RMSE of scores that are no ratings would be a number without a meaning."""
    train, test = ek.data.random_split(
        ek.datasets.make_ratings(40, 30, 400).ratings, test_size=0.2, random_state=0
    )
    for model in (EASE(), ItemKNN(), ImplicitALS(2, random_state=0)):
        report = evaluate(model.fit(train), train, test, k=2)
        assert not {"rmse", "mae"} & set(report.metrics)
        assert "ndcg" in report.metrics
    assert "rmse" in evaluate(ItemKNN(feedback="explicit").fit(train), train, test, k=2).metrics


def random_split(seed, n_users=120, n_items=40):
    """A random split whose rows come in no order, some users in one part only."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(n_users * n_items)[:1500]
    triples = [(int(p // n_items), int(p % n_items), int(rng.integers(1, 6))) for p in pairs]
    return ratings_of(triples[:1100], n_users, n_items), ratings_of(triples[1100:], n_users, n_items)


class Noisy(ByScore):
    """Predictions with errors, so that RMSE and MAE differ between users."""

    def predict(self, ratings):
        return np.random.default_rng(0).normal(3, 1, len(ratings))


def test_agrees_with_the_metrics_themselves():
    """The report says what the public functions say about the same predictions and lists."""
    train, test = random_split(0)
    model = Noisy(np.random.default_rng(1).random(40))
    report = evaluate(model, train, test, k=7, random_state=5)
    predicted = model.predict(test)
    assert report.metrics["rmse"].mean == pytest.approx(rmse(test.values, predicted), rel=1e-12)
    assert report.metrics["mae"].mean == pytest.approx(mae(test.values, predicted), rel=1e-12)
    assert report.metrics["rmse"].low < report.metrics["rmse"].mean < report.metrics["rmse"].high
    users = np.flatnonzero(np.bincount(test.user_index, minlength=120)).astype(np.int32)
    lists, _ = model._recommend_codes(users, 7, train.by_user.select(users))
    ndcg = ndcg_at_k(lists, test.by_user.select(users), 7)
    assert report.metrics["ndcg"] == summarize(ndcg, random_state=5)


def test_no_training_item_is_ranked():
    """Excluding what was seen is the protocol's part: a model that ranks it first gains nothing."""
    train, test = random_split(2)
    seen = train.by_user.to_scipy().toarray() > 0

    class Spy(ByScore):
        def _recommend_codes(self, users, k, exclude):
            np.testing.assert_array_equal(exclude.to_scipy().toarray() > 0, seen[users])
            return super()._recommend_codes(users, k, exclude)

    evaluate(Spy(np.arange(40)), train, test)


def test_same_seed_same_report_on_any_number_of_threads():
    """A report can be reproduced; only the seconds differ."""
    train, test = random_split(3)
    reports = []
    for threads in (1, 2):
        ek.set_num_threads(threads)
        reports.append(evaluate(MODEL_40, train, test, random_state=1).to_dict())
    ek.set_num_threads(None)
    other = evaluate(MODEL_40, train, test, random_state=2)
    for report in reports:
        report.pop("seconds")
    assert reports[0] == reports[1]
    assert other.metrics["ndcg"].low != reports[0]["metrics"]["ndcg"]["low"]


MODEL_40 = Noisy(np.arange(40) % 7)


def test_lists_shorter_than_k():
    """A catalogue of five with k = 10: precision still divides by k, recall is whole."""
    report = evaluate(MODEL, TRAIN, TEST, k=10)
    assert report.metrics["recall"].mean == 1
    assert report.metrics["precision"].mean == pytest.approx((0.2 + 0.1 + 0.1) / 3)


def test_compare_measures_every_model_alike():
    """Each report is what evaluate gives alone, with the same resamples even from a generator."""
    comparison = compare({"good": MODEL, "bad": ByScore([0, 0, 0, 0, 1], 1.0)}, TRAIN, TEST, k=2)
    alone = evaluate(MODEL, TRAIN, TEST, k=2)
    assert comparison.reports["good"].metrics == alone.metrics
    assert comparison.reports["bad"].metrics["ndcg"].mean < alone.metrics["ndcg"].mean
    twice = compare({"a": MODEL, "b": MODEL}, TRAIN, TEST, k=2, random_state=np.random.default_rng(0))
    assert twice.reports["a"].metrics == twice.reports["b"].metrics
    assert list(comparison.to_dict()) == ["good", "bad"]


@pytest.mark.parametrize(
    ("test", "arguments", "message"),
    [
        (
            ratings_of([(0, 0, 1)], 4, 5),
            {},
            "expected the users and items of train, .* got 4 users and 5 items",
        ),
        (ratings_of([], 5, 5), {}, "test: expected at least one rating, got none"),
        (TEST, {"k": 0}, "k: expected an integer >= 1, got 0"),
        (TEST, {"relevant_from": math.nan}, "relevant_from: expected a finite number"),
        (TEST, {"random_state": -1}, "random_state: expected"),
    ],
)
def test_refuses_bad_input(test, arguments, message):
    """Another vocabulary would compare different films under one code."""
    with pytest.raises(ValueError, match=message):
        evaluate(MODEL, TRAIN, test, **arguments)


def test_refuses_a_model_that_answers_wrongly():
    """A diverged model or a faulty list is an error, not a number in a table."""
    with pytest.raises(ValueError, match="y_pred: expected finite numbers, got nan"):
        evaluate(ByScore(MODEL.scores, math.nan), TRAIN, TEST)

    class Repeats(ByScore):
        def _recommend_codes(self, users, k, exclude):
            return np.zeros((len(users), k), dtype=np.int32), None

    with pytest.raises(ValueError, match="recommended: expected an item at most once in a list"):
        evaluate(Repeats(MODEL.scores), TRAIN, TEST)


@pytest.mark.parametrize("side", ["users", "items"])
def test_refuses_a_model_of_other_data(side):
    """Its codes mean other users or items: every number would be wrong, and none would look it."""
    model = ByScore(MODEL.scores)
    model.users_, model.items_ = TRAIN.users, TRAIN.items
    evaluate(model, TRAIN, TEST)
    setattr(model, f"{side}_", range(6))
    with pytest.raises(ValueError, match=f"model: expected one fitted on train, got one with other {side}"):
        evaluate(model, TRAIN, TEST)
