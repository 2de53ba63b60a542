"""`eckart evaluate`: the numbers are those of `eckart.evaluation`, on the split that was asked for."""

import pytest

import eckart as ek
from eckart.cli.evaluate import Split, cut, in_codes_of

FAST = ["--rank", "2", "--max-iter", "3"]


def test_numbers_are_those_of_python(answer, ratings):
    """A table that differs from the library's own would be worse than none."""
    document = answer("evaluate", ratings, "--test-size", "0.2", "-k", "5", *FAST)
    data = ek.data.Ratings.from_file(ratings)
    train, test = ek.data.random_split(data, test_size=0.2, random_state=0)
    model = ek.completion.ALS(2, max_iter=3, random_state=0).fit(train)
    expected = ek.evaluation.evaluate(model, train, test, 5, random_state=0)
    assert list(document["reports"]) == ["Global mean", "Baseline", "Popularity", "ALS"]
    assert document["reports"]["ALS"]["metrics"] == expected.to_dict()["metrics"]
    assert document["reports"]["ALS"]["metrics"]["rmse"]["mean"] == pytest.approx(-model.score(test))
    mean_error = ((test.values - train.mean) ** 2).mean() ** 0.5
    assert document["reports"]["Global mean"]["metrics"]["rmse"]["mean"] == pytest.approx(mean_error)
    assert "ndcg" not in document["reports"]["Global mean"]["metrics"]


@pytest.mark.parametrize("split", list(Split))
def test_every_split_is_disjoint_and_complete(ratings, split):
    """A test rating in training would make every model look good."""
    data = ek.data.Ratings.from_file(ratings)
    train, test = cut(data, split, 0.2, 0)
    assert len(test)
    pairs = [{(r.user, r.item) for r in part} for part in (train, test)]
    assert not pairs[0] & pairs[1]
    assert len(pairs[0] | pairs[1]) == len(data)


@pytest.mark.parametrize("split", ["user", "last", "time"])
def test_every_split_runs(answer, ratings, split):
    """Cold users and items of the harder splits must not break the table."""
    document = answer("evaluate", ratings, "--split", split, "--relevant-from", "3", *FAST)
    assert document["split"] == split
    assert document["reports"]["ALS"]["relevant_from"] == 3


def test_the_table_marks_the_best(run, ratings):
    """One look says which model wins, and how surely."""
    result = run("evaluate", ratings, "--test-size", "0.2", *FAST)
    assert result.exit_code == 0
    assert result.stderr == ""
    for text in ("ALS beside the simplest models", "RMSE", "NDCG@10", "95 % interval", "*", "test ratings"):
        assert text in result.stdout


def test_a_baseline_stands_in_its_own_row(answer, ratings):
    """`--model baseline --reg 50` is the baseline of the table, not a fifth model."""
    document = answer("evaluate", ratings, "--model", "baseline", "--reg", "50")
    assert sorted(document["reports"]) == ["Baseline", "Global mean", "Popularity"]
    weak = answer("evaluate", ratings, "--model", "popularity")["reports"]["Baseline"]["metrics"]["rmse"][
        "mean"
    ]
    assert document["reports"]["Baseline"]["metrics"]["rmse"]["mean"] != weak


def test_a_saved_model_is_measured_without_its_own_ratings(answer, run, model, ratings, tmp_path):
    """Lists leave out what the model was trained on; unknown ids are counted, not hidden."""
    test = tmp_path / "test.csv"
    data = ek.load(model).interactions_
    unseen = next(i for i in range(data.n_items) if i not in data.by_user.row(0)[0])
    item = data.items.decode([unseen])[0]
    test.write_text(f"userId,movieId,rating\n10,{item},4\n10,99999,3\n77777,{item},2\n")
    document = answer("evaluate", test, "--load", model, "-k", "100")
    assert document["unknown_ratings"] == 2
    assert document["report"]["counts"]["test_ratings"] == 1
    # With k past the catalogue the one test item is found, as it is no training item of user 10.
    assert document["report"]["metrics"]["recall"]["mean"] == 1
    error = abs(ek.load(model).predict([10], [item])[0] - 4)
    assert document["report"]["metrics"]["mae"]["mean"] == pytest.approx(error, rel=1e-6)
    assert "left out: 2 ratings" in run("evaluate", test, "--load", model).stdout


def test_codes_follow_the_model(model, ratings):
    """The same ratings, read again, land on the model's own rows."""
    train = ek.load(model).interactions_
    data = ek.data.Ratings.from_file(ratings)
    part, unknown = in_codes_of(train, data)
    assert unknown == 0
    assert {tuple(r) for r in part} == {tuple(r) for r in train}


def test_what_cannot_be_measured_is_an_error(fails, ratings, model, tmp_path):
    """No numbers are better than numbers of nothing."""
    other = tmp_path / "other.csv"
    other.write_text("userId,movieId,rating\n1,1,3\n")
    fails("evaluate", other, "--load", model, says=["none of the 1 ratings"])
    fails("evaluate", ratings, "--load", model, "--rank", "3", says=["--rank"])
    fails("evaluate", ratings, "--test-size", "1.5", says=["test_size"])
    fails("evaluate", ratings, "--test-size", "1", *FAST, says=["rating"])
