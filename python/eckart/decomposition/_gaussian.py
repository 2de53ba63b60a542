"""PCA as a model of the data: a Gaussian with a few directions of its own and equal noise in all others.

x ~ N(mean, C),  C = U' diag(variances - noise) U + noise I          U (k, d), orthonormal rows

Tipping and Bishop 1999, "Probabilistic principal component analysis". What needs C^-1 and |C| is found from
the k directions; C is never formed for a likelihood.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.linalg.dense import multiply, single_threaded

FLOOR = 1e-12  # of the noise, as a share of the largest variance, where its inverse is needed


@dataclass(frozen=True)
class Gaussian:
    """mean (d,), components (k, d), variances (k,) along them, noise: the variance along all others."""

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    variances: NDArray[np.float64]
    noise: float

    @property
    def covariance(self) -> NDArray[np.float64]:
        """C, (d, d)."""
        found = (self.components.T * (self.variances - self.noise)) @ self.components
        found[np.diag_indices_from(found)] += self.noise
        return found

    @property
    def precision(self) -> NDArray[np.float64]:
        """C^-1, (d, d). ValueError where C is singular."""
        self._check_regular()
        k, d = self.components.shape
        if k == d:
            return (self.components.T / self.variances) @ self.components
        found = (self.components.T * (1 / self.variances - 1 / self.noise)) @ self.components
        found[np.diag_indices_from(found)] += 1 / self.noise
        return found

    def log_likelihood(self, rest: NDArray[Any]) -> NDArray[np.float64]:
        """Return log N(x; mean, C) of each row; rest = x - mean, (n, d). ValueError where C is singular."""
        self._check_regular()
        k, d = self.components.shape
        rest = np.ascontiguousarray(rest, dtype=np.float64)
        scores = multiply(rest, np.ascontiguousarray(self.components.T))
        squares = (scores**2 / self.variances).sum(axis=1)
        if k < d:
            rest = rest - multiply(scores, self.components)
            squares += (rest**2).sum(axis=1) / self.noise
        log_det = np.log(self.variances).sum() + (d - k) * math.log(self.noise if k < d else 1.0)
        return -0.5 * (squares + log_det + d * math.log(2 * math.pi))

    def complete(self, rest: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return rows with their missing entries (NaN) replaced by what is expected given the others, and the
        log-likelihood of the others; rest = x - mean, (n, d)."""
        noise = max(self.noise, FLOOR * float(self.variances.max(initial=0.0)), np.finfo(np.float64).tiny)
        loadings = self.components.T * np.sqrt((self.variances - noise).clip(0))  # (d, k): C = W W' + noise I
        observed = ~np.isnan(rest)
        known = np.where(observed, rest, 0).astype(np.float64)
        with single_threaded():
            scores, _, log_det = posterior(known, observed, loadings, noise)
        expected = multiply(scores, np.ascontiguousarray(loadings.T))
        squares = ((known - np.where(observed, expected, 0)) * known).sum(axis=1) / noise
        counts = observed.sum(axis=1)
        log_det = log_det + (counts - loadings.shape[1]) * math.log(noise)
        likelihood = -0.5 * (squares + log_det + counts * math.log(2 * math.pi))
        return np.where(observed, rest, expected).astype(rest.dtype), likelihood

    def _check_regular(self) -> None:
        k, d = self.components.shape
        if not (self.variances > 0).all() or (k < d and not self.noise > 0):
            raise ValueError(
                "the covariance is singular, so that likelihoods are infinite: expected fewer components, "
                f"more samples or more variation than these {k} components of {d} features leave"
            )


def posterior(
    known: NDArray[np.float64], observed: NDArray[np.bool_], loadings: NDArray[np.float64], noise: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean (n, k), covariance (n, k, k) of the scores z given what is observed of x = W z + noise, and
    log |W_O'W_O + noise I| (n,); known (n, d) is zero where nothing is observed.

    z | x_O ~ N(M^-1 W_O'x_O, noise M^-1), M = W_O'W_O + noise I (Ilin and Raiko 2010, eq. 22 and 23).
    To be called under :func:`single_threaded`.
    """
    d, k = loadings.shape
    loadings = np.ascontiguousarray(loadings)
    products = (loadings[:, :, None] * loadings[:, None, :]).reshape(d, k * k)
    systems = multiply(observed.astype(np.float64), products).reshape(-1, k, k)
    systems += noise * np.eye(k)
    inverse, log_det = np.linalg.inv(systems), np.linalg.slogdet(systems)[1]
    mean = np.einsum("nij,nj->ni", inverse, multiply(known, loadings))
    return mean, noise * inverse, log_det


def likely_dimension(variances: NDArray[np.float64], n: int) -> int:
    """Return the number of components of largest evidence, 1 ... d - 1, for n samples with these d variances.

    Minka 2000, "Automatic choice of dimensionality for PCA", eq. 77-80.
    """
    d = len(variances)
    positive = variances[variances > np.finfo(variances.dtype).eps * variances[:1]]
    if len(positive) < 2:
        return len(positive)
    evidence = [_log_evidence(variances, k, n) for k in range(1, min(d, len(positive) + 1))]
    return 1 + int(np.argmax(evidence))


def _log_evidence(variances: NDArray[np.float64], k: int, n: int) -> float:
    d = len(variances)
    noise = float(variances[k:].mean())
    if noise <= 0:
        return -math.inf
    free = [(d - i) / 2 for i in range(k)]
    log_prior = -k * math.log(2) + sum(math.lgamma(a) - a * math.log(math.pi) for a in free)
    fitted = -0.5 * n * (np.log(variances[:k]).sum() + (d - k) * math.log(noise))
    m = d * k - k * (k + 1) / 2
    inverse = 1 / np.concatenate([variances[:k], np.full(d - k, noise)])
    i, j = np.triu_indices(k, 1, d)
    with np.errstate(divide="ignore"):
        curvature = np.log((variances[i] - variances[j]) * (inverse[j] - inverse[i])).sum() + m * math.log(n)
    return float(
        log_prior + fitted + 0.5 * (m + k) * math.log(2 * math.pi) - 0.5 * curvature - 0.5 * k * math.log(n)
    )
