"""Mean and scatter of samples, exact for any mean, and merged exactly: what covariances are made of.

Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import linalg as native
from eckart.base.csr import Csr
from eckart.base.threads import get_num_threads
from eckart.linalg.columns import sparse_gram
from eckart.linalg.dense import multiply
from eckart.linalg.operators import Centered, DenseMatrix, SparseMatrix

PILOT_ROWS = 256  # whose mean is subtracted first: what is left of the mean is then a small deviation


@dataclass(frozen=True)
class Moments:
    """n samples of d features: mean (d,) and scatter (d, d) = sum_i (x_i - mean)(x_i - mean)', in double."""

    n: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    def merge(self, other: "Moments") -> "Moments":
        """Return the moments of both sets of samples together."""
        n = self.n + other.n
        apart = other.mean - self.mean
        scatter = self.scatter + other.scatter
        scatter += np.multiply.outer(apart * (self.n * other.n / n), apart)
        return Moments(n, self.mean + apart * (other.n / n), scatter)


def moments(X: NDArray[Any] | SparseMatrix) -> Moments:
    """Return the moments of the rows of X (n, d), n >= 1: float32 or float64, C-contiguous, or sparse.

    Dense samples are shifted by the mean of a few of them before they are squared, on all threads and with
    the same bits for any number of them; see cpp/include/eckart/linalg/shifted_gram.hpp.
    """
    if isinstance(X, SparseMatrix):
        return _sparse_moments(X)
    n = len(X)
    pilot = X[:: -(-n // PILOT_ROWS)].mean(axis=0, dtype=np.float64).astype(X.dtype)
    scatter, rest = native.shifted_gram(X, pilot, get_num_threads())
    rest /= n
    scatter -= np.multiply.outer(rest * n, rest)
    return Moments(n, pilot + rest, scatter)


def _sparse_moments(X: SparseMatrix) -> Moments:
    """From the Gram matrix of the stored entries. Sparse columns have means that are small beside their
    deviations, so that subtracting afterwards costs no digits."""
    by_row, by_col = (
        Csr(rows.indptr, rows.indices, rows.values.astype(np.float64), rows.n_cols)
        for rows in (X.by_row, X.by_col)
    )
    n, d = X.shape
    mean = np.bincount(by_row.indices, weights=by_row.values, minlength=d) / n
    scatter = sparse_gram(by_row, by_col)
    scatter -= np.multiply.outer(mean * n, mean)
    return Moments(n, mean, scatter)


class Covariance:
    """The covariance C (d, d) of the rows of X as an operator: C V is what iterative methods ask for.

    It is formed where there are more samples than features; else C V = Xc'(Xc V) / (n - 1) with the centred
    samples Xc, which stay implicit if X is sparse. Divides by n - 1.

    mean : (d,); trace : the total variance; n : samples
    """

    def __init__(self, X: NDArray[Any] | SparseMatrix) -> None:
        self.n, d = X.shape
        self.shape = (d, d)
        self._centered: Any = None
        if self.n > d:
            found = moments(X)
            self.dtype = np.dtype(np.float64)
            self.mean = found.mean
            self.matrix = found.scatter / (self.n - 1)
            self.trace = float(np.trace(self.matrix))
        else:
            self.dtype = X.dtype
            self.mean, self._centered, self.trace = centered(X)

    def matmat(self, v: NDArray[Any]) -> NDArray[Any]:
        """Return C V, (d, k)."""
        if self._centered is None:
            return multiply(self.matrix, np.ascontiguousarray(v))
        product: NDArray[Any] = self._centered.rmatmat(self._centered.matmat(v))
        product /= max(self.n - 1, 1)
        return product

    rmatmat = matmat


def centered(X: NDArray[Any] | SparseMatrix) -> tuple[NDArray[np.float64], Any, float]:
    """Return the mean of the rows of X (n, d), X - 1 mean' as an operator, and the sum of the variances
    (divided by n - 1). A dense X is centred in a copy, a sparse one implicitly."""
    n, d = X.shape
    if isinstance(X, SparseMatrix):
        mean = np.bincount(X.by_row.indices, weights=X.values, minlength=d) / n
        squares = float(np.einsum("i,i->", X.values, X.values, dtype=np.float64))
        total = max(squares - n * float(mean @ mean), 0.0)
        return mean, Centered(X, mean.astype(X.dtype)), total / max(n - 1, 1)
    pilot = X[0]
    rest = X - pilot  # exact enough: what is near the mean in all digits
    shift = rest.mean(axis=0, dtype=np.float64)
    rest -= shift.astype(X.dtype)
    total = float(np.einsum("ij,ij->", rest, rest, dtype=np.float64))
    return pilot + shift, DenseMatrix(rest), total / max(n - 1, 1)
