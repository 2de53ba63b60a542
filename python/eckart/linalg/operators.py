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
from eckart.base.validation import check_finite, native_array
from eckart.linalg.dense import multiply, multiply_transposed


@dataclass(frozen=True)
class DenseMatrix:
    """A dense array (m, n), C-contiguous, of one float type, multiplied natively."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int]:
        return self.array.shape[0], self.array.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return A X, (m, k)."""
        return multiply(self.array, x)

    def rmatmat(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return A'Y, (n, k)."""
        return multiply_transposed(self.array, y)


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


@dataclass(frozen=True)
class Centered:
    """A - 1 mu' with an operator A (m, n) and mu (n,): columns shifted without filling a sparse matrix."""

    matrix: Any
    mean: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int]:
        return self.matrix.shape[0], self.matrix.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.matrix.dtype)

    def matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return A X - 1 (mu'X), (m, k)."""
        product: NDArray[Any] = self.matrix.matmat(x)
        return product - multiply_transposed(self.mean[:, None], x)

    def rmatmat(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return A'Y - mu (1'Y), (n, k)."""
        sums = y.sum(axis=0, dtype=np.float64).astype(y.dtype)
        product: NDArray[Any] = self.matrix.rmatmat(y)
        return product - self.mean[:, None] * sums


@dataclass(frozen=True)
class Transposed:
    """A' of an operator A."""

    matrix: Any

    @property
    def shape(self) -> tuple[int, int]:
        return self.matrix.shape[1], self.matrix.shape[0]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.matrix.dtype)

    def matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return A'X."""
        product: NDArray[Any] = self.matrix.rmatmat(x)
        return product

    def rmatmat(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return A Y."""
        product: NDArray[Any] = self.matrix.matmat(y)
        return product


@dataclass(frozen=True)
class Foreign:
    """An operator from elsewhere, whose products may be of any type and order, and belong to it."""

    matrix: Any

    @property
    def shape(self) -> tuple[int, int]:
        return self.matrix.shape[0], self.matrix.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32 if self.matrix.dtype == np.float32 else np.float64)

    def matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return A X, a copy."""
        return np.array(self.matrix.matmat(x), dtype=self.dtype, order="C")

    def rmatmat(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return A'Y, a copy."""
        return np.array(self.matrix.rmatmat(y), dtype=self.dtype, order="C")


def as_operator(matrix: Any, name: str = "A") -> Any:
    """Return `matrix` as what has ``shape``, ``dtype``, ``matmat`` and ``rmatmat``.

    Its products are new arrays, C-contiguous and of its float type: an operator of this file is returned as
    it is, another one as a :class:`Foreign`. scipy.sparse becomes a :class:`SparseMatrix`; anything else is
    taken for a dense array, of float32 or float64 (others become float64), and must be finite.
    Raises ValueError where it has not two dimensions or is not finite.
    """
    if isinstance(matrix, (DenseMatrix, SparseMatrix, SparsePlusLowRank, Centered, Transposed)):
        return matrix
    if hasattr(matrix, "matmat") and hasattr(matrix, "rmatmat"):
        return Foreign(matrix)
    if hasattr(matrix, "tocsr"):
        operator = SparseMatrix.from_scipy(matrix)
        check_finite(operator.values, name)
        return operator
    array = np.asarray(matrix)
    if array.ndim != 2:
        raise ValueError(f"{name}: expected two dimensions, got {array.ndim}")
    array = native_array(array, array.dtype if array.dtype in (np.float32, np.float64) else np.float64)
    check_finite(array, name)
    return DenseMatrix(array)


def _times(rows: Csr, x: NDArray[Any]) -> NDArray[Any]:
    assert rows.values is not None
    x = np.ascontiguousarray(x, dtype=rows.values.dtype)
    return native.sparse_dense(rows.indptr, rows.indices, rows.values, x, get_num_threads())
