"""Text as an experiment learns it (experiments/_text.py)."""

import gzip
from itertools import pairwise

import numpy as np
import pytest

from eckart.base.errors import EckartError
from eckart.experiments._text import Corpus, Windows, given_corpus
from eckart.nn import CharTokenizer


def corpus(tokens, characters="abcdefghijklmnopqrstuvwxyz"):
    return Corpus(np.asarray(tokens, np.int64), CharTokenizer(characters))


def test_files(tmp_path):
    """Plain or zipped, a text is all of it; letters beyond ASCII are letters."""
    text = "To be, or not to be — that is the question:\n" * 9
    (tmp_path / "plain.txt").write_text(text, encoding="utf-8")
    (tmp_path / "zipped.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("plain.txt", "zipped.gz"):
        found, notes = given_corpus(tmp_path / name)
        assert found.tokenizer.decode(found.tokens) == text
        assert notes == []
        assert len(found.training) == int(0.9 * len(text))
        assert np.array_equal(np.concatenate([found.training, found.held]), found.tokens)


def test_files_that_cannot_be_read(tmp_path):
    """The error names the file and says what was expected."""
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xfd")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"words " * 999)[:-20])
    for name in ("none.txt", "bytes.txt", "cut.gz"):
        with pytest.raises(EckartError, match=rf"{name}: expected a text file"):
            given_corpus(tmp_path / name)


def test_windows_are_pairs_of_neighbours():
    """Each window comes with the one further on; a resumed epoch draws what the whole one would have."""
    windows = Windows(np.arange(50), context=7, batch=5, n_batches=4, seed=3)
    epoch = list(windows.batches(1))
    assert len(epoch) == len(windows) == 4
    for x, y in epoch:
        assert x.shape == (5, 7)
        assert np.array_equal(x + 1, y)
    again = list(windows.batches(1, start=2))
    assert np.array_equal(again[0][0], epoch[2][0])
    assert not np.array_equal(epoch[0][0], next(iter(windows.batches(2)))[0])


def test_every_place_is_drawn():
    """The last window too: off by one would hide the end of the text."""
    x, _ = next(iter(Windows(np.arange(12), context=7, batch=500, n_batches=1, seed=0).batches(0)))
    assert set(x[:, 0]) == set(range(5))


@pytest.mark.parametrize(("held", "windows"), [(8, 1), (14, 1), (15, 2), (31, 4)])
def test_validation_covers_what_is_held_out_once(held, windows):
    """Window by window, every target once, but for an end that fills none."""
    text = corpus(np.arange(10 * held))
    loader = text.held_windows(7)
    first = 9 * held
    assert np.array_equal(loader.X.ravel(), first + np.arange(7 * windows))
    assert np.array_equal(loader.y.ravel(), first + np.arange(1, 7 * windows + 1))


def test_a_text_that_is_too_short():
    """No window fits into what is held out."""
    with pytest.raises(EckartError, match="a text of more than 70 characters, got 70"):
        corpus(np.arange(70)).held_windows(7)


def test_counted_models():
    """Against counting in a loop."""
    text = corpus(np.random.default_rng(0).integers(0, 3, 200), "abc")
    ones, pairs = np.ones(3), np.ones((3, 3))
    for i, token in enumerate(text.training):
        ones[token] += 1
        if i:
            pairs[text.training[i - 1], token] += 1
    first = [-np.log(ones[b] / ones.sum()) for b in text.held[1:]]
    second = [-np.log(pairs[a, b] / pairs[a].sum()) for a, b in pairwise(text.held)]
    assert text.counted_loss(0) == pytest.approx(np.mean(first))
    assert text.counted_loss(1) == pytest.approx(np.mean(second))
