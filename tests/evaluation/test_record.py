"""Records: what is saved comes back, and only what can be compared is compared."""

import base64
import json
import zlib

import numpy as np
import pytest
from tests.evaluation import published

from eckart import EckartError
from eckart.completion import ALS, Baseline, Popularity
from eckart.evaluation import compare_records, load_record, run_protocol

RATINGS = published.ratings_of(published.frame(n=1500))


@pytest.fixture(scope="module")
def record():
    return run_protocol("surprise-5fold", {"ALS": ALS(3, random_state=0), "Baseline": Baseline()}, RATINGS)


@pytest.fixture(scope="module")
def path(record, tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "record.json"
    record.save(path)
    return path


def test_round_trip(record, path):
    """The same table, the same numbers, the same by-user values to the last bit."""
    loaded = load_record(path)
    assert str(loaded) == str(record)
    assert loaded.to_dict() == record.to_dict()
    assert loaded.estimates == record.estimates


def test_json_says_what_was_done(path):
    """Another program reads means, parameters and versions without eckart."""
    document = json.loads(path.read_text())
    assert document["protocol"] == "surprise-5fold"
    assert document["data_hash"] == RATINGS.data_hash
    assert document["results"]["ALS"]["parameters"]["rank"] == 3
    assert document["results"]["Popularity"]["metrics"]["rmse"]["n_users"] == 120
    assert document["paired"][0]["first"] in ("ALS", "Baseline")
    assert {"version", "numpy", "python", "instruction_set", "threads"} <= set(document["environment"])


def test_the_table(record):
    """Baseline, intervals, the best, a paired comparison, costs and what was cold, all in one print."""
    said = str(record)
    for text in ("Popularity", "95 % intervals", "*", "fit MB", "minus Popularity: RMSE", "5 folds", "p "):
        assert text in said
    best = record.ranking[0]
    assert record.is_best(best, "rmse")
    assert (
        min(found["rmse"].mean for found in record.estimates.values()) == record.estimates[best]["rmse"].mean
    )


def test_a_model_that_does_not_beat_popularity_is_named():
    """A table that left this out would sell a worse model than counting."""
    record = run_protocol("lightgcn", {"twin": Popularity(), "Baseline": Baseline()}, RATINGS)
    assert not record.beats_popularity("twin")
    assert "NOT better than Popularity on Recall@20: twin, Baseline" in str(record)
    found = record.paired("twin", "Popularity").differences["recall@20"]
    assert (found.mean, found.p_value, found.better, found.worse) == (0, 1, 0, 0)


def test_a_model_that_beats_popularity_is_not(record):
    """The verdict follows the interval of the paired difference."""
    planted = run_protocol("surprise-5fold", {"Oracle": Oracle()}, RATINGS)
    assert planted.beats_popularity("Oracle")
    assert "NOT better" not in str(planted)


class Oracle(Baseline):
    """Knows every rating."""

    def predict(self, X, items=None, *, clip=False):
        return X.values


def test_comparing_two_runs(record, path):
    """The same run twice differs by nothing; another model on the same split is compared by user."""
    same = compare_records(record, load_record(path), "ALS")
    assert {(d.mean, d.p_value) for d in same.differences.values()} == {(0, 1)}
    other = run_protocol("surprise-5fold", {"Oracle": Oracle()}, RATINGS)
    found = compare_records(other, record, other="ALS").differences["rmse"]
    expected = other.estimates["Oracle"]["rmse"].mean - record.estimates["ALS"]["rmse"].mean
    assert found.mean == pytest.approx(expected)
    assert found.low <= found.mean <= found.high < 0


def test_what_cannot_be_compared(record):
    """Other data, another split or protocol: a difference of such numbers means nothing."""
    models = {"Baseline": Baseline()}
    for other, what in (
        (run_protocol("surprise-5fold", models, RATINGS[:-1]), "data hash"),
        (run_protocol("surprise-5fold", models, RATINGS, seed=1), "split hash"),
        (run_protocol("rendle-2019", models, RATINGS), "protocol"),
        (run_protocol("time", models, RATINGS), "protocol"),
    ):
        with pytest.raises(ValueError, match=f"records: expected the same {what}"):
            compare_records(record, other, "Baseline")
    with pytest.raises(ValueError, match="model: expected a name, as a record has several models: ALS, Base"):
        compare_records(record, record)
    with pytest.raises(ValueError, match="model: expected one of Popularity, ALS, Baseline, got 'SVD'"):
        compare_records(record, record, "SVD", "ALS")


def damaged(document, **changes):
    return json.dumps(document | changes)


def test_damaged_files_are_one_clear_error(path, tmp_path):
    """Whatever a file says, reading it ends in a record or an EckartError that names it."""
    document, wrong = json.loads(path.read_text()), tmp_path / "wrong.json"
    packed = document["by_user"]["ALS"]["rmse"]["sums"]

    def with_sums(**changes):
        users = json.loads(json.dumps(document["by_user"]))
        users["ALS"]["rmse"]["sums"] |= changes
        return damaged(document, by_user=users)

    bomb = base64.b64encode(zlib.compress(bytes(10**7))).decode()
    not_a_number = base64.b64encode(zlib.compress(np.full(packed["shape"], np.nan).tobytes())).decode()
    for text, said in (
        ("", "is damaged or no record"),
        (path.read_text()[:500], "is damaged or no record"),
        ("[1, 2]", "is no record"),
        ('{"format": "else"}', "is no record"),
        (damaged(document, format_version=99), "format version 99"),
        (damaged(document, by_user={}), "is damaged"),
        (damaged(document, results=[]), "is damaged"),
        (damaged(document, folds=document["folds"][:2]), "is damaged"),
        (damaged(document, folds=[{}] * 5), "is damaged"),
        (damaged(document, seed="0"), "is damaged"),
        (damaged(document, left_out={"users": "many"}), "is damaged"),
        (path.read_text().replace('"rmse"', '"rmsle"'), "is damaged"),
        (path.read_text().replace('"Popularity"', '"Unpopularity"'), "is damaged"),
        (with_sums(shape=[5, 10**15]), "is damaged"),
        (with_sums(shape=[5, -1]), "is damaged"),
        (with_sums(float64=packed["float64"][:-8]), "is damaged"),
        (with_sums(float64=bomb), "is damaged"),
        (with_sums(float64=not_a_number), "expected finite numbers"),
        (with_sums(float64="?"), "is damaged"),
    ):
        wrong.write_text(text)
        with pytest.raises(EckartError, match=said) as error:
            load_record(wrong)
        assert "wrong.json" in str(error.value)
    with pytest.raises(EckartError, match="no such file"):
        load_record(tmp_path / "none.json")
    with pytest.raises(EckartError, match="cannot save"):
        load_record(path).save(tmp_path / "no" / "folder.json")
