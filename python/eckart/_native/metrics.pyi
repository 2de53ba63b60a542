from typing import Any

import numpy as np
from numpy.typing import NDArray

RANKING_METRICS: tuple[str, ...]

def ranking_fault(lists: NDArray[np.int32], n_items: int, threads: int) -> tuple[str, int, int] | None: ...
def ranking_metrics(
    lists: NDArray[np.int32],
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    gains: NDArray[Any] | None,
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
