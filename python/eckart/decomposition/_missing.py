"""Principal axes of samples with missing entries: EM for probabilistic PCA.

Tipping and Bishop 1999, appendix B; Ilin and Raiko 2010, "Practical approaches to principal component
analysis in the presence of missing values". Of n samples x = W z + mean + noise only some entries are seen;
EM finds W (d, k), the mean and the noise variance of largest likelihood. With nothing missing that is PCA.

Plain EM crawls where the noise is small, as it holds the scores to unit variance only through W. So they
get a mean and covariance of their own in each iteration, which are then put into the offset and W (parameter
expansion: Liu, Rubin and Wu 1998; Ilin and Raiko rotate for the same end).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.decomposition._gaussian import FLOOR, posterior
from eckart.decomposition._pca_solvers import Axes, signed
from eckart.linalg.dense import multiply_transposed, single_threaded

CHUNK = 1 << 22  # numbers in the posterior covariances of the rows that are worked on at once


def solve_missing(X: NDArray[Any], k: int, *, tol: float, max_iter: int) -> Axes:
    """Return the axes of X (n, d), NaN where nothing was observed.

    tol : stop when loadings and noise change by at most this share of themselves in an iteration.
    Work: n d k^2 multiply-adds an iteration. Raises ValueError for a feature that was never observed.
    """
    n, d = X.shape
    observed = ~np.isnan(X)
    counts = observed.sum(axis=0)
    if not counts.all():
        raise ValueError(
            f"X: expected an observed value in each feature, got none in feature {counts.argmin()}"
        )
    mean = np.where(observed, X, 0).sum(axis=0, dtype=np.float64) / counts
    known = np.where(observed, X - mean, 0.0)
    variances = (known**2).sum(axis=0) / counts
    least = FLOOR * float(variances.max()) + np.finfo(np.float64).tiny
    n_iter, converged = 0, False
    with single_threaded():
        loadings, offset, noise = _start(known, variances, k)
        while n_iter < max_iter and not converged:
            before, noise_before = loadings, noise
            gram, cross, scores = _expect(
                known - np.where(observed, offset, 0), known, observed, loadings, noise
            )
            solved = np.linalg.solve(gram, cross[:, :, None])[:, :, 0]  # (d, k + 1): loadings and offset
            average = scores[:k, k]
            spread = np.linalg.cholesky(scores[:k, :k] - np.multiply.outer(average, average))
            loadings, offset = solved[:, :k] @ spread, solved[:, k] + solved[:, :k] @ average
            noise = max(float((counts @ variances - (cross * solved).sum()) / counts.sum()), least)
            moved = np.linalg.norm(loadings - before) / (np.linalg.norm(loadings) or 1.0)
            converged = bool(max(moved, abs(noise / noise_before - 1)) <= tol)
            n_iter += 1
        directions, s, _ = np.linalg.svd(loadings, full_matrices=False)
    unbiased = n / (n - 1)
    found = (s**2 + noise) * unbiased
    total = float(found.sum() + (d - k) * noise * unbiased)
    components = signed(np.ascontiguousarray(directions.T).astype(X.dtype))
    return Axes(n, mean + offset, components, found, total, noise * unbiased, n_iter, converged)


def _start(known: NDArray[np.float64], variances: NDArray[np.float64], k: int) -> Any:
    """Begin with PCA of the samples whose gaps are filled with the mean."""
    n, d = known.shape
    values, vectors = np.linalg.eigh(multiply_transposed(known, known) / n)
    values, vectors = values[::-1][:k].clip(0), vectors[:, ::-1][:, :k]
    noise = max(
        (float(variances.sum()) - float(values.sum())) / max(d - k, 1), 0.01 * float(variances.mean())
    )
    # No direction starts at zero: that is a fixed point of EM.
    scale = np.sqrt(np.maximum(values - noise, 0.01 * values.max(initial=0.0)))
    return np.ascontiguousarray(vectors * scale), np.zeros(d), max(noise, np.finfo(np.float64).tiny)


def _expect(
    rest: NDArray[np.float64],
    known: NDArray[np.float64],
    observed: NDArray[np.bool_],
    loadings: NDArray[np.float64],
    noise: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return, for each feature, the normal equations of its loadings and offset: the sums over the samples
    that have it of E[(z, 1)(z, 1)'], (d, k + 1, k + 1), and of x E[(z, 1)], (d, k + 1);
    and the mean of the former over all samples, (k + 1, k + 1)."""
    n, k = len(rest), loadings.shape[1] + 1
    gram, cross = np.zeros((loadings.shape[0], k * k)), np.zeros((loadings.shape[0], k))
    scores = np.zeros((k, k))
    rows = max(1, CHUNK // (k * k))
    for begin in range(0, n, rows):
        part = slice(begin, begin + rows)
        mean, spread, _ = posterior(rest[part], observed[part], loadings, noise)
        ones = np.hstack([mean, np.ones((len(mean), 1))])
        second = ones[:, :, None] * ones[:, None, :]
        second[:, :-1, :-1] += spread
        gram += multiply_transposed(observed[part].astype(np.float64), second.reshape(-1, k * k))
        scores += second.sum(axis=0)
        cross += multiply_transposed(known[part], ones)
    return gram.reshape(-1, k, k), cross, scores / n
