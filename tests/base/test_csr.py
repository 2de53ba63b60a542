"""Compressed rows against scipy.sparse."""

import numpy as np
import pytest
from eckart.base.csr import Csr
from scipy import sparse


def pair(n_rows, n_cols, seed=0, density=0.3, values=True):
    rng = np.random.default_rng(seed)
    matrix = sparse.csr_array(rng.normal(size=(n_rows, n_cols)) * (rng.random((n_rows, n_cols)) < density))
    data = matrix.data if values else None
    return Csr(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), data, n_cols), matrix


def assert_same(mine, theirs):
    assert (mine.n_rows, mine.n_cols) == theirs.shape
    assert (mine.indptr.dtype, mine.indices.dtype) == (np.int64, np.int32)
    assert mine.indices.flags.c_contiguous
    np.testing.assert_array_equal(mine.to_scipy().toarray(), theirs.toarray())
    for i in range(mine.n_rows):
        assert (np.diff(mine.row(i)[0]) > 0).all()


SHAPES = [(7, 5), (1, 9), (9, 1), (4, 0), (53, 31)]


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_and_counts(shape):
    """A row is a view of its entries; counts are lengths."""
    mine, theirs = pair(*shape)
    assert_same(mine, theirs)
    np.testing.assert_array_equal(mine.counts, np.diff(theirs.indptr))
    for i in range(shape[0]):
        indices, values = mine.row(i)
        np.testing.assert_array_equal(values, theirs[[i]].data)
        np.testing.assert_array_equal(indices, theirs[[i]].indices)
        assert not len(indices) or indices.base is mine.indices


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows", [[], [0], [-1], [0, 0, 0], "reversed", "every other"])
def test_select(shape, rows):
    """Any rows in any order, also twice, also none: exclude lists are cut so."""
    mine, theirs = pair(*shape)
    n = shape[0]
    chosen = {"reversed": np.arange(n)[::-1], "every other": np.arange(0, n, 2)}.get(str(rows), rows)
    chosen = np.asarray(chosen, dtype=np.int32) % n
    assert_same(mine.select(chosen), theirs[chosen])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_select_columns(shape, step):
    """Candidates renumber the items; a seen item that is no candidate drops out."""
    mine, theirs = pair(*shape)
    columns = np.arange(shape[1])[::step]
    assert_same(mine.select_columns(columns), theirs[:, columns])


def test_patterns_have_no_values():
    """Mere patterns stay patterns; as scipy matrices their values are ones."""
    mine, theirs = pair(6, 8, values=False)
    cuts = mine.select(np.array([1, 2])), mine.select(np.array([3])), mine.select_columns(np.array([0, 4]))
    for pattern in (mine, *cuts):
        assert pattern.values is None
        assert pattern.row(0)[1] is None
        assert (pattern.to_scipy().data == 1).all()
    assert mine.to_scipy().nnz == theirs.nnz
