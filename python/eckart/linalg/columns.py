"""Inner products between the columns of a sparse matrix: what Gram matrices and neighbourhoods need."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import linalg as native
from eckart.base.csr import Csr
from eckart.base.threads import get_num_threads


def longest_first(by_row: Csr, by_col: Csr) -> tuple[NDArray[Any], ...]:
    """Return the matrix as the native kernels of column products take it (copies).

    by_row (n_rows, n_cols) and by_col, its transpose, with values of one float type. Columns are
    renumbered by falling length (ties: the lower number first).

    Returns (row_indptr, row_indices, row_values, col_indptr, col_indices, col_values, ids); ``ids[c]`` is
    the old number of column c.
    """
    ids = np.argsort(-by_col.counts, kind="stable").astype(np.int32)
    renumbered = np.empty(len(ids), dtype=np.int32)
    renumbered[ids] = np.arange(len(ids), dtype=np.int32)
    columns = by_col.select(ids)
    assert by_row.values is not None
    assert columns.values is not None
    rows = (by_row.indptr, renumbered[by_row.indices], by_row.values)
    return (*rows, columns.indptr, columns.indices, columns.values, ids)


def sparse_gram(by_row: Csr, by_col: Csr) -> NDArray[Any]:
    """Return X'X, dense (n_cols, n_cols), of the matrix given by rows and by columns."""
    return native.sparse_gram(*longest_first(by_row, by_col), get_num_threads())
