"""A small file of ratings, models fitted to it by the command line itself, and ways to run commands."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from eckart.cli.app import app

N_USERS, N_ITEMS = 30, 23


def _rows():
    """Return (user, item, rating, time, title) of about a third of all pairs; ids have gaps."""
    rng = np.random.default_rng(0)
    return [
        (
            10 + 3 * user,
            500 + 7 * item,
            round(float(rng.uniform(1, 5)) * 2) / 2,
            1000 + 60 * user + item,
            f"Film {item}",
        )
        for user in range(N_USERS)
        for item in range(N_ITEMS)
        if item == user % N_ITEMS or rng.random() < 0.35
    ]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="session")
def ratings(folder):
    path = folder / "ratings.csv"
    lines = ["userId,movieId,rating,timestamp,title", *(",".join(map(str, row)) for row in _rows())]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def model(folder, ratings):
    return _fitted(folder / "als.safetensors", ratings, "--rank", "4", "--max-iter", "5")


@pytest.fixture(scope="session")
def bare(folder, ratings):
    """A model file without the ratings."""
    return _fitted(
        folder / "bare.safetensors", ratings, "--rank", "4", "--max-iter", "5", "--no-interactions"
    )


@pytest.fixture(scope="session")
def popularity(folder, ratings):
    return _fitted(folder / "popularity.safetensors", ratings, "--model", "popularity")


@pytest.fixture(scope="session")
def run():
    """Run a command in this process."""
    return _run


@pytest.fixture(scope="session")
def fails():
    """Run a command that must fail as all do: exit code 2, empty stdout, one line with each of `says`."""

    def fails(*arguments, says):
        result = _run(*arguments)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
        for text in says:
            assert text in result.stderr
        return result.stderr

    return fails


@pytest.fixture(scope="session")
def answer():
    """Run a command with --json: its stdout is one JSON document and its stderr is empty."""

    def answer(*arguments):
        result = _run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return json.loads(result.stdout)

    return answer


@pytest.fixture(scope="session")
def spawn():
    """Run a command as a user does, in a process of its own."""

    def spawn(*arguments, **variables):
        # An editable install reports its rebuild on stdout unless told not to.
        environment = os.environ | {"SKBUILD_EDITABLE_VERBOSE": "0"} | variables
        command = [sys.executable, "-m", "eckart.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return spawn


def _run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def _fitted(path, ratings, *options):
    assert _run("fit", ratings, "-o", path, *options).exit_code == 0
    return path
