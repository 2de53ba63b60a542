"""The squared error of U V' on the observed entries: its gradient, and its course along a line."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import completion as native
from eckart.base.csr import Csr
from eckart.base.threads import get_num_threads
from eckart.linalg.operators import SparseMatrix

Array = NDArray[Any]


def residual_products(data: SparseMatrix, u: Array, v: Array) -> tuple[Array, Array, float]:
    """Return (R V, R'U, ||R||^2) with R = P(X - U V'): half the squared error falls fastest along these."""
    by_users, error = residual_product(data.by_row, u, v)
    return by_users, residual_product(data.by_col, v, u)[0], error


def residual_product(rows: Csr, u: Array, v: Array) -> tuple[Array, float]:
    """Return (R V, ||R||^2) in one pass; u (n_rows, k), v (n_cols, k)."""
    return native.residual_product(rows.indptr, rows.indices, rows.values, u, v, get_num_threads())


def squared_error(rows: Csr, u: Array, v: Array) -> float:
    """Return ||P(X - U V')||^2."""
    return native.als_squared_error(
        rows.indptr, rows.indices, rows.values, v, None, 0.0, u, None, get_num_threads()
    )


def best_step(data: SparseMatrix, u: Array, v: Array, d: Array, e: Array) -> float:
    """Return the t > 0 that minimises ||P(X - (U + t D)(V + t E)')||, or 0 where no t > 0 lowers it.

    A polynomial of the fourth degree in t, so the minimum is among the roots of its derivative.
    """
    rows = data.by_row
    found = native.error_along(rows.indptr, rows.indices, rows.values, u, v, d, e, get_num_threads())
    error = np.polynomial.Polynomial(found)
    roots = error.deriv().trim(1e-300).roots()
    real = roots.real[(np.abs(roots.imag) <= 1e-6 * np.abs(roots)) & (roots.real > 0)]
    best = min(real, key=error, default=0.0)
    return float(best) if error(best) < error(0.0) else 0.0
