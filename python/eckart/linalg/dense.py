"""Dense LAPACK and BLAS, always under one thread: their results change with the number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
