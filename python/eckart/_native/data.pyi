from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from eckart._native import _T, _IndexArray, _OffsetArray

_V = TypeVar("_V", np.float32, np.float64, np.int32, np.int64)

def first_out_of_range(indices: _IndexArray, bound: int, threads: int) -> int: ...
def first_bad_row(indptr: _OffsetArray, indices: _IndexArray, n_cols: int, threads: int) -> int: ...
def first_not_rising(bytes: NDArray[np.uint8], offsets: _OffsetArray, threads: int) -> int: ...
def first_not_finite(values: NDArray[_T], threads: int) -> int: ...
def is_permutation(places: _IndexArray | _OffsetArray, threads: int) -> bool: ...
def distinct_integers(ids: _IndexArray | _OffsetArray, threads: int) -> _OffsetArray: ...
def encode_integers(ids: _IndexArray | _OffsetArray, sorted: _OffsetArray, threads: int) -> _IndexArray: ...
def row_pointers(rows: _IndexArray, cols: _IndexArray, n_rows: int, threads: int) -> _OffsetArray | None: ...
def count_repeated(indptr: _OffsetArray, indices: _IndexArray, threads: int) -> int: ...
def compress(
    rows: _IndexArray,
    cols: _IndexArray,
    values: NDArray[_V] | None,
    n_rows: int,
    n_cols: int,
    threads: int,
) -> tuple[_OffsetArray, _IndexArray, NDArray[_V] | None]: ...
def transpose(
    indptr: _OffsetArray, indices: _IndexArray, values: NDArray[_V] | None, n_cols: int, threads: int
) -> tuple[_OffsetArray, _IndexArray, NDArray[_V] | None]: ...
def make_ratings(
    users: int,
    items: int,
    n: int,
    rank: int,
    mean: float,
    noise: float,
    step: float,
    highest: float,
    seed: int,
    threads: int,
) -> tuple[
    _IndexArray,
    _IndexArray,
    NDArray[np.float32],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
]: ...
