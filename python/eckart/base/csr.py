"""A compressed sparse matrix as the kernels take it. In ratings, stored entries are the observed ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.arrays import consecutive


@dataclass(frozen=True, eq=False)
class Csr:
    """Rows of stored entries; indices rise within a row.

    indptr : (n_rows + 1,) int64, indices : (n_stored,) int32, values : (n_stored,) floating, or None
    for a mere pattern. Whoever builds one checks the indices once; kernels trust them.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: NDArray[Any] | None
    n_cols: int

    @property
    def n_rows(self) -> int:
        return len(self.indptr) - 1

    @property
    def pattern(self) -> "Csr":
        """The same entries without their values."""
        return Csr(self.indptr, self.indices, None, self.n_cols)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Stored entries of each row, (n_rows,)."""
        return np.diff(self.indptr)

    def row(self, i: int) -> tuple[NDArray[np.int32], NDArray[Any] | None]:
        """Return the indices and values of row `i` (views)."""
        part = slice(int(self.indptr[i]), int(self.indptr[i + 1]))
        return self.indices[part], None if self.values is None else self.values[part]

    def select(self, rows: NDArray[Any]) -> "Csr":
        """Return the matrix of the given rows, in that order: views where they follow one another."""
        rows = np.asarray(rows, dtype=np.int64)
        run = consecutive(rows)
        if run is not None:
            part = slice(int(self.indptr[run.start]), int(self.indptr[run.stop]))
            values = None if self.values is None else self.values[part]
            indptr = self.indptr[run.start : run.stop + 1] - self.indptr[run.start]
            return Csr(indptr, self.indices[part], values, self.n_cols)
        counts = self.indptr[rows + 1] - self.indptr[rows]
        indptr = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(counts, out=indptr[1:])
        places = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], counts)
        values = None if self.values is None else self.values[places]
        return Csr(indptr, self.indices[places], values, self.n_cols)

    def select_columns(self, columns: NDArray[Any]) -> "Csr":
        """Return the matrix of the given columns (rising), renumbered from 0 (copies)."""
        renumbered = np.full(self.n_cols, -1, dtype=np.int32)
        renumbered[columns] = np.arange(len(columns), dtype=np.int32)
        indices = renumbered[self.indices]
        keep = indices >= 0
        indptr = np.concatenate([[0], np.cumsum(keep)])[self.indptr].astype(np.int64)
        values = None if self.values is None else self.values[keep]
        return Csr(indptr, indices[keep], values, len(columns))

    def to_scipy(self) -> Any:
        """Return a scipy.sparse.csr_array (values of a pattern are ones)."""
        from scipy import sparse

        values = np.ones(len(self.indices), dtype=np.float32) if self.values is None else self.values
        return sparse.csr_array((values, self.indices, self.indptr), shape=(self.n_rows, self.n_cols))
