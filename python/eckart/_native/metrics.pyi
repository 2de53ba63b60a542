import numpy as np
from numpy.typing import NDArray

from eckart._native import _T, _IndexArray, _OffsetArray

RANKING_METRICS: tuple[str, ...]

def ranking_fault(lists: _IndexArray, n_items: int, threads: int) -> tuple[str, int, int] | None: ...
def ranking_metrics(
    lists: _IndexArray,
    indptr: _OffsetArray,
    indices: _IndexArray,
    gains: NDArray[_T] | None,
    n_items: int,
    k: int,
    recall_over_min_k: bool,
    threads: int,
) -> NDArray[np.float64]: ...
def bootstrap_means(
    values: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    seed: int,
    n_resamples: int,
    threads: int,
) -> NDArray[np.float64]: ...
