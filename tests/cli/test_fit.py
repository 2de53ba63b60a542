"""`eckart fit`: the file that it writes is the model that Python would have fitted."""

import signal

import numpy as np
import pytest

import eckart as ek
from eckart.completion._training import Trainer


def test_it_fits_the_model_that_python_fits(answer, ratings, tmp_path):
    """The command line is another door to the same room."""
    out = tmp_path / "m.safetensors"
    options = ["--rank", "3", "--reg", "0.2,0.3", "--max-iter", "4", "--seed", "7"]
    document = answer("fit", ratings, "-o", out, *options)
    data = ek.data.Ratings.from_file(ratings)
    expected = ek.completion.ALS(3, reg=(0.2, 0.3), max_iter=4, random_state=7).fit(data)
    loaded = ek.load(out)
    np.testing.assert_array_equal(loaded.user_factors_, expected.user_factors_)
    np.testing.assert_array_equal(loaded.item_factors_, expected.item_factors_)
    assert loaded.get_params()["reg"] == (0.2, 0.3)
    assert document["objective"] == expected.history_[-1]["objective"]
    assert document["train_rmse"] == pytest.approx(-expected.score(data))
    assert document["n_ratings"] == len(data)
    assert document["file_bytes"] == out.stat().st_size


@pytest.mark.parametrize(
    ("options", "attribute", "value"),
    [
        (["--no-biases"], "biases", False),
        (["--solver", "cg"], "solver", "cg"),
        (["--reg-scaling", "none"], "reg_scaling", "none"),
        (["--tol", "0.5"], "tol", 0.5),
    ],
)
def test_options_reach_the_model(run, ratings, tmp_path, options, attribute, value):
    """An option that is taken and ignored is worse than none."""
    out = tmp_path / "m.safetensors"
    assert run("fit", ratings, "-o", out, "--rank", "2", "--max-iter", "2", *options).exit_code == 0
    assert getattr(ek.load(out), attribute) == value


def test_dtype_reaches_the_factors(run, ratings, tmp_path):
    """Double precision is asked for where it matters."""
    for dtype in ("float32", "float64"):
        out = tmp_path / dtype
        assert run("fit", ratings, "-o", out, "--rank", "2", "--dtype", dtype).exit_code == 0
        assert ek.load(out).user_factors_.dtype == dtype


def test_other_models_are_saved_too(answer, ratings, tmp_path):
    """Baselines and item models are models in their own right."""
    for name in ("baseline", "popularity", "ease", "itemknn"):
        document = answer("fit", ratings, "-o", tmp_path / name, "--model", name)
        assert type(ek.load(tmp_path / name)).__name__.lower() == name
        assert "objective" not in document


def test_implicit_feedback(answer, fails, ratings, tmp_path):
    """Clicks need another loss and another measure: lists are judged, not an error of ratings."""
    out = tmp_path / "clicks.safetensors"
    command = ("fit", ratings, "-o", out, "--model", "implicit-als", "--rank", "3", "--max-iter", "2")
    document = answer(*command, "--confidence", "log", "--unobserved-weight", "0.4", "--solver", "subspace")
    twin = ek.completion.ImplicitALS(
        3, confidence="log", unobserved_weight=0.4, solver="subspace", max_iter=2, random_state=0
    ).fit(ek.data.Ratings.from_file(ratings))
    assert document["objective"] == twin.history_[-1]["objective"]
    assert "train_rmse" not in document
    document = answer(*command, "--validation-size", "0.2")
    assert 0 < document["validation_ndcg@10"] <= 1
    fails("fit", ratings, "-o", out, "--solver", "subspace", says=["solver", "subspace"])
    fails("fit", ratings, "-o", out, "--confidence", "log", says=["--model als has no such parameter"])


def test_validation_is_held_out(answer, ratings, tmp_path):
    """The error that stops the fit must come from ratings that it has not seen."""
    out = tmp_path / "m.safetensors"
    document = answer("fit", ratings, "-o", out, "--rank", "2", "--validation-size", "0.2")
    data = ek.data.Ratings.from_file(ratings)
    assert document["n_ratings"] + round(0.2 * len(data)) == pytest.approx(len(data), abs=1)
    train, held_out = ek.data.random_split(data, test_size=0.2, random_state=0)
    model = ek.completion.ALS(2, random_state=0).fit(train, validation=held_out)
    assert document["validation_rmse"] == min(record["validation"] for record in model.history_)


def test_columns_by_name_and_by_number(answer, tmp_path):
    """Files of others have names of their own, or none."""
    path = tmp_path / "r.csv"
    path.write_text("x,who,what,stars\n0,ann,tea,3\n0,bob,tea,4\n0,ann,pie,5\n")
    named = answer("fit", path, "--user", "who", "--item", "what", "--value", "stars", "--rank", "1", "-o",
                   tmp_path / "a")  # fmt: skip
    numbered = answer("fit", path, "--user", "1", "--item", "2", "--value", "3", "--rank", "1", "-o",
                      tmp_path / "b")  # fmt: skip
    assert named["n_users"] == numbered["n_users"] == 2
    assert named["objective"] == numbered["objective"]
    assert "ann" in ek.load(tmp_path / "a").users_


def test_the_table_has_what_counts(run, ratings, tmp_path):
    """People read: how much data, how good, how long, where."""
    result = run("fit", ratings, "-o", tmp_path / "m.safetensors", "--rank", "2", "--validation-size", "0.1")
    assert result.exit_code == 0
    for text in ("ALS fitted to", "30 users × 23 items", "objective", "validation RMSE", "m.safetensors"):
        assert text in result.stdout.replace("\n", "")


def test_threads_do_not_change_the_file(run, ratings, tmp_path):
    """The promise of the library holds from here too."""
    before = ek.get_num_threads()
    factors = []
    try:
        for n in (1, 2, 3):
            assert run("fit", ratings, "-o", tmp_path / f"{n}", "--rank", "3", "--threads", n).exit_code == 0
            factors.append(ek.load(tmp_path / f"{n}").user_factors_)
    finally:
        ek.set_num_threads(None)
    assert ek.get_num_threads() == before
    np.testing.assert_array_equal(factors[0], factors[1])
    np.testing.assert_array_equal(factors[0], factors[2])


def test_ctrl_c_writes_nothing_and_says_so(run, ratings, tmp_path, monkeypatch):
    """Who interrupts a fit must know whether there is a file now."""
    stops = Trainer._stops

    def interrupt(self, record):
        if record["iteration"] == 3:
            signal.raise_signal(signal.SIGINT)
        return stops(self, record)

    monkeypatch.setattr(Trainer, "_stops", interrupt)
    out = tmp_path / "m.safetensors"
    result = run("fit", ratings, "-o", out, "--rank", "2", "--tol", "0")
    assert result.exit_code == 130
    assert result.stderr == f"interrupted after 3 iterations: nothing was written to {out}\n"
    assert result.stdout == ""
    assert not out.exists()


def test_ctrl_c_elsewhere_is_one_line(run, ratings, tmp_path, monkeypatch):
    """Reading a large file can be interrupted as well."""
    monkeypatch.setattr(ek.data.Ratings, "from_file", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    result = run("fit", ratings, "-o", tmp_path / "m")
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")
