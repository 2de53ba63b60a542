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
    threads: int,
) -> tuple[_IndexArray, NDArray[_T]]: ...
