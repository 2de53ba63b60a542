"""Tokenizers: round trips, merges against a naive trainer, files."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from eckart import EckartError
from eckart.nn import BytePairTokenizer, CharTokenizer
from eckart.nn.tokenizers import PIECES

TEXT = "the cat sat on the mat; the other cat's hat was Über 42 naïve_names.\n\n  the end 日本語 " * 3


def naive_merges(text, n_merges):
    """Count every pair anew for every merge."""
    words = [list(piece.encode()) for piece in PIECES.findall(text)]
    merges = []
    for token in range(256, 256 + n_merges):
        counts = Counter(pair for word in words for pair in pairwise(word))
        if not counts or max(counts.values()) < 2:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        for word in words:
            i = 0
            while i < len(word) - 1:
                if (word[i], word[i + 1]) == best:
                    word[i : i + 2] = [token]
                i += 1
    return merges


def test_incremental_training_equals_the_naive_one():
    """The fast trainer keeps counts up to date; one slip would change every later merge."""
    assert BytePairTokenizer.train(TEXT, 256 + 60).merges == naive_merges(TEXT, 60)
    repeats = "aaaa aaaaa aa aaaaaaa bababab ababa" * 2  # overlapping pairs are the hard case
    assert BytePairTokenizer.train(repeats, 300).merges == naive_merges(repeats, 44)


def test_text_comes_back():
    """Whatever is encoded must decode to itself, seen in training or not."""
    tokenizer = BytePairTokenizer.train(TEXT, 300)
    for text in (TEXT, "", " ", "\n\t\r\x00", "never seen ⟂ 🙂", "a" * 1000, "x" * 3 + " \n x"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(TEXT)) < len(TEXT.encode()) / 1.8
    assert tokenizer.encode("").dtype == np.int64


def test_any_bytes_come_back():
    """Byte level means that no file is refused: all bytes, valid UTF-8 or not."""
    tokenizer = BytePairTokenizer.train(TEXT, 300)
    rng = np.random.default_rng(0)
    for data in (bytes(range(256)), rng.bytes(5000), b"\xff\xfe caf\xc3", TEXT.encode()):
        assert tokenizer.decode_bytes(tokenizer.encode(data)) == data


def test_special_tokens():
    """A mark between documents is one token, unless the text comes from a stranger."""
    tokenizer = BytePairTokenizer.train(TEXT, 280, special_tokens=["<|end|>", "<|end|>>"])
    assert len(tokenizer) == 280
    ids = tokenizer.encode("the<|end|>cat<|end|>>")
    assert (ids >= 278).sum() == 2
    assert tokenizer.decode(ids) == "the<|end|>cat<|end|>>"
    plain = tokenizer.encode("<|end|>", allow_special=False)
    assert (plain < 278).all()
    assert tokenizer.decode(plain) == "<|end|>"
    with pytest.raises(ValueError, match="special_tokens"):
        BytePairTokenizer((), ["a", "a"])


def test_files(tmp_path):
    """A model is useless without the tokenizer it was trained with."""
    tokenizer = BytePairTokenizer.train(TEXT, 280, special_tokens=["<|end|>"])
    tokenizer.save(tmp_path / "t.json")
    again = BytePairTokenizer.load(tmp_path / "t.json")
    assert np.array_equal(again.encode(TEXT + "<|end|>"), tokenizer.encode(TEXT + "<|end|>"))
    chars = CharTokenizer(TEXT)
    chars.save(tmp_path / "c.json")
    assert CharTokenizer.load(tmp_path / "c.json").characters == chars.characters
    for kind, name in ((CharTokenizer, "t.json"), (BytePairTokenizer, "c.json"), (CharTokenizer, "none")):
        with pytest.raises(EckartError):
            kind.load(tmp_path / name)
    (tmp_path / "t.json").write_text('{"format": "eckart-byte-pairs", "merges": [[1, 999]]}')
    with pytest.raises(EckartError, match="damaged"):
        BytePairTokenizer.load(tmp_path / "t.json")


def test_characters():
    """The vocabulary is sorted, so that it does not depend on the order of the text."""
    tokenizer = CharTokenizer("hello world")
    assert tokenizer.characters == " dehlorw"
    assert tokenizer.encode("hold").tolist() == [3, 5, 4, 1]
    assert tokenizer.decode(tokenizer.encode("hello")) == "hello"
    with pytest.raises(ValueError, match="got 'z'"):
        tokenizer.encode("zoo")
    with pytest.raises(ValueError, match=r"integers in \[0, 8\), got -1"):
        tokenizer.decode([0, -1])


def test_small_vocabulary_is_an_error():
    """256 bytes are always there."""
    with pytest.raises(ValueError, match="vocab_size: expected an integer >= 256"):
        BytePairTokenizer.train(TEXT, 255)


def test_what_is_no_text():
    """Bytes for characters, lists of texts, a batch of tokens, one special token without its list."""
    cases = [
        (lambda: CharTokenizer(b"ab"), "text: expected str, got bytes"),
        (lambda: CharTokenizer("ab").encode(["a"]), "text: expected str, got list"),
        (lambda: BytePairTokenizer.train(["ab"], 300), "text: expected str or bytes, got list"),
        (lambda: BytePairTokenizer().encode(None), "text: expected str or bytes, got NoneType"),
    ]
    for call, message in cases:
        with pytest.raises(TypeError, match=message):
            call()
    with pytest.raises(ValueError, match=r"tokens: expected one sequence, got shape \(1, 2\)"):
        CharTokenizer("ab").decode(np.array([[0, 1]]))
    with pytest.raises(ValueError, match=r"special_tokens: expected a list of texts, got the text '<.end.>'"):
        BytePairTokenizer((), "<|end|>")
