"""The data of a non-negative factorisation: all cells of a matrix, or those that are observed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.validation import check_finite
from eckart.linalg.operators import SparseMatrix


@dataclass(frozen=True)
class Observed:
    """The cells that count: `x` holds their entries (explicit zeros too), `weights` what each counts, at the
    same places; None: 1."""

    x: SparseMatrix
    weights: SparseMatrix | None

    @property
    def shape(self) -> tuple[int, int]:
        return self.x.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.x.dtype


Data = NDArray[Any] | SparseMatrix | Observed


def check_entries(data: NDArray[Any] | SparseMatrix, name: str) -> None:
    """ValueError for negative (in scikit-learn's words) and infinite entries; NaN is left alone."""
    values = data.values if isinstance(data, SparseMatrix) else data
    if np.isinf(values).any():
        raise ValueError(f"{name}: expected finite numbers or NaN, got infinity")
    if values.size and np.nanmin(values, initial=0.0) < 0:
        raise ValueError(f"Negative values in data passed to NMF ({name}): expected entries >= 0")


def observed(data: NDArray[Any] | SparseMatrix, mask: Any) -> Data:
    """Return `data` itself where all cells count, else those that do.

    Missing are NaN in dense data, and where `mask` (n, d), dense or scipy.sparse, is False or 0; its other
    numbers are weights. An absent entry of sparse data is a zero, which a mask may call observed.
    """
    if mask is None:
        if isinstance(data, SparseMatrix) or not np.isnan(data).any():
            return data
        return Observed(_cells(~np.isnan(data), data), None)
    weights = _weights(mask, data)
    if isinstance(data, SparseMatrix):
        cells = SparseMatrix.from_scipy(_sparse(weights))
        entries = cells.with_values(_entries_at(cells.by_row, data.by_row))
    else:
        weights = weights.toarray() if hasattr(weights, "toarray") else weights
        counted = (weights != 0) & ~np.isnan(data)
        entries, cells = _cells(counted, data), _cells(counted, weights.astype(data.dtype))
    return Observed(entries, None if (cells.values == 1).all() else cells)


def row_sums(data: Data) -> NDArray[Any]:
    """Return the sums of the rows, (n,), over the observed cells."""
    if isinstance(data, np.ndarray):
        return data.sum(axis=1)
    rows = (data.x if isinstance(data, Observed) else data).by_row
    owners = np.repeat(np.arange(rows.n_rows), rows.counts)
    return np.bincount(owners, weights=rows.values, minlength=rows.n_rows).astype(data.dtype)


def _weights(mask: Any, data: NDArray[Any] | SparseMatrix) -> Any:
    """Return the mask in the data's type, sparse without stored zeros. ValueError if it is none."""
    sparse = hasattr(mask, "tocsr")
    weights = mask.tocsr().astype(data.dtype) if sparse else np.asarray(mask)
    if weights.shape != data.shape:
        raise ValueError(f"mask: expected the shape of X, {data.shape}, got {weights.shape}")
    if not sparse and weights.dtype.kind not in "biuf":
        raise ValueError(f"mask: expected booleans or weights, got {weights.dtype}")
    numbers = weights.data if sparse else weights
    check_finite(numbers, "mask")
    if numbers.size and numbers.min() < 0:
        raise ValueError(f"mask: expected weights >= 0, got {numbers.min()}")
    if sparse:
        weights = weights.copy()
        weights.sum_duplicates()
        weights.eliminate_zeros()
        return weights
    return weights.astype(data.dtype)


def _sparse(weights: Any) -> Any:
    from scipy import sparse

    return sparse.csr_array(weights)


def _cells(chosen: NDArray[np.bool_], values: NDArray[Any]) -> SparseMatrix:
    """Return the chosen cells of a dense matrix, zeros too."""
    indptr = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int64)
    indices = np.nonzero(chosen)[1].astype(np.int32)
    return SparseMatrix(Csr(indptr, indices, values[chosen], chosen.shape[1]))


def _entries_at(places: Csr, stored: Csr) -> NDArray[Any]:
    """Return the entries of a sparse matrix at the places of another, zero where it has none."""
    assert stored.values is not None

    def keys(matrix: Csr) -> NDArray[np.int64]:
        rows = np.repeat(np.arange(matrix.n_rows, dtype=np.int64), matrix.counts)
        return rows * matrix.n_cols + matrix.indices

    wanted, known = keys(places), keys(stored)  # both rise
    at = np.searchsorted(known, wanted)
    found = np.zeros(len(wanted), dtype=bool)
    found[at < len(known)] = known[at[at < len(known)]] == wanted[at < len(known)]
    entries = np.zeros(len(wanted), dtype=stored.values.dtype)
    entries[found] = stored.values[at[found]]
    return entries
