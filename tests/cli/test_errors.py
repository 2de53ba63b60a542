"""Bad input through the command line: every row of the design's table is one line and exit code 2."""

import errno
import os

import pytest

HEADER = "userId,movieId,rating\n"


def written(tmp_path, text):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    return path


def test_a_missing_file_is_named(fails, tmp_path):
    """The commonest slip of all is a wrong path."""
    fails("fit", tmp_path / "nowhere.csv", "-o", tmp_path / "m", says=["nowhere.csv", "no such file"])


def test_a_missing_column_lists_those_that_exist(fails, ratings, tmp_path):
    """Who sees the columns there are can name the right one at once."""
    says = ["'stars'", "'userId'", "'movieId'", "'rating'"]
    fails("fit", ratings, "--value", "stars", "-o", tmp_path / "m", says=says)


def test_columns_that_cannot_be_guessed_are_listed(fails, tmp_path):
    """A guess that fails must not become a wrong model."""
    fails("fit", written(tmp_path, "a,b,c\n1,2,3\n"), "-o", tmp_path / "m", says=["'a', 'b', 'c'", "user"])


@pytest.mark.parametrize(
    ("row", "says"),
    [("1", "fields"), ("1,3,good", "'good'"), ("1,3,nan", "nan"), ("1,3,inf", "inf"), ("1,3,", "")],
)
def test_a_bad_row_is_named_by_its_line(fails, tmp_path, row, says):
    """In a file of millions of rows only the line number helps."""
    path = written(tmp_path, f"{HEADER}1,2,3\n{row}\n2,2,4\n")
    fails("fit", path, "-o", tmp_path / "m", says=["line 3", says])


@pytest.mark.parametrize("text", ["", HEADER])
def test_an_empty_file_is_an_error(fails, tmp_path, text):
    """A model of nothing would recommend nothing without a word."""
    fails("fit", written(tmp_path, text), "-o", tmp_path / "m", says=["bad.csv"])


def test_duplicates_are_counted_and_can_be_resolved(fails, run, tmp_path):
    """Two ratings of one pair are a question that only the user can answer."""
    path = written(tmp_path, f"{HEADER}1,2,3\n1,2,5\n2,2,4\n2,3,1\n")
    fails("fit", path, "-o", tmp_path / "m", says=["duplicates", "1 repeated"])
    result = run("fit", path, "--duplicates", "mean", "--rank", "2", "-o", tmp_path / "m")
    assert result.exit_code == 0
    assert "3 from 1 to 4" in result.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--rank", "0"], "rank: expected an integer >= 1, got 0"),
        (["--reg=-1"], "reg: expected a finite number >= 0"),
        (["--reg", "much"], "--reg: expected one number or two"),
        (["--reg", "1,2,3"], "--reg: expected one number or two"),
        (["--max-iter", "0"], "max_iter"),
        (["--rank", "many"], "--rank"),
        (["--model", "oracle"], "--model"),
        (["--model", "baseline", "--rank", "8"], "--rank: --model baseline has no such parameter"),
        (["--model", "popularity", "--no-biases"], "--no-biases"),
        (["--model", "popularity", "--validation-size", "0.1"], "--validation-size"),
        (["--validation-size", "2"], "test_size"),
        (["--threads", "0"], "--threads"),
        (["--seed", "-1"], "--seed"),
        (["--dtype", "float16"], "--dtype"),
    ],
)
def test_a_bad_parameter_is_named(fails, ratings, tmp_path, options, says):
    """The line names the option, what was expected and what came; nothing is written."""
    out = tmp_path / "m.safetensors"
    fails("fit", ratings, "-o", out, *options, says=[says])
    assert not out.exists()


@pytest.mark.parametrize("command", [["recommend", "--user"], ["similar", "--item"], ["similar", "--user"]])
@pytest.mark.parametrize("name", ["4", "nobody"])
def test_an_unknown_id_is_named(fails, model, command, name):
    """Ids of another file are a common slip; the answer must not be somebody else's list."""
    fails(command[0], model, command[1], name, says=["unknown", f"'{name}'"])


