from numpy.typing import NDArray

from eckart._native import _T, _IndexArray, _OffsetArray

def nmf_sweep(
    products: NDArray[_T],
    gram: NDArray[_T],
    l1: float,
    l2: float,
    most: int,
    tolerance: float,
    w: NDArray[_T],
    threads: int,
) -> float: ...
def nmf_sweep_masked(
    indptr: _OffsetArray,
    indices: _IndexArray,
    values: NDArray[_T],
    weights: NDArray[_T] | None,
    h: NDArray[_T],
    l1: float,
    l2: float,
    most: int,
    tolerance: float,
    w: NDArray[_T],
    threads: int,
) -> float: ...
def nmf_quotients(
    x: NDArray[_T], w: NDArray[_T], h: NDArray[_T], transposed: bool, with_log: bool, threads: int
) -> tuple[NDArray[_T], float]: ...
def nmf_quotients_sparse(
    indptr: _OffsetArray,
    indices: _IndexArray,
    values: NDArray[_T],
    w: NDArray[_T],
    h: NDArray[_T],
    with_log: bool,
    threads: int,
) -> tuple[NDArray[_T], float]: ...
