import numpy as np
from numpy.typing import NDArray

from eckart._native import _T, _IndexArray, _OffsetArray

def solve_spd(a: NDArray[_T], b: NDArray[_T]) -> NDArray[_T]: ...
def top_k(
    queries: NDArray[_T],
    items: NDArray[_T],
    bias: NDArray[_T] | None,
    exclude_indptr: _OffsetArray | None,
    exclude_indices: _IndexArray | None,
    k: int,
    use_amx: bool,
    threads: int,
) -> tuple[_IndexArray, NDArray[_T]]: ...
def sparse_gram(
    row_indptr: _OffsetArray,
    row_indices: _IndexArray,
    row_values: NDArray[_T],
    col_indptr: _OffsetArray,
    col_indices: _IndexArray,
    col_values: NDArray[_T],
    ids: _IndexArray,
    threads: int,
) -> NDArray[_T]: ...
def spd_inverse(a: NDArray[_T], threads: int) -> bool: ...
def top_k_of_rows(
    indptr: _OffsetArray,
    candidates: _IndexArray,
    scores: NDArray[_T],
    exclude_indptr: _OffsetArray | None,
    exclude_indices: _IndexArray | None,
    k: int,
    threads: int,
) -> tuple[_IndexArray, NDArray[_T]]: ...
def sparse_dense(
    indptr: _OffsetArray, indices: _IndexArray, values: NDArray[_T], x: NDArray[_T], threads: int
) -> NDArray[_T]: ...
def sampled_products(
    indptr: _OffsetArray, indices: _IndexArray, u: NDArray[_T], v: NDArray[_T], threads: int
) -> NDArray[_T]: ...
def multiply(a: NDArray[_T], b: NDArray[_T], threads: int) -> NDArray[_T]: ...
def multiply_transposed(a: NDArray[_T], b: NDArray[_T], threads: int) -> NDArray[_T]: ...
def set_columns(basis: NDArray[_T], at: int, x: NDArray[_T], threads: int) -> None: ...
def basis_products(basis: NDArray[_T], columns: int, x: NDArray[_T], threads: int) -> NDArray[np.float64]: ...
def subtract_basis(
    basis: NDArray[_T], columns: int, c: NDArray[_T], x: NDArray[_T], threads: int
) -> NDArray[np.float64]: ...
def shifted_gram(
    x: NDArray[_T], shift: NDArray[_T], threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