def test_a_foreign_file_is_no_model(fails, ratings, tmp_path):
    """Files are read, never executed, and what is no model of ours is refused."""
    pickled = tmp_path / "m.pkl"
    pickled.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    for path in (ratings, pickled, tmp_path):
        fails("recommend", path, "--user", "10", says=[path.name])
    fails("info", ratings, says=["ratings.csv"])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_model_is_refused(fails, model, tmp_path, share):
    """A download that broke off must not load as a smaller model."""
    part = tmp_path / "part.safetensors"
    part.write_bytes(model.read_bytes()[: int(share * model.stat().st_size)])
    fails("recommend", part, "--user", "10", says=["part.safetensors"])


def test_a_damaged_model_is_refused(fails, model, tmp_path):
    """A file that was changed by a bad disk, or by hand, is found out before anything relies on it."""
    data = model.read_bytes()
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(data.replace(b'"ALS"', b'"SVM"', 1).replace(b"ALS", b"SVM"))
    fails("recommend", bad, "--user", "10", says=["bad.safetensors", "checksum"])


def test_a_model_without_ratings_says_what_needs_them(fails, run, bare, ratings):
    """Privacy has its price, and the line names it; what needs no ratings still works."""
    fails("recommend", bare, "--user", "10", says=["--no-interactions"])
    fails("evaluate", ratings, "--load", bare, says=["--no-interactions"])
    assert run("recommend", bare, "--user", "10", "--include-seen").exit_code == 0


def test_an_output_that_cannot_be_written_is_refused_before_the_work(fails, ratings, model, tmp_path):
    """An hour of fitting must not end in a wrong path."""
    for out in (tmp_path / "no" / "m.safetensors", tmp_path, ratings / "m.safetensors"):
        fails("fit", ratings, "-o", out, says=["cannot write"])
    fails("recommend", model, "--all", "--out", tmp_path / "no" / "r.csv", says=["cannot write"])
    fails("recommend", model, "--all", "--out", tmp_path / "r.xlsx", says=[".parquet or .csv"])


def test_a_full_disk_leaves_the_old_file_whole(fails, ratings, model, tmp_path, monkeypatch):
    """A save that fails must not cost the model that was there."""
    out = tmp_path / "m.safetensors"
    out.write_bytes(model.read_bytes())

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    fails("fit", ratings, "-o", out, "--rank", "2", says=["m.safetensors", "No space left"])
    assert out.read_bytes() == model.read_bytes()
    assert list(tmp_path.iterdir()) == [out]


def test_usage_errors_are_one_line_too(fails, model, ratings):
    """Typer would draw a box around them."""
    fails("frobnicate", says=["frobnicate", "eckart --help"])
    fails("fit", ratings, says=["--out", "eckart fit --help"])
    fails("recommend", model, says=["--user"])
    fails("recommend", model, "--all", says=["--out"])
    fails("similar", model, says=["--item"])
    fails("recommend", model, "--user", "10", "-k", "0", says=["-k"])


def test_a_bug_of_ours_is_one_line_that_says_so(fails, model, monkeypatch):
    """Nobody should have to read a traceback, and nobody should take a bug for a mistake of their own."""
    from eckart.completion import ALS

    def broken(*_, **__):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(ALS, "recommend", broken)
    fails(
        "recommend", model, "--user", "10", says=["internal error, RuntimeError: two lines", "ECKART_DEBUG"]
    )


def test_debug_shows_the_traceback(spawn, tmp_path):
    """Bug reports need it."""
    result = spawn("info", tmp_path / "none", ECKART_DEBUG="1")
    assert "Traceback" in result.stderr
    assert result.stdout == ""


def test_a_process_fails_as_the_runner_does(spawn, tmp_path):
    """What scripts see: the exit code, and an empty stdout."""
    result = spawn("info", tmp_path / "none")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
