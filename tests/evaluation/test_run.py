"""run_protocol: the same bits whoever runs it, models untouched, and clear words where it cannot run."""

import numpy as np
import pytest
from tests.evaluation import published

from eckart.base.threads import get_num_threads, set_num_threads
from eckart.completion import ALS, EASE, Baseline, Popularity
from eckart.evaluation import run_protocol

RATINGS = published.ratings_of(published.frame(n=1500))
MODELS = {"ALS": ALS(3, max_iter=2, random_state=0), "Baseline": Baseline()}
EVERY = {
    "surprise-5fold": {},
    "official-u1-u5": {"test": [RATINGS[::5], RATINGS[1::5]]},
    "rendle-2019": {},
    "liang-2018": {},
    "ncf-loo": {"n_negatives": 9},
    "lightgcn": {},
    "time": {},
}


@pytest.mark.parametrize("name", EVERY)
def test_same_bits_for_any_number_of_threads(name):
    """A record can be compared with one from another machine's number of cores."""
    before, records = get_num_threads(), []
    try:
        for threads in (1, 2, 3, 5):
            set_num_threads(threads)
            records.append(run_protocol(name, MODELS, RATINGS, **EVERY[name]))
    finally:
        set_num_threads(before)
    for record in records[1:]:
        assert record.split_hash == records[0].split_hash
        assert record.estimates == records[0].estimates
        for model, metrics in record.by_user.items():
            for metric, x in metrics.items():
                assert np.array_equal(x.sums, records[0].by_user[model][metric].sums)


def test_baseline_stands_in_every_table_and_models_stay_unfitted():
    """Popularity is printed whoever asks; the caller's models are fitted as copies."""
    model = Baseline()
    record = run_protocol("lightgcn", {"mine": model}, RATINGS)
    assert list(record.results) == ["Popularity", "mine"]
    assert not hasattr(model, "mean_")
    assert record.results["mine"].model == "Baseline"
    assert record.results["mine"].parameters == model.get_params() | {"reg": [5.0, 2.0]}
    assert record.results["mine"].fit_seconds > 0
    assert list(run_protocol("lightgcn", {"Popularity": Popularity()}, RATINGS).results) == ["Popularity"]


def test_data_may_be_a_table():
    """What `fit` takes, a protocol takes; parts that must share its ids are Ratings, and it says so."""
    table = published.frame(n=1500)
    assert run_protocol("time", {}, table).estimates == run_protocol("time", {}, RATINGS).estimates
    with pytest.raises(TypeError, match="test: expected Ratings, got DataFrame"):
        run_protocol("lightgcn", {}, RATINGS, test=table)
    with pytest.raises(TypeError, match="negatives: expected Ratings, got DataFrame"):
        run_protocol("ncf-loo", {}, RATINGS, negatives=table)


def test_another_seed_is_another_split():
    """Records of two seeds must not look alike."""
    first, second = (run_protocol("surprise-5fold", {}, RATINGS, seed=seed) for seed in (0, 1))
    assert first.data_hash == second.data_hash
    assert first.split_hash != second.split_hash


def test_training_gets_events():
    """liang-2018 binarises: a model that sees the ratings would solve another task."""

    class Spy(Popularity):
        def fit(self, X, y=None):
            assert X.counted
            assert set(X.values) == {1.0}
            return super().fit(X, y)

    run_protocol("liang-2018", {"spy": Spy()}, RATINGS)


def test_predictions_are_clipped_to_the_scale():
    """No rating is 7: as in the published tables, a prediction beyond the scale counts as its end."""

    class Wild(Baseline):
        def _predict_codes(self, users, items):
            return np.full(len(users), 7.0)

    record = run_protocol("surprise-5fold", {"wild": Wild()}, RATINGS)
    assert record.estimates["wild"]["mae"].mean == pytest.approx(5 - RATINGS.mean)


def test_a_model_that_answers_nan_is_refused():
    """A NaN must not become a mean."""

    class Broken(Baseline):
        def _predict_codes(self, users, items):
            return np.full(len(users), np.nan)

    with pytest.raises(ValueError, match="y_pred: expected finite numbers"):
        run_protocol("surprise-5fold", {"broken": Broken()}, RATINGS)


def test_beside_a_model_that_only_ranks_there_are_no_errors():
    """Its scores are no ratings, and every model of a record has the same metrics."""
    record = run_protocol("time", {"e": EASE(), "b": Baseline()}, RATINGS)
    assert record.metrics == ["ndcg@20", "recall@20"]
    assert "rmse" in run_protocol("time", {"b": Baseline()}, RATINGS).metrics


@pytest.mark.parametrize(
    ("name", "models", "options", "message"),
    [
        ("surprise", {}, {}, "name: expected one of 'surprise-5fold', 'official-u1-u5'"),
        ("lightgcn", {}, {"k": 20}, r"k: lightgcn has no such option \(it has: test\)"),
        ("rendle-2019", {}, {"n_splits": 3}, r"n_splits: rendle-2019 has no such option \(it has: none\)"),
        ("lightgcn", {}, {"seed": -1}, "seed: expected an integer >= 0"),
        (
            "lightgcn",
            {"Popularity": Baseline()},
            {},
            "models: 'Popularity' is the baseline's own name",
        ),
        ("liang-2018", {}, {"relevant_from": 6}, "relevant_from: expected a value that some rating reaches"),
        ("time", {}, {"relevant_from": 6}, "data: expected users with something to find"),
        ("lightgcn", {}, {"relevant_from": "x"}, "relevant_from: expected a finite number"),
        ("surprise-5fold", {"e": EASE()}, {}, r"measures errors of predicted ratings, got 'e' \(EASE\)"),
    ],
)
def test_refuses(name, models, options, message):
    """Nothing is measured that was not asked for, and nothing asked for is ignored."""
    with pytest.raises(ValueError, match=message):
        run_protocol(name, models, RATINGS, **options)
