"""Ids and codes, of every kind."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eckart.base.errors import EckartError
from eckart.data import Vocabulary

INTEGERS = st.lists(st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1)), max_size=50)
TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=4), max_size=50)


def vocabulary(ids):
    return Vocabulary.from_column(ids)[0]


@given(st.one_of(INTEGERS, TEXTS))
def test_codes_are_places_among_the_sorted_ids(ids):
    """Codes must not depend on the order of rows, and decoding must give the ids back."""
    vocab, codes = Vocabulary.from_column(ids)
    assert vocab.ids().tolist() == sorted(set(ids))
    assert vocab.decode(codes).tolist() == ids
    assert codes.dtype == np.int32
    np.testing.assert_array_equal(vocab.encode(ids), codes)
    assert [vocab.code(id) for id in ids] == codes.tolist()


@given(st.one_of(st.tuples(INTEGERS, INTEGERS), st.tuples(TEXTS, TEXTS)))
def test_extension_appends(two):
    """A model's factors lie at the old codes: they may not move when ids are added."""
    old, new = two
    vocab = vocabulary(old)
    longer = vocab.extended(new)
    assert longer.ids()[: len(vocab)].tolist() == vocab.ids().tolist()
    assert longer.ids()[len(vocab) :].tolist() == sorted(set(new) - set(old))
    assert [longer.code(id) for id in old] == [vocab.code(id) for id in old]
    every = list(dict.fromkeys(old + new))
    assert longer.decode(longer.encode(every)).tolist() == every
    assert [longer.code(id) for id in every] == longer.encode(every).tolist()
    twice = longer.extended(new)
    assert twice == longer
    assert Vocabulary._from_state(longer._get_state()) == longer


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        (range(5), "range"),
        ([2, 0, 1], "range"),
        ([], "range"),
        ([5, 1], "integer"),
        ([-1, 0], "integer"),
        (np.array([3.0, 7.0]), "integer"),
        (["b", "a"], "string"),
        (np.array(["b", "a"]), "string"),
        (pd.Series(["x", "y"], dtype="category"), "string"),
        (pl.Series([9, 7], dtype=pl.UInt8), "integer"),
        (pa.chunked_array([["a"], ["b"]]), "string"),
        (pd.array([4, 5], dtype="Int64"), "integer"),
    ],
)
def test_every_column_type_finds_its_kind(ids, kind):
    """Ids arrive as whatever the reader of the table made of them."""
    vocab, codes = Vocabulary.from_column(ids)
    assert vocab.kind == kind
    assert len(codes) == len(ids)


def test_text_and_number_find_each_other():
    """The command line knows only text; a table may hold the ids of a text file as numbers."""
    assert vocabulary(["7", "42"]).code(42) == 0
    assert vocabulary(["7", "42"]).code(42.0) == 0
    assert vocabulary([7, 42]).code("42") == 1
    np.testing.assert_array_equal(vocabulary([7, 42]).encode(["42", "x", "4.2", ""]), [1, -1, -1, -1])
    np.testing.assert_array_equal(vocabulary(["7", "42"]).encode(np.array([42, 8])), [0, -1])
    assert Vocabulary.from_range(50).code("42") == 42


@pytest.mark.parametrize("ids", [[7, 42, 1000], ["a", "b", "zz"], range(4)])
@pytest.mark.parametrize("n", [3, 1000])
def test_unknown_ids_are_minus_one(ids, n):
    """Predictions for unknown ids fall back to biases; short and long columns take different roads."""
    vocab = vocabulary(ids)
    unknown = [10**6 + i for i in range(n)]
    assert (vocab.encode(unknown) == -1).all()
    assert (vocab.encode([str(id) for id in unknown]) == -1).all()
    assert vocab.encode([*unknown, ids[1]])[-1] == 1
    assert 10**6 not in vocab
    assert ids[1] in vocab
    assert 2**70 not in vocab


def test_an_unknown_id_is_a_key_error_with_the_id():
    """`recommend` for nobody must say for whom."""
    for vocab, id in ((vocabulary(["a"]), "zz"), (vocabulary([5, 9]), 7), (Vocabulary.from_range(3), 3)):
        with pytest.raises(KeyError) as error:
            vocab.code(id)
        assert error.value.args == (id,)


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([1, None, 2], ValueError, "row 1"),
        (["a", None], ValueError, "row 1"),
        ([1.0, 2.5], ValueError, r"2\.5.*row 1"),
        ([1.0, float("nan")], ValueError, "row 1"),
        (np.array([1, np.inf]), ValueError, "row 1"),
        ([True, False], TypeError, "truth"),
        (np.array([True]), TypeError, "truth"),
        ([1, "a"], TypeError, "mixture"),
        (np.array([2**63], dtype=np.uint64), ValueError, r"2\*\*63"),
        (np.ones((2, 2)), ValueError, "one dimension"),
        ("abc", TypeError, "column"),
        (np.array(["2020-01-01"], dtype="M8[D]"), TypeError, "date32"),
        ([None, None], ValueError, "row 0"),
    ],
)
def test_what_is_no_id_is_refused(ids, error, message):
    """A missing or half-read id would become a user that does not exist."""
    with pytest.raises(error, match=message):
        Vocabulary.from_column(ids)


