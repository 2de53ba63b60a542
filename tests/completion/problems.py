"""Low-rank matrices with some entries observed, whose completion is known."""

from typing import NamedTuple

import numpy as np
from scipy import sparse


class Problem(NamedTuple):
    """truth (m, n), its observed entries as a sparse matrix."""

    truth: np.ndarray
    observed: sparse.csr_array

    def error(self, model) -> float:
        """Relative error of a fitted model on the whole matrix."""
        completed = model.user_factors_ @ model.item_factors_.T
        return float(np.linalg.norm(completed - self.truth) / np.linalg.norm(self.truth))


def low_rank(shape=(60, 50), rank=2, share=0.5, condition=2.0, seed=0, dtype=np.float64) -> Problem:
    """Return a problem whose singular values fall geometrically from sqrt(m n) by `condition`."""
    rng = np.random.default_rng(seed)
    u, v = (np.linalg.qr(rng.standard_normal((n, rank)))[0] for n in shape)
    truth = (u * np.geomspace(1, 1 / condition, rank)) @ v.T * np.sqrt(shape[0] * shape[1])
    rows, columns = np.nonzero(rng.random(shape) < share)
    values = truth[rows, columns].astype(dtype)
    return Problem(truth, sparse.csr_array((values, (rows, columns)), shape=shape))
