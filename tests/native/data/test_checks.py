"""The checks that arrays from outside pass before a kernel trusts them."""

import numpy as np
import pytest

from eckart import _native

THREADS = (1, 2, 3, 5)


def packed(texts):
    raw = [text.encode() for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in raw])]).astype(np.int64)
    return np.frombuffer(b"".join(raw), dtype=np.uint8), offsets


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_first_not_finite_is_the_first_on_any_threads(dtype, bad):
    """The error message names a place: it must be the same place every time."""
    values = np.ones(300_007, dtype=dtype)
    assert _native.data.first_not_finite(values, threads=2) == -1
    values[[123_457, 290_000]] = bad
    assert {_native.data.first_not_finite(values, threads=t) for t in THREADS} == {123_457}


def test_first_not_finite_of_nothing():
    """An empty test part is legal."""
    assert _native.data.first_not_finite(np.empty(0), threads=2) == -1


def test_first_out_of_range():
    """Both ends of the range count, and the first offender is named."""
    indices = np.zeros(200_003, dtype=np.int32)
    assert _native.data.first_out_of_range(indices, 1, threads=2) == -1
    indices[[70_001, 199_999]] = 1, -1
    assert {_native.data.first_out_of_range(indices, 1, threads=t) for t in THREADS} == {70_001}
    assert _native.data.first_out_of_range(indices, 2, threads=1) == 199_999


@pytest.mark.parametrize(
    ("indptr", "indices", "bad"),
    [
        ([0, 2, 2, 3], [0, 4, 2], -1),
        ([0], [], -1),
        ([0, 2, 2, 3], [0, 5, 2], 0),  # column out of range
        ([0, 1, 1, 3], [0, 4, 2], 2),  # columns fall
        ([0, 2, 1, 3], [0, 4, 2], 1),  # pointers fall
        ([0, 9, 2, 3], [0, 4, 2], 0),  # a pointer past the end, inside the vector
        ([1, 2, 2, 3], [0, 4, 2], 0),  # does not begin at 0
        ([0, 2, 2, 2], [0, 4, 2], 0),  # does not end at the number of entries
        ([0, -1, 2, 3], [0, 4, 2], 0),
    ],
)
def test_first_bad_row(indptr, indices, bad):
    """A damaged file must not make a kernel read outside its arrays."""
    got = _native.data.first_bad_row(
        np.array(indptr, dtype=np.int64), np.array(indices, dtype=np.int32), 5, threads=2
    )
    assert got == bad


def test_the_first_bad_row_on_any_threads():
    """An error message that names another row at every run would send people in circles."""
    n = 200_003
    indptr, indices = np.arange(n + 1, dtype=np.int64), np.zeros(n, dtype=np.int32)
    assert {_native.data.first_bad_row(indptr, indices, 1, threads=t) for t in THREADS} == {-1}
    indices[[130_001, 199_999]] = 1, -1
    assert {_native.data.first_bad_row(indptr, indices, 1, threads=t) for t in THREADS} == {130_001}


def test_the_first_not_rising_on_any_threads():
    """Two chunks of texts and more, with a fault in the second and in the last."""
    texts = [f"{i:07d}" for i in range(200_003)]
    assert {_native.data.first_not_rising(*packed(texts), threads=t) for t in THREADS} == {-1}
    texts[130_001], texts[199_999] = "0", texts[199_998]
    assert {_native.data.first_not_rising(*packed(texts), threads=t) for t in THREADS} == {130_001}


@pytest.mark.parametrize(
    ("texts", "bad"),
    [
        ([], -1),
        (["a"], -1),
        (["", "a", "aa", "b", "é", "中"], -1),
        (["a", "a"], 1),
        (["a", "b", "ab"], 2),
        (["a", ""], 1),
    ],
)
def test_first_not_rising(texts, bad):
    """Binary search among ids is right only if they rise byte by byte, without repetition."""
    assert _native.data.first_not_rising(*packed(texts), threads=2) == bad


def test_first_not_rising_refuses_offsets_that_leave_the_bytes():
    """Offsets come from a file."""
    data, offsets = packed(["ab", "cd"])
    for wrong in ([0, 5, 4], [1, 2, 4], [0, 2, 5]):
        with pytest.raises(ValueError, match="offsets"):
            _native.data.first_not_rising(data, np.array(wrong, dtype=np.int64), threads=1)
    assert _native.data.first_not_rising(data, offsets, threads=1) == -1


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("n", [0, 1, 97, 200_003])
def test_a_permutation_has_every_place_once(n, dtype):
    """The order of ratings in a file is used as places to write to: each of them must be one, and free."""
    places = np.random.default_rng(0).permutation(n).astype(dtype)
    for threads in (1, 2, 3, 5):
        assert _native.data.is_permutation(places, threads=threads)
        for bad in [-1, n, places[0]] if n > 1 else []:
            damaged = places.copy()
            damaged[-1] = bad
            assert not _native.data.is_permutation(damaged, threads=threads)
