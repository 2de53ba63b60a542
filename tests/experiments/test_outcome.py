"""Checks and the registry of experiments."""

import pytest

from eckart import experiments
from eckart.base.errors import EckartError
from eckart.experiments import Check, Outcome, Table
from eckart.experiments.outcome import figure_of


def test_checks_can_fail():
    """A check that cannot fail would be worth nothing."""
    assert Check.close("x", 1.0 + 1e-9, 1.0).passed
    assert not Check.close("x", 1.0 + 1e-3, 1.0).passed
    assert not Check.close("x", float("nan"), 1.0).passed
    assert Check.close("x", 1e-9, 0.0).passed
    assert Check.at_least("x", 2, 2).passed
    assert not Check.at_least("x", 1, 2).passed
    assert not Check.at_most("x", 3, 2).passed


def test_an_outcome_passes_when_all_its_checks_do():
    """The command's exit code hangs on it."""
    good, bad = Check.at_least("a", 2, 1), Check.at_least("b", 0, 1)
    assert Outcome([good]).passed
    assert not Outcome([good, bad]).passed
    document = Outcome([bad], [Table("t", ("x", "y"), [("a", 1)])]).to_dict()
    assert document["passed"] is False
    assert document["checks"][0]["predicted"] == "≥ 1"
    assert document["tables"][0]["rows"] == [["a", 1]]


def test_unknown_names_are_refused():
    """With the names that there are."""
    with pytest.raises(ValueError, match="name: expected one of"):
        experiments.reproduce("no-such-thing")


def test_files_of_data():
    """A file where none is read would be ignored silently; a missing one is told before the run."""
    with pytest.raises(ValueError, match="data: parameter-counts reads no file"):
        experiments.reproduce("parameter-counts", data="mnist.npz")
    with pytest.raises(EckartError, match=r"lenet-mnist needs a file, --data FILE: MNIST: an npz file"):
        experiments.reproduce("lenet-mnist")
    with pytest.raises(EckartError, match="no such file: none"):
        experiments.reproduce("lecun-1989", data="none.npz", quick=True)


def test_a_figure_that_cannot_be_written_is_refused_at_once(tmp_path):
    """Not after minutes of work."""
    with pytest.raises(EckartError, match="folder does not exist"):
        figure_of(lambda outcome: None, tmp_path / "none" / "f.png")


@pytest.mark.parametrize("name", experiments.names())
def test_every_experiment_says_what_it_shows(name):
    """`eckart reproduce --list` prints one line each."""
    line = experiments.title(name)
    assert 10 < len(line) <= 90
    assert "\n" not in line


def test_what_is_predicted_is_said_with_its_room():
    """A tolerance is a share of the number: 1024 within 15 % is not 1024 within 0.15."""
    assert Check.close("a", 1100.0, 1024.0, 0.15).predicted == "1024 ± 15 %"
    assert Check.close("a", 3.0, 3.0).predicted == "3"
    assert Check.close("a", 0.01, 0.0, 0.02).predicted == "0 ± 0.02"
    assert not Check.close("a", 1200.0, 1024.0, 0.15).passed
