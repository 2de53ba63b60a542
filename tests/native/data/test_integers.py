"""Integer ids to codes against NumPy's unique and searchsorted."""

import numpy as np
import pytest

from eckart import _native

LOWEST, HIGHEST = -(2**63), 2**63 - 1


def distinct(ids, threads=2):
    return _native.data.distinct_integers(ids, threads=threads)


def encode(ids, known, threads=2):
    return _native.data.encode_integers(ids, known, threads=threads)


def spread(n, factor, dtype=np.int64, seed=0):
    """Long-tailed ids, `factor` apart: 1 lies densely, a large one takes the hash table."""
    rng = np.random.default_rng(seed)
    return ((5003 * rng.random(n) ** 2).astype(np.int64) * factor - 17).astype(dtype)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("factor", [1, 3, 400_003])
@pytest.mark.parametrize("n", [1, 97, 600_011])
def test_distinct_ids_and_their_codes(n, factor, dtype):
    """Codes are what every matrix is made of: dense ids, gaps and hashes must give the same ones."""
    ids = spread(n, factor, dtype)
    want, codes = np.unique(ids, return_inverse=True)
    for threads in (1, 2, 3, 5):
        found = distinct(ids, threads)
        np.testing.assert_array_equal(found, want)
        np.testing.assert_array_equal(encode(ids, found, threads), codes)


def test_the_ends_of_the_range():
    """Hashed ids of another system fill all 64 bits; a difference of two of them overflows."""
    ids = np.array([HIGHEST, LOWEST, 0, -1, LOWEST, HIGHEST], dtype=np.int64)
    np.testing.assert_array_equal(distinct(ids), [LOWEST, -1, 0, HIGHEST])
    np.testing.assert_array_equal(encode(ids, distinct(ids)), [3, 0, 2, 1, 0, 3])


@pytest.mark.parametrize(("dtype", "edge"), [(np.int64, HIGHEST), (np.int64, LOWEST), (np.int32, 2**31 - 1)])
def test_dense_ids_at_an_end_of_the_range(dtype, edge):
    """A walk over the range must not step past the last integer there is."""
    step = -1 if edge > 0 else 1
    ids = np.array([edge, edge + 3 * step, edge + step, edge], dtype=dtype)
    np.testing.assert_array_equal(distinct(ids), np.unique(ids))
    np.testing.assert_array_equal(encode(ids, distinct(ids)), np.unique(ids, return_inverse=True)[1])


def test_nothing():
    """No rows have no ids, and in an empty vocabulary nothing is found."""
    none = np.empty(0, dtype=np.int64)
    assert len(distinct(none)) == 0
    assert len(encode(none, np.array([1]))) == 0
    np.testing.assert_array_equal(encode(np.array([3, 4]), none), [-1, -1])


@pytest.mark.parametrize("factor", [1, 400_003])
@pytest.mark.parametrize("n", [3, 400, 300_007])
def test_unknown_ids_are_minus_one(n, factor):
    """An id between, below or above the known ones must not take a neighbour's code, in any table."""
    known = np.arange(5003, dtype=np.int64)[1::2] * factor
    ids = np.random.default_rng(1).integers(-10, 5100, n) * factor
    places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    want = np.where(known[places] == ids, places, -1)
    for threads in (1, 2, 3, 5):
        np.testing.assert_array_equal(encode(ids, known, threads), want)


def test_a_table_grows():
    """All ids distinct and far apart: the worst case of the hash table."""
    ids = np.random.default_rng(0).integers(LOWEST, HIGHEST, 300_007)
    np.testing.assert_array_equal(distinct(ids), np.unique(ids))


def test_refuses_other_types_and_shapes():
    """A silent conversion would hide a copy, or cut an id to 32 bits."""
    with pytest.raises(TypeError):
        distinct(np.zeros(3, dtype=np.float64))
    with pytest.raises(TypeError):
        encode(np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int32))
    with pytest.raises(ValueError, match="ids"):
        distinct(np.zeros((3, 2), dtype=np.int64))
