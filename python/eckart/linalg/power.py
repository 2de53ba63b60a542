"""The power method with deflation: the plainest way to singular values and eigenvalues, one after the other.

It converges linearly, the error falling by |lambda_2 / lambda_1| in each iteration (its square for singular
values): what the course's experiments measure. For speed use :func:`eckart.linalg.randomized_svd`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import RandomState, generator
from eckart.base.validation import check_bool, check_float, check_int
from eckart.linalg.operators import as_operator


@dataclass(frozen=True)
class PowerResult:
    """What the power method found, one entry or column a component.

    values : (k,) eigenvalues by falling magnitude (with their signs), or singular values
    vectors : (n, k) eigenvectors, or right singular vectors; left_vectors : (m, k) left ones, or None
    history : for each component the relative residual ||A v - lambda v|| / |lambda| after each iteration
        (singular: ||A'u - s v|| / s), as arrays of length n_iter
    converged : (k,) whether `tol` was met
    """

    values: NDArray[np.float64]
    vectors: NDArray[Any]
    left_vectors: NDArray[Any] | None
    history: list[NDArray[np.float64]]
    converged: NDArray[np.bool_]

    @property
    def n_iter(self) -> NDArray[np.int64]:
        """Iterations of each component, (k,)."""
        return np.array([len(residuals) for residuals in self.history], dtype=np.int64)


def power_method(
    A: Any,
    k: int = 1,
    *,
    symmetric: bool | None = None,
    tol: float = 1e-6,
    max_iter: int = 1000,
    random_state: RandomState = None,
) -> PowerResult:
    """Return the k eigenvalues of largest magnitude of a symmetric A, or the k largest singular values.

    A : (m, n) dense, sparse or an operator, as :func:`randomized_svd` takes it
    symmetric : True: eigenvalues of A = A'; False: singular values, by iterating A'A; None: eigenvalues if A
        is dense, square and equal to its transpose
    tol : on the relative residual (see :class:`PowerResult`); max_iter : iterations of one component

    Found components are deflated by keeping the iterate orthogonal to them. Of two eigenvalues with the same
    magnitude and other signs none is found: `converged` says so.
    Raises ValueError for k outside 1 ... min(m, n), a `symmetric` matrix that is not square, and parameters
    out of range.
    """
    operator = as_operator(A)
    m, n = operator.shape
    k = check_int(k, "k", high=min(m, n))
    tol, max_iter = check_float(tol, "tol"), check_int(max_iter, "max_iter")
    if symmetric is None:
        array = getattr(operator, "array", None)
        symmetric = array is not None and m == n and bool((array == array.T).all())
    if check_bool(symmetric, "symmetric") and m != n:
        raise ValueError(f"A: expected a square matrix for eigenvalues, got shape {(m, n)}")
    rng = generator(random_state)
    dtype = np.dtype(np.float32 if operator.dtype == np.float32 else np.float64)
    values, history = np.zeros(k), []
    vectors, left = np.zeros((n, k), dtype), np.zeros((m, k), dtype)
    converged = np.zeros(k, dtype=bool)
    for i in range(k):
        v = rng.standard_normal(n).astype(dtype)
        iterate = _eigenpair if symmetric else _singular_triplet
        values[i], left[:, i], vectors[:, i], residuals = iterate(operator, v, vectors[:, :i], tol, max_iter)
        converged[i] = residuals[-1] <= tol
        history.append(np.array(residuals))
    return PowerResult(values, vectors, None if symmetric else left, history, converged)


def _eigenpair(operator: Any, v: NDArray[Any], found: NDArray[Any], tol: float, max_iter: int) -> Any:
    """Iterate v <- A v / |A v|, orthogonal to what was found; the Rayleigh quotient is the eigenvalue."""
    v = _unit(_off(v, found))
    residuals: list[float] = []
    while True:
        product = _off(operator.matmat(v[:, None])[:, 0], found)
        value = float(v @ product)
        residuals.append(_relative(product - value * v, value))
        if residuals[-1] <= tol or len(residuals) == max_iter:
            return value, v, v, residuals
        v = _unit(product)


def _singular_triplet(operator: Any, v: NDArray[Any], found: NDArray[Any], tol: float, max_iter: int) -> Any:
    """Iterate v <- A'A v / |A'A v|; s = |A v|, u = A v / s."""
    v = _unit(_off(v, found))
    residuals: list[float] = []
    while True:
        u = operator.matmat(v[:, None])[:, 0]
        s = float(np.linalg.norm(u))
        u = _unit(u)
        back = _off(operator.rmatmat(u[:, None])[:, 0], found)
        residuals.append(_relative(back - s * v, s))
        if residuals[-1] <= tol or len(residuals) == max_iter:
            return s, u, v, residuals
        v = _unit(back)


def _off(v: NDArray[Any], found: NDArray[Any]) -> NDArray[Any]:
    """Return v less its part in the span of orthonormal columns (twice: once leaves rounding behind)."""
    for _ in range(2 if found.shape[1] else 0):
        v = v - found @ (found.T @ v)
    return v


def _unit(v: NDArray[Any]) -> NDArray[Any]:
    length = np.linalg.norm(v)
    return v / length if length > 0 else v


def _relative(residual: NDArray[Any], value: float) -> float:
    """|residual| / |value|; a value of zero (nothing is left of A) is exact."""
    return float(np.linalg.norm(residual)) / abs(value) if value else 0.0
