"""The compression kernels against NumPy's stable sort."""

import numpy as np
import pytest

from eckart import _native

SIZES = [(0, 0, 0), (0, 3, 5), (1, 1, 1), (101, 7, 13), (9973, 331, 17)]


def triples(n, n_rows, n_cols, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    rows = (n_rows * rng.random(n) ** 3).astype(np.int32)  # a long tail
    return rows, rng.integers(0, n_cols, n, dtype=np.int32), (1000 * rng.random(n)).astype(dtype)


def compress(rows, cols, values, n_rows, n_cols, threads=2):
    return _native.data.compress(rows, cols, values, n_rows, n_cols, threads=threads)


def assert_same(got, want):
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def expected(rows, cols, values, n_rows):
    order = np.lexsort((cols, rows))  # stable: equal pairs keep their order
    indptr = np.searchsorted(rows[order], np.arange(n_rows + 1))
    return indptr, cols[order], values[order]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64])
@pytest.mark.parametrize(("n", "n_rows", "n_cols"), SIZES)
def test_equals_a_stable_lexicographic_sort(n, n_rows, n_cols, dtype):
    """Every model reads ratings through this form, repeated pairs included."""
    rows, cols, values = triples(n, n_rows, n_cols, dtype)
    got = compress(rows, cols, values, n_rows, n_cols)
    assert_same(got, expected(rows, cols, values, n_rows))
    repeated = n - len(set(zip(rows.tolist(), cols.tolist(), strict=True)))
    assert _native.data.count_repeated(got[0], got[1], threads=2) == repeated


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "n_rows", "n_cols"), SIZES)
def test_the_transposed_matrix_is_the_other_view(n, n_rows, n_cols, dtype):
    """Items see the same ratings as users, equal pairs in the same order."""
    rows, cols, values = triples(n, n_rows, n_cols, dtype)
    by_row = compress(rows, cols, values, n_rows, n_cols)
    got = _native.data.transpose(*by_row, n_cols, threads=2)
    assert_same(got, expected(cols, rows, values, n_cols))


@pytest.mark.parametrize(("n", "n_rows", "n_cols"), SIZES)
def test_sorted_triples_need_row_pointers_alone(n, n_rows, n_cols):
    """Most files stand by user already: their columns serve as they are; one entry out of place is seen."""
    rows, cols, values = triples(n, n_rows, n_cols)
    indptr, indices, _ = expected(rows, cols, values, n_rows)
    rows = np.sort(rows)
    np.testing.assert_array_equal(_native.data.row_pointers(rows, indices, n_rows, threads=2), indptr)
    if n > 100:
        unsorted = rows.copy()
        unsorted[0] = rows[-1]
        assert _native.data.row_pointers(unsorted, indices, n_rows, threads=2) is None
        within = indices.copy()
        within[indptr[1] - 1] = -1
        assert _native.data.row_pointers(rows, within, n_rows, threads=2) is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_rows", [11, 50_021])
def test_same_bits_for_any_number_of_threads(n_rows, dtype):
    """Results must not depend on the machine's load; n is large enough for several chunks and threads."""
    rows, cols, values = triples(300_007, n_rows, 997, dtype)
    reference = compress(rows, cols, values, n_rows, 997, threads=1)
    other = _native.data.transpose(*reference, 997, threads=1)
    in_rows = np.sort(rows)
    for threads in (2, 3, 5):
        assert_same(compress(rows, cols, values, n_rows, 997, threads), reference)
        assert_same(_native.data.transpose(*reference, 997, threads=threads), other)
        pointers = _native.data.row_pointers(in_rows, reference[1], n_rows, threads=threads)
        np.testing.assert_array_equal(pointers, reference[0])
        counted = _native.data.count_repeated(*reference[:2], threads=threads)
        assert counted == _native.data.count_repeated(*reference[:2], threads=1) > 0


def test_a_pattern_has_no_values():
    """Click data need no array of ones."""
    rows, cols, _ = triples(50, 5, 6)
    indptr, indices, values = compress(rows, cols, None, 5, 6)
    assert values is None
    assert _native.data.transpose(indptr, indices, None, 6, threads=1)[2] is None


@pytest.mark.parametrize(("name", "bad"), [("rows", 5), ("rows", -1), ("cols", 6), ("cols", -(2**31))])
def test_refuses_indices_out_of_range(name, bad):
    """Memory safety: kernels trust these indices ever after."""
    rows, cols, values = triples(50, 5, 6)
    {"rows": rows, "cols": cols}[name][33] = bad
    with pytest.raises(ValueError, match=rf"{name}.*got {bad} at position 33"):
        compress(rows, cols, values, 5, 6)
    if name == "rows":
        with pytest.raises(ValueError, match=rf"rows.*got {bad} at position 33"):
            _native.data.row_pointers(rows, cols, 5, threads=1)
    else:
        with pytest.raises(ValueError, match=rf"indices.*got {bad} at position 33"):
            _native.data.transpose(np.array([0, 50]), cols, values, 6, threads=1)


def test_refuses_other_lengths_and_types():
    """A silent conversion would hide a copy, a short array would be read past its end."""
    rows, cols, values = triples(50, 5, 6)
    with pytest.raises(ValueError, match="cols"):
        compress(rows, cols[:-1], values, 5, 6)
    with pytest.raises(ValueError, match="values"):
        compress(rows, cols, values[:-1], 5, 6)
    with pytest.raises(ValueError, match="indices"):
        _native.data.transpose(np.array([0, 51]), cols, values, 6, threads=1)
    with pytest.raises(TypeError):
        compress(rows.astype(np.int64), cols, values, 5, 6)
    with pytest.raises(TypeError):
        compress(rows, cols, np.repeat(values, 2)[::2], 5, 6)
