"""Dense solves and inverses. LAPACK and BLAS run on one thread: their results change with the number."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import linalg as native
from eckart.base.threads import get_num_threads


@contextmanager
def single_threaded() -> Iterator[None]:
    """Run BLAS and LAPACK on one thread while in scope."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def solve_spd(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Return x with A x = b in double precision; A (d, d) symmetric positive semi-definite, b (d,) or (d, m).

    Where A is singular to rounding, the solution of least norm.
    """
    a64, b64 = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    with single_threaded():
        try:
            np.linalg.cholesky(a64)
            return np.asarray(np.linalg.solve(a64, b64))
        except np.linalg.LinAlgError:
            return np.asarray(np.linalg.lstsq(a64, b64, rcond=None)[0])


def invert_spd(a: NDArray[Any]) -> bool:
    """Invert a symmetric positive definite matrix in place, natively and on all threads.

    a (n, n), C-contiguous, of one float type; only its lower triangle is read. Returns False, and leaves
    `a` destroyed, where it is not positive definite to rounding. Memory beside it: 512 numbers a row.
    """
    return native.spd_inverse(a, get_num_threads())


def multiply(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Return A B, (n, k), natively and on all threads: the same bits for any number of them.

    a (n, d), b (d, k), C-contiguous, of one float type.
    """
    return native.multiply(a, b, get_num_threads())


def multiply_transposed(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Return A'B, (d, k); a (n, d), b (n, k). As :func:`multiply`, without a transposed copy."""
    return native.multiply_transposed(a, b, get_num_threads())