@pytest.mark.parametrize("id", [None, True, 1.5, float("nan"), float("inf"), b"a", (1,)])
def test_what_is_no_id_cannot_be_looked_up(id):
    """A wrong type is a mistake of the caller, not an unknown user."""
    for vocab in (vocabulary(["a"]), vocabulary([5])):
        with pytest.raises((TypeError, ValueError), match="expected integers or texts"):
            vocab.code(id)
        assert id not in vocab


def test_a_word_cannot_join_integers():
    """A column of another kind is a mix-up of files."""
    with pytest.raises(ValueError, match="'x'"):
        vocabulary([5, 9]).extended(["7", "x"])
    assert vocabulary([5, 9]).extended(["7"]).ids().tolist() == [5, 9, 7]
    assert vocabulary(["a"]).extended([7]).ids().tolist() == ["a", "7"]


def test_decode_refuses_codes_outside():
    """Code -1 means unknown: no id may be invented for it."""
    for code in (-1, 2):
        with pytest.raises(IndexError, match=str(code)):
            vocabulary(["a", "b"]).decode([0, code])


def test_large_gaps_and_dense_ranges_agree():
    """Two roads to the codes (a table, hashing) must give the same ones."""
    rng = np.random.default_rng(0)
    dense = rng.integers(10, 5000, 20_011)
    spread = dense * 10**12 - 7
    vocab, codes = Vocabulary.from_column(dense)
    far, far_codes = Vocabulary.from_column(spread)
    np.testing.assert_array_equal(codes, far_codes)
    np.testing.assert_array_equal(far.ids(), vocab.ids() * 10**12 - 7)
    np.testing.assert_array_equal(codes, np.unique(dense, return_inverse=True)[1])


def test_codes_in_another_vocabulary():
    """Ratings are compared across vocabularies through this map."""
    assert vocabulary([5, 9, 7]).codes_in(vocabulary([9, 5])).tolist() == [0, -1, 1]
    assert vocabulary(["b", "a"]).codes_in(vocabulary(["b", "c"])).tolist() == [-1, 0]
    assert Vocabulary.from_range(3).codes_in(Vocabulary.from_range(2)).tolist() == [0, 1, -1]
    assert vocabulary([5, 9]).codes_in(vocabulary(["5"])).tolist() == [0, -1]


def test_equality_and_pickling():
    """Models are compared and sent to other processes."""
    for ids in ([5, 9], ["a", "é"], range(3)):
        vocab = vocabulary(ids)
        assert pickle.loads(pickle.dumps(vocab)) == vocab
        assert vocab != vocabulary([1000])
        assert vocab != "vocabulary"
    assert vocabulary([5, 9]) != vocabulary([5, 8])
    assert "2 string ids: 'a', 'é'" in repr(vocabulary(["a", "é"]))


def damaged(ids, /, **change):
    state = vocabulary(ids).extended(["zz"] if isinstance(ids[0], str) else [-3])._get_state()
    state.arrays.update({k: np.array(v) for k, v in change.items() if k in state.arrays})
    state.meta.update({k: v for k, v in change.items() if k in state.meta})
    return state


@pytest.mark.parametrize(
    "state",
    [
        damaged([5, 9], ids=[5, 5, -3]),  # repeated
        damaged([5, 9], ids=[9, 5, -3]),  # not sorted
        damaged([5, 9], ids=[5, 9, 9]),  # the appended one is an old one
        damaged([5, 9], ids=[5, 9]),  # too short
        damaged([5, 9], ids=[5.0, 9.0, -3.0]),
        damaged([5, 9], size=-1),
        damaged([5, 9], size="3"),
        damaged([5, 9], sorted=4),
        damaged([5, 9], kind="set"),
        damaged(["a", "b"], offsets=[0, 1, 2, 9]),
        damaged(["a", "b"], offsets=[0, 2, 1, 4]),
        damaged(["a", "b"], offsets=[1, 1, 2, 4]),
        damaged(["a", "b"], bytes=np.array([255, 98, 122, 122], dtype=np.uint8)),  # not UTF-8
        damaged(["é", "ê"], offsets=[0, 1, 4, 6]),  # cut within a character
        damaged(["a", "b"], bytes=np.frombuffer(b"bazz", dtype=np.uint8)),
        damaged(["a", "b"], bytes=np.frombuffer(b"aazz", dtype=np.uint8)),
        damaged(["a", "bb"], bytes=np.frombuffer(b"abbbb", dtype=np.uint8)),  # the appended one is an old one
    ],
)
def test_a_damaged_file_is_refused(state):
    """Whatever a file holds, a look-up must never read outside it or find two codes for one id."""
    with pytest.raises(EckartError, match="damaged file"):
        Vocabulary._from_state(state)
