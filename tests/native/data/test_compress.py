"""The compression kernel against NumPy's stable sort."""

import numpy as np
import pytest

from eckart import _native


def triples(n, n_rows, n_cols, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    rows = (n_rows * rng.random(n) ** 3).astype(np.int32)  # a long tail
    return rows, rng.integers(0, n_cols, n, dtype=np.int32), rng.random(n).astype(dtype)


def compress(rows, cols, values, n_rows, n_cols, threads=2):
    return _native.data.compress(rows, cols, values, n_rows, n_cols, threads=threads)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "n_rows", "n_cols"), [(0, 0, 0), (0, 3, 5), (1, 1, 1), (101, 7, 13), (9973, 331, 17)]
)
def test_equals_a_stable_lexicographic_sort(n, n_rows, n_cols, dtype):
    """Every model reads ratings through this form, repeated pairs included."""
    rows, cols, values = triples(n, n_rows, n_cols, dtype)
    order = np.lexsort((cols, rows))  # stable: equal pairs keep their order
    indptr, indices, stored, got_order, repeated = compress(rows, cols, values, n_rows, n_cols)
    np.testing.assert_array_equal(got_order, order)
    np.testing.assert_array_equal(indices, cols[order])
    np.testing.assert_array_equal(stored, values[order])
    np.testing.assert_array_equal(indptr, np.searchsorted(rows[order], np.arange(n_rows + 1)))
    assert stored.dtype == dtype
    assert repeated == n - len(set(zip(rows.tolist(), cols.tolist(), strict=True)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_rows", [11, 50_021])
def test_same_bits_for_any_number_of_threads(n_rows, dtype):
    """Results must not depend on the machine's load; n is large enough for several chunks and threads."""
    rows, cols, values = triples(300_007, n_rows, 997, dtype)
    reference = compress(rows, cols, values, n_rows, 997, threads=1)
    for threads in (2, 3, 5):
        for got, want in zip(compress(rows, cols, values, n_rows, 997, threads), reference, strict=True):
            np.testing.assert_array_equal(got, want)


def test_a_pattern_has_no_values():
    """Click data need no array of ones."""
    rows, cols, _ = triples(50, 5, 6)
    assert compress(rows, cols, None, 5, 6)[2] is None


@pytest.mark.parametrize(("name", "bad"), [("rows", 5), ("rows", -1), ("cols", 6), ("cols", -(2**31))])
def test_refuses_indices_out_of_range(name, bad):
    """Memory safety: kernels trust these indices ever after."""
    rows, cols, values = triples(50, 5, 6)
    {"rows": rows, "cols": cols}[name][33] = bad
    with pytest.raises(ValueError, match=rf"{name}.*got {bad} at position 33"):
        compress(rows, cols, values, 5, 6)


def test_refuses_other_lengths_and_types():
    """A silent conversion would hide a copy, a short array would be read past its end."""
    rows, cols, values = triples(50, 5, 6)
    with pytest.raises(ValueError, match="cols"):
        compress(rows, cols[:-1], values, 5, 6)
    with pytest.raises(ValueError, match="values"):
        compress(rows, cols, values[:-1], 5, 6)
    with pytest.raises(TypeError):
        compress(rows.astype(np.int64), cols, values, 5, 6)
    with pytest.raises(TypeError):
        compress(rows, cols, np.repeat(values, 2)[::2], 5, 6)
