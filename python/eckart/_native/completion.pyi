from numpy.typing import NDArray

from eckart._native import _T, _IndexArray, _OffsetArray

def als_solve(
    indptr: _OffsetArray,
    indices: _IndexArray,
    values: NDArray[_T],
    fixed: NDArray[_T],
    fixed_bias: NDArray[_T] | None,
    mean: float,
    reg: NDArray[_T],
    factors: NDArray[_T],
    bias: NDArray[_T] | None,
    rows: _IndexArray | None,
    cg_steps: int,
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
