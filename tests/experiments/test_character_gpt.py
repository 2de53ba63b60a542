"""A character GPT beside models that are only counted."""

import gzip
import json
from itertools import pairwise

import numpy as np
import pytest
from tests.shared import shared_file

from eckart import experiments
from eckart.base.errors import EckartError
from eckart.experiments import character_gpt


@pytest.mark.parametrize("seed", [0, 1])
def test_quick_run_passes(seed):
    """Without any file there is a text that comes with Python, and more than pairs is learned of it."""
    outcome = experiments.reproduce("character-gpt", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    assert "help of Python" in outcome.notes[0]
    if seed == 0:
        figure = character_gpt.draw(outcome)
        assert [bool(axes.get_title()) for axes in figure.axes] == [True, True]


def test_shakespeare():
    """A zipped text is read as it is, all of it."""
    text, notes = character_gpt._given_text(shared_file("text/tinyshakespeare.txt.gz"))
    assert (len(text), len(set(text))) == character_gpt.SHAKESPEARE
    assert notes == []


def test_files_that_cannot_be_read(tmp_path):
    """The error names the file and says what was expected."""
    paths = [tmp_path / name for name in ("none.txt", "bytes.txt", "cut.gz", "short.txt")]
    paths[1].write_bytes(b"\xff\xfe\xfd")
    paths[2].write_bytes(gzip.compress(b"words " * 999)[:-20])
    for path in paths[:3]:
        with pytest.raises(EckartError, match=rf"{path.name}: expected a text file"):
            character_gpt._given_text(path)
    paths[3].write_text("Too short. " * 10)
    with pytest.raises(EckartError, match="expected a text of more than 330 characters"):
        character_gpt.run(quick=True, data=paths[3])


def test_windows_are_pairs_of_neighbours():
    """Each window comes with the one further on; a resumed epoch draws what the whole one would have."""
    text = np.arange(50)
    windows = character_gpt.Windows(text, context=7, batch=5, n_batches=4, seed=3)
    epoch = list(windows.batches(1))
    assert len(epoch) == len(windows) == 4
    for x, y in epoch:
        assert x.shape == (5, 7)
        assert np.array_equal(x + 1, y)
    again = list(windows.batches(1, start=2))
    assert np.array_equal(again[0][0], epoch[2][0])
    assert not np.array_equal(epoch[0][0], next(iter(windows.batches(2)))[0])


def test_validation_covers_the_text_once():
    """All windows, one after another: every target once, but for what does not fill a window at the end."""
    loader = character_gpt._all_windows(np.arange(31), context=7)
    assert np.array_equal(loader.X.ravel(), np.arange(28))
    assert np.array_equal(loader.y.ravel(), np.arange(1, 29))


def test_counted_models():
    """Against counting in a loop."""
    rng = np.random.default_rng(0)
    train, held, n = rng.integers(0, 3, 50), rng.integers(0, 3, 20), 3
    ones, pairs = np.ones(n), np.ones((n, n))
    for i, token in enumerate(train):
        ones[token] += 1
        if i:
            pairs[train[i - 1], token] += 1
    first = [-np.log(ones[b] / ones.sum()) for b in held[1:]]
    second = [-np.log(pairs[a, b] / pairs[a].sum()) for a, b in pairwise(held)]
    assert character_gpt._counted(train, held, n, 0) == pytest.approx(np.mean(first))
    assert character_gpt._counted(train, held, n, 1) == pytest.approx(np.mean(second))
