"""Reports and comparisons as people and machines read them."""

import json

from eckart.evaluation import Comparison, Report
from eckart.metrics import Summary

COUNTS = {
    "train_ratings": 9000,
    "test_ratings": 1234,
    "test_users": 50,
    "test_items": 60,
    "cold_users": 1,
    "cold_items": 2,
    "cold_ratings": 3,
}
NAN = float("nan")


def report(rmse=0.9, ndcg=0.25):
    return Report(
        k=5,
        relevant_from=4.0,
        counts=dict(COUNTS),
        metrics={"rmse": Summary(rmse, 0.85, 0.95, 50, 0), "ndcg": Summary(ndcg, 0.2, 0.3, 48, 2)},
        catalogue={"coverage": 0.125, "novelty": NAN, "popularity_share": 0.5},
        seconds={"predict": 0.0123, "recommend": 1.5},
    )


def test_text_of_a_report():
    """The table is the product: aligned, titled, nothing dropped without a word."""
    expected = """\
          mean     95 % interval  users  skipped
RMSE    0.9000  [0.8500, 0.9500]     50        0
NDCG@5  0.2500  [0.2000, 0.3000]     48        2
coverage 12.5%, novelty nan bits, 50.0% of the lists from the 1 % most popular items
1,234 test ratings of 50 users and 60 items; without a training rating: 1 users and 2 items (3 ratings); \
relevant from 4
predict 0.012 s, recommend 1.500 s"""
    assert str(report()) == expected
    assert repr(report()) == expected


def test_report_for_machines():
    """Strict JSON (no NaN), every number of the report in it, and no share in the report's own state."""
    original = report(ndcg=NAN)
    plain = original.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["k"] == 5
    assert plain["relevant_from"] == 4.0
    assert plain["counts"] == COUNTS
    assert plain["metrics"]["rmse"] == {
        "mean": 0.9, "low": 0.85, "high": 0.95, "n_users": 50, "n_skipped": 0
    }  # fmt: skip
    assert plain["metrics"]["ndcg"]["mean"] is None
    assert plain["catalogue"] == {"coverage": 0.125, "novelty": None, "popularity_share": 0.5}
    assert plain["seconds"] == {"predict": 0.0123, "recommend": 1.5}
    plain["counts"]["test_users"] = 0
    assert original.counts["test_users"] == 50


def test_text_of_a_comparison():
    """One line a model; the best mean is marked, which is the lowest error and the highest NDCG."""
    text = str(Comparison({"popularity": report(0.95, 0.25), "als": report(0.9, NAN)}))
    header, first, second, note, data = text.splitlines()
    assert header.split() == ["RMSE", "NDCG@5", "coverage", "predict", "s", "recommend", "s"]
    assert first.split() == ["popularity", "0.9500", "0.2500*", "12.5%", "0.012", "1.500"]
    assert second.split() == ["als", "0.9000*", "nan", "12.5%", "0.012", "1.500"]
    assert len({len(line) for line in (header, first, second)}) == 1
    assert note.startswith("* best mean")
    assert data == report().describe_data()


def test_comparison_for_machines():
    """A dictionary of the reports."""
    comparison = Comparison({"a": report(), "b": report(0.8)})
    assert comparison.to_dict() == {"a": report().to_dict(), "b": report(0.8).to_dict()}


def test_report_without_metrics_and_comparison_without_models():
    """Asking for nothing is no crash."""
    assert str(Report(k=3, counts=dict(COUNTS))) == report().describe_data().split("; relevant")[0]
    assert str(Comparison({})) == "no models"
    assert str(Comparison({"a": Report(k=3, counts=dict(COUNTS))})).startswith("\na\n")
