"""Matrices that are never formed: sparse ones, and sparse ones plus one of low rank.

An operator A of shape (m, n) has ``shape``, ``dtype``, ``matmat(X)`` = A X for X (n, k), and ``rmatmat(Y)``
= A'Y for Y (m, k), as SciPy's ``LinearOperator`` has; what takes one takes the others.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart._native import linalg as native
from eckart.base.csr import Csr
from eckart.base.threads import get_num_threads
from eckart.linalg.dense import multiply, multiply_transposed


class SparseMatrix:
    """A sparse matrix by rows and by columns at once, so that A X and A'Y are both passes over rows.

    by_row : (m, n) with values. Entries keep the order of its rows wherever values are passed in or out.
    by_col : its transpose if it is at hand (as ``Ratings.by_item`` is), else it is made when first needed
    """

    def __init__(self, by_row: Csr, by_col: Csr | None = None) -> None:
        assert by_row.values is not None
        self.by_row = by_row
        if by_col is not None:
            self.by_col = by_col  # takes the place of the cached property

    @classmethod
    def from_scipy(cls, matrix: Any) -> "SparseMatrix":
        """Take over a scipy.sparse matrix; values are converted to a float type, equal places added up."""
        rows = matrix.tocsr()
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        dtype = rows.dtype if rows.dtype in (np.float32, np.float64) else np.float64
        indptr, indices = rows.indptr.astype(np.int64, copy=False), rows.indices.astype(np.int32, copy=False)
        return cls(Csr(indptr, indices, rows.data.astype(dtype, copy=False), rows.shape[1]))

    @cached_property
    def by_col(self) -> Csr:
        """The transpose, by its rows."""
        rows = self.by_row
        columns = _native.data.transpose(
            rows.indptr, rows.indices, rows.values, rows.n_cols, threads=get_num_threads()
        )
        return Csr(*columns, rows.n_rows)

    @cached_property
    def column_order(self) -> NDArray[Any]:
        """Return which entry of `by_row` each entry of `by_col` is, (n_stored,)."""
        rows = self.by_row
        places = np.arange(len(rows.indices), dtype=np.int32 if len(rows.indices) < 2**31 else np.int64)
        return _native.data.transpose(
            rows.indptr, rows.indices, places, rows.n_cols, threads=get_num_threads()
        )[2]

    @property
    def values(self) -> NDArray[Any]:
        """The stored entries, (n_stored,), row by row."""
        assert self.by_row.values is not None
        return self.by_row.values

    @property
    def shape(self) -> tuple[int, int]:
        return self.by_row.n_rows, self.by_row.n_cols

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    def with_values(self, values: NDArray[Any]) -> "SparseMatrix":
        """Return the matrix with the same places and other entries, (n_stored,), row by row."""
        rows, columns = self.by_row, self.by_col
        other = SparseMatrix(
            Csr(rows.indptr, rows.indices, values, rows.n_cols),
            Csr(columns.indptr, columns.indices, values[self.column_order], columns.n_cols),
        )
        vars(other)["column_order"] = self.column_order
        return other

    def sampled(self, u: NDArray[Any], v: NDArray[Any]) -> NDArray[Any]:
        """Return (U V')_ij at the stored places, (n_stored,); u (m, k), v (n, k), of one float type."""
        rows = self.by_row
        return native.sampled_products(rows.indptr, rows.indices, u, v, get_num_threads())

    def matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return A X, (m, k); x (n, k) of the matrix's type."""
        return _times(self.by_row, x)

    def rmatmat(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return A'Y, (n, k); y (m, k) of the matrix's type."""
        return _times(self.by_col, y)


@dataclass(frozen=True)
class SparsePlusLowRank:
    """S + U V' with a sparse S (m, n), u (m, r) and v (n, r), all of one float type."""

    sparse: SparseMatrix
    u: NDArray[Any]
    v: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int]:
        return self.sparse.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.sparse.dtype

    def matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return (S + U V') X, (m, k)."""
        return self.sparse.matmat(x) + multiply(self.u, multiply_transposed(self.v, x))

    def rmatmat(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return (S + U V')'Y, (n, k)."""
        return self.sparse.rmatmat(y) + multiply(self.v, multiply_transposed(self.u, y))


def _times(rows: Csr, x: NDArray[Any]) -> NDArray[Any]:
    assert rows.values is not None
    x = np.ascontiguousarray(x, dtype=rows.values.dtype)
    return native.sparse_dense(rows.indptr, rows.indices, rows.values, x, get_num_threads())
