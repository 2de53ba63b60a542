"""Where non-convex completion starts: the truncated SVD of the trimmed observed entries, and their rank."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.completion._spectrum import Triplets
from eckart.linalg.operators import SparseMatrix
from eckart.linalg.svd import randomized_svd

TOL = 1e-3  # of the triplets: the start is off by far more
MOST = 30  # ranks that are considered where none is given


def spectral_start(data: SparseMatrix, rank: int | str, seed: int) -> Triplets:
    """Return the leading triplets of Tr(P(X)) / p, p the share of observed entries (Keshavan, Montanari, Oh
    2010, "Matrix completion from a few entries", section 1.1), as many as `rank` says ("auto": estimated)."""
    m, n = data.shape
    limit = min(m, n)
    trimmed = trim(data)
    k = min(MOST + 1, limit) if rank == "auto" else min(int(rank), limit)
    found = randomized_svd(trimmed, k, tol=TOL, random_state=seed)
    share = len(data.values) / (m * n)
    start = Triplets(found.U, (found.s / share).astype(data.dtype), found.V)
    return start.leading(gap_rank(found.s, data) if rank == "auto" else k)


def gap_rank(s: NDArray[Any], data: SparseMatrix) -> int:
    """Return the rank i that minimises (s_{i+1} + s_1 sqrt(i / e)) / s_i, e = |observed| / sqrt(m n): the gap
    of the spectrum, and the more entries there are, the further down (Keshavan, Montanari, Oh 2009, "Low-rank
    matrix completion with noisy observations", section 1.4). s : the leading singular values, falling."""
    m, n = data.shape
    positive = s[s > s[0] * np.finfo(s.dtype).eps] if len(s) and s[0] > 0 else s[:0]
    if len(positive) < 2:
        return 1
    rank = np.arange(1, len(positive))
    epsilon = len(data.values) / np.sqrt(m * n)
    cost = (positive[1:] + positive[0] * np.sqrt(rank / epsilon)) / positive[:-1]
    return int(np.argmin(cost)) + 1


def trim(data: SparseMatrix) -> SparseMatrix:
    """Return the matrix without the rows and columns of more than twice the mean count: their singular
    vectors would stand on one row. Where that leaves less than half of the entries (counts of long tails,
    which no theorem covers), the matrix itself."""
    rows, columns = data.by_row, data.by_col
    heavy = [side.counts > 2 * len(side.indices) / max(side.n_rows, 1) for side in (rows, columns)]
    if not (heavy[0].any() or heavy[1].any()):
        return data
    drop = np.repeat(heavy[0], rows.counts) | heavy[1][rows.indices]
    if drop.mean() > 0.5:
        return data
    return data.with_values(np.where(drop, 0, data.values).astype(data.dtype))
