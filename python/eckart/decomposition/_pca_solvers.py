"""The ways to principal axes. All give the same ones; they differ in work and in what they can take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import RandomState, generator
from eckart.linalg.dense import multiply, single_threaded
from eckart.linalg.moments import Covariance, Moments, centered
from eckart.linalg.operators import SparseMatrix
from eckart.linalg.power import power_method
from eckart.linalg.svd import randomized_svd

Count = Callable[[NDArray[np.float64]], int]  # how many components, from all variances
MAX_ITER = {"randomized": 300, "power": 10_000, "gd": 10_000}
FEW = 3  # LAPACK finds less than a third of the eigenvectors faster one by one


@dataclass(frozen=True)
class Axes:
    """k principal axes of n samples: mean (d,), components (k, d) orthonormal, variances (k,) falling, all
    divided by n - 1, and their total over all d axes; noise: the variance on the others, if a model says."""

    n: int
    mean: NDArray[np.float64]
    components: NDArray[Any]
    variances: NDArray[np.float64]
    total: float
    noise: float | None = None
    n_iter: int = 1
    converged: bool = True


def choose_solver(n: int, d: int, k: int | None) -> str:
    """Return the solver for n samples of d features, dense; k is None where it depends on all variances."""
    if n >= 10 * d and d <= 2000:
        return "covariance"
    if k is not None and min(n, d) > 500 and k <= min(n, d) / 5:
        return "randomized"
    return "full"


def solve(
    X: NDArray[Any] | SparseMatrix,
    solver: str,
    k: int | Count,
    *,
    tol: float,
    max_iter: int | None,
    random_state: RandomState,
) -> Axes:
    """Return the axes of X (n, d) by one of the solvers on samples, all but "covariance"; k may depend on all
    variances where "full" finds them."""
    if solver == "full":
        assert not isinstance(X, SparseMatrix)
        return _full(X, k)
    assert isinstance(k, int)
    limit = MAX_ITER[solver] if max_iter is None else max_iter
    if solver == "randomized":
        return _randomized(X, k, tol, limit, random_state)
    covariance = Covariance(X)
    find = _power if solver == "power" else _oja
    variances, vectors, n_iter, converged = find(covariance, k, tol, limit, random_state)
    order = np.argsort(-variances, kind="stable")
    components = signed(vectors.T[order].astype(X.dtype))
    variances = variances[order].clip(0)
    return Axes(
        covariance.n, covariance.mean, components, variances, covariance.trace, None, n_iter, converged
    )


def from_moments(found: Moments, k: int | Count, dtype: Any) -> Axes:
    """Eigenvectors of the covariance, by LAPACK in the precision of the data."""
    covariance = found.scatter / max(found.n - 1, 1)
    d, total = len(covariance), float(np.trace(covariance))
    whole = covariance.astype(dtype, copy=False)
    with single_threaded():
        if isinstance(k, int) and FEW * k < d:
            from scipy.linalg import eigh

            values, vectors = eigh(
                whole, subset_by_index=[d - k, d - 1], driver="evr", overwrite_a=True, check_finite=False
            )
        else:
            values, vectors = np.linalg.eigh(whole)
    variances = values[::-1].astype(np.float64).clip(0)
    k = k if isinstance(k, int) else k(variances[: min(found.n, d)])
    components = np.ascontiguousarray(vectors.T[::-1][:k])
    return Axes(found.n, found.mean, signed(components), variances[:k], total)


def _full(X: NDArray[Any], k: int | Count) -> Axes:
    """Singular values of the centred samples: small variances keep the digits that squares would lose."""
    mean, rest, _ = centered(X)
    with single_threaded():
        _, s, vt = np.linalg.svd(rest.array, full_matrices=False)
    variances = s.astype(np.float64) ** 2 / (len(X) - 1)
    k = k if isinstance(k, int) else k(variances)
    components = np.ascontiguousarray(vt[:k])
    return Axes(len(X), mean, signed(components), variances[:k], float(variances.sum()))


def _randomized(
    X: NDArray[Any] | SparseMatrix, k: int, tol: float, limit: int, random_state: RandomState
) -> Axes:
    mean, rest, total = centered(X)
    found = randomized_svd(rest, k, tol=tol, max_iter=limit, random_state=random_state)
    variances = found.s.astype(np.float64) ** 2 / (X.shape[0] - 1)
    components = np.ascontiguousarray(found.V.T)
    return Axes(X.shape[0], mean, components, variances, total, None, found.n_iter, found.converged)


def _power(covariance: Covariance, k: int, tol: float, limit: int, random_state: RandomState) -> Any:
    """One axis after the other (:func:`eckart.linalg.power_method`)."""
    found = power_method(covariance, k, symmetric=True, tol=tol, max_iter=limit, random_state=random_state)
    return found.values, found.vectors, int(found.n_iter.max()), bool(found.converged.all())


def _oja(covariance: Covariance, k: int, tol: float, limit: int, random_state: RandomState) -> Any:
    """Gradient ascent on tr(V'CV) over orthonormal V (d, k): V <- orth(V + step C V).

    Oja 1982 ("A simplified neuron model as a principal component analyzer") with the whole gradient. The step
    is 1 / the least Ritz value: the error falls by (1 + lambda_{k+1} / lambda_k) / 2 in each iteration.
    """
    d = covariance.shape[0]
    start = generator(random_state).standard_normal((d, k)).astype(covariance.dtype)
    with single_threaded():
        v = np.linalg.qr(start)[0]
        for n_iter in range(1, limit + 1):
            gradient = covariance.matmat(np.ascontiguousarray(v))
            values, rotation = np.linalg.eigh(v.T @ gradient)
            values, rotation = values[::-1], np.ascontiguousarray(rotation[:, ::-1])
            v, gradient = multiply(np.ascontiguousarray(v), rotation), multiply(gradient, rotation)
            residuals = np.linalg.norm(gradient - v * values, axis=0)
            good = bool((residuals <= tol * values + 20 * np.finfo(v.dtype).eps * values[0]).all())
            if good or n_iter == limit:
                break
            v = np.linalg.qr(v * max(values[-1], 1e-6 * values[0]) + gradient)[0]
    return values.astype(np.float64), v, n_iter, good


def signed(components: NDArray[Any]) -> NDArray[Any]:
    """Make the entry of largest magnitude in each component positive, in place (scikit-learn's choice)."""
    largest = np.argmax(np.abs(components), axis=1)
    components[components[np.arange(len(components)), largest] < 0] *= -1
    return components
