"""Where non-convex completion starts: the truncated SVD of the trimmed observed entries, and their rank."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import generator
from eckart.base.validation import check_int, check_option
from eckart.completion._descent import Descent, split
from eckart.completion._spectrum import Triplets, balanced
from eckart.linalg.operators import SparseMatrix
from eckart.linalg.svd import randomized_svd

MARGIN = 1.1  # by which a singular value must exceed what noise alone gives
TOL = 1e-3  # of the triplets: the start is off by far more
STAGE = 10  # steps at each rank
MOST = 30  # ranks that are considered where none is given


def spectral_start(data: SparseMatrix, rank: int | str, seed: int) -> Triplets:
    """Return the leading triplets of Tr(P(X)) / p, p the share of observed entries (Keshavan, Montanari, Oh
    2010, "Matrix completion from a few entries", section 1.1), as many as `rank` says ("auto": estimated)."""
    m, n = data.shape
    limit = min(m, n)
    trimmed = trim(data)
    k = min(MOST, limit) if rank == "auto" else min(int(rank), limit)
    found = randomized_svd(trimmed, k, tol=TOL, random_state=seed)
    share = len(data.values) / (m * n)
    start = Triplets(found.U, (found.s / share).astype(data.dtype), found.V)
    return start.leading(gap_rank(found.s, trimmed, seed) if rank == "auto" else k)


def stagewise_start(data: SparseMatrix, rank: int | str, seed: int) -> Triplets:
    """Return triplets built up one by one: the leading one of the residual joins those at hand, and STAGE
    scaled conjugate steps fit them together before the next (Jain, Netrapalli 2015, "Fast exact matrix
    completion with finite samples"). What hides a component is the noise of what is not yet explained."""
    k = len(spectral_start(data, rank, seed).s) if rank == "auto" else min(int(rank), *data.shape)
    found = spectral_start(data, 1, seed)
    for _ in range(1, k):
        descent = Descent(data, "scaled", "conjugate", split(found), float(found.s[0]))
        point = descent.start()
        for _ in range(STAGE):
            descent.step(point)
        residual = data.with_values(data.values - data.sampled(point.users, point.items))
        users, items = split(spectral_start(residual, 1, seed))
        found = balanced(np.hstack([point.users, users]), np.hstack([point.items, items]))
    return found


def gap_rank(s: NDArray[Any], data: SparseMatrix, seed: int) -> int:
    """Return how many of the singular values s (falling) of the observed entries stand above their noise.

    The zero-filled matrix is p X plus a matrix of zero mean, that of the choice of places. Random signs keep
    the latter's variances, 1 - p times the entries' squares, and destroy the former, so that the norm with
    random signs tells where noise ends (Hong, Sheng, Dobriban 2020, "Selecting the number of components in
    PCA via random signflips"). Finds fewer than there are where entries are too few for the gap to show.
    """
    signs = generator(seed).choice(np.array([-1, 1], data.dtype), len(data.values))
    flipped = randomized_svd(data.with_values(data.values * signs), 1, tol=TOL, random_state=seed)
    share = len(data.values) / (data.shape[0] * data.shape[1])
    return max(1, int((s > MARGIN * np.sqrt(1 - share) * flipped.s[0]).sum()))


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


def check_rank(rank: Any) -> None:
    """ValueError unless `rank` is "auto" or an integer >= 1."""
    if isinstance(rank, str):
        check_option(rank, "rank", ("auto",))
    else:
        check_int(rank, "rank")
