from numpy.typing import NDArray

from eckart._native import _T, _IndexArray, _OffsetArray

def als_solve(
    indptr: _OffsetArray,
    indices: _IndexArray,
    values: NDArray[_T] | None,
    weights: NDArray[_T] | None,
    unobserved: float,
    fixed: NDArray[_T],
    fixed_bias: NDArray[_T] | None,
    mean: float,
    reg: NDArray[_T],
    factors: NDArray[_T],
    bias: NDArray[_T] | None,
    rows: _IndexArray | None,
    cg_steps: int,
    block: int,
    with_error: bool,
    use_amx: bool,
    threads: int,
) -> float: ...
def als_squared_error(
    indptr: _OffsetArray,
    indices: _IndexArray,
    values: NDArray[_T],
    fixed: NDArray[_T],
    fixed_bias: NDArray[_T] | None,
    mean: float,
    factors: NDArray[_T],
    bias: NDArray[_T] | None,
    threads: int,
) -> float: ...
def residual_product(
    indptr: _OffsetArray,
    indices: _IndexArray,
    values: NDArray[_T],
    u: NDArray[_T],
    v: NDArray[_T],
    threads: int,
) -> tuple[NDArray[_T], float]: ...
def error_along(
    indptr: _OffsetArray,
    indices: _IndexArray,
    values: NDArray[_T],
    u: NDArray[_T],
    v: NDArray[_T],
    d: NDArray[_T],
    e: NDArray[_T],
    threads: int,
) -> list[float]: ...
def als_penalty(factors: NDArray[_T], bias: NDArray[_T] | None, reg: NDArray[_T], threads: int) -> float: ...
def predict_pairs(
    user_factors: NDArray[_T],
    item_factors: NDArray[_T],
    user_bias: NDArray[_T] | None,
    item_bias: NDArray[_T] | None,
    mean: float,
    users: _IndexArray,
    items: _IndexArray,
    threads: int,
) -> NDArray[_T]: ...
def gauss_newton_step(
    row_indptr: _OffsetArray,
    row_indices: _IndexArray,
    row_values: NDArray[_T],
    col_indptr: _OffsetArray,
    col_indices: _IndexArray,
    col_values: NDArray[_T],
    u: NDArray[_T],
    v: NDArray[_T],
    max_steps: int,
    tol: float,
    threads: int,
) -> tuple[NDArray[_T], NDArray[_T], int]: ...
def refine_rows(
    indptr: _OffsetArray,
    indices: _IndexArray,
    values: NDArray[_T],
    fixed: NDArray[_T],
    ridge: float,
    factors: NDArray[_T],
    threads: int,
) -> None: ...
def nearest_columns(
    row_indptr: _OffsetArray,
    row_indices: _IndexArray,
    row_values: NDArray[_T],
    col_indptr: _OffsetArray,
    col_indices: _IndexArray,
    col_values: NDArray[_T],
    ids: _IndexArray,
    norms: NDArray[_T] | None,
    shrinkage: float,
    k: int,
    threads: int,
) -> tuple[_IndexArray, NDArray[_T]]: ...
def neighbour_pairs(
    indptr: _OffsetArray,
    indices: _IndexArray,
    values: NDArray[_T],
    base: NDArray[_T] | None,
    mean: bool,
    row_indptr: _OffsetArray,
    row_indices: _IndexArray,
    row_values: NDArray[_T],
    rows_of: _IndexArray,
    items: _IndexArray,
    threads: int,
) -> NDArray[_T]: ...
def neighbour_top_k(
    indptr: _OffsetArray,
    indices: _IndexArray,
    values: NDArray[_T],
    base: NDArray[_T] | None,
    mean: bool,
    row_indptr: _OffsetArray,
    row_indices: _IndexArray,
    row_values: NDArray[_T],
    exclude_indptr: _OffsetArray | None,
    exclude_indices: _IndexArray | None,
    k: int,
    threads: int,
) -> tuple[_IndexArray, NDArray[_T]]: ...
def row_pairs(
    weights: NDArray[_T],
    row_indptr: _OffsetArray,
    row_indices: _IndexArray,
    row_values: NDArray[_T],
    rows_of: _IndexArray,
    items: _IndexArray,
    threads: int,
) -> NDArray[_T]: ...
def row_top_k(
    weights: NDArray[_T],
    bias: NDArray[_T] | None,
    row_indptr: _OffsetArray,
    row_indices: _IndexArray,
    row_values: NDArray[_T],
    exclude_indptr: _OffsetArray | None,
    exclude_indices: _IndexArray | None,
    k: int,
    threads: int,
) -> tuple[_IndexArray, NDArray[_T]]: ...
