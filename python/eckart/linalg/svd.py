"""The largest singular values and vectors of a matrix that is only multiplied with blocks of vectors.

Both methods start from random blocks. Block Krylov (Musco and Musco, "Randomized block Krylov methods for
stronger and faster approximate singular value decomposition", 2015) keeps every product it has made in an
orthonormal basis and restarts with the best part of it (Baglama and Reichel 2005), so it meets any tolerance
in few passes. Subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4) keeps one block only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import RandomState, generator
from eckart.base.validation import check_finite, check_float, check_int, check_option
from eckart.linalg.dense import multiply, single_threaded
from eckart.linalg.krylov import BlockKrylov
from eckart.linalg.operators import Centered, Transposed, as_operator
from eckart.linalg.orthonormal import orthonormalize

MAX_ITER = {"krylov": 300, "subspace": 100}


@dataclass(frozen=True)
class TruncatedSvd:
    """A ~ U diag(s) V' with U (m, k) and V (n, k) orthonormal and s (k,) falling; unpacks as ``U, s, Vt``.

    residual_norms : (k,) the larger of ||A v_i - s_i u_i|| and ||A'u_i - s_i v_i||, as the iteration knows
        them: a singular value of A is at most so far from s_i (rounding left out)
    n_iter : products with A and A' of one block, in turn; converged : whether `tol` was met
    """

    U: NDArray[Any]
    s: NDArray[Any]
    V: NDArray[Any]
    residual_norms: NDArray[np.float64]
    n_iter: int
    converged: bool

    @property
    def Vt(self) -> NDArray[Any]:
        return self.V.T

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.U, self.s, self.V.T))


def randomized_svd(
    A: Any,
    k: int,
    *,
    method: str = "krylov",
    tol: float = 1e-2,
    oversampling: int | None = None,
    max_iter: int | None = None,
    center: NDArray[Any] | None = None,
    random_state: RandomState = None,
) -> TruncatedSvd:
    """Return the k largest singular values of A (m, n) and their vectors, as a :class:`TruncatedSvd`.

    A : dense, scipy.sparse, ``SparseMatrix``, ``SparsePlusLowRank`` or anything with ``shape``, ``dtype``,
        ``matmat`` and ``rmatmat`` (SciPy's ``LinearOperator``). float32 stays, all else is float64.
    method : "krylov", or "subspace" (less memory, more passes)
    tol : stop when every residual norm is at most `tol` times its s_i. The singular values are then better
        than that, by another factor of about `tol` where they stand apart; the vectors by the ratio of s_i
        to the gap. 0: go on until `max_iter`, or until rounding allows no more.
    oversampling : krylov: columns of a block (a value that is repeated more often may be found fewer times);
        subspace: columns of the block beyond k. None: chosen by k and the type, or 10.
    max_iter : products with A and A' at most (300 or 100). "subspace" with 0 is Halko's range finder.
    center : mu (n,), to decompose A - 1 mu' without forming it
    random_state : of the start. Signs: in each column of V the entry of largest magnitude is positive.

    The same bits for any number of threads. Raises ValueError for k outside 1 ... min(m, n), an array that
    is not finite or not of two dimensions, and other parameters out of range.
    """
    operator = as_operator(A)
    m, n = operator.shape
    k = check_int(k, "k", high=min(m, n))
    check_option(method, "method", tuple(MAX_ITER))
    tol = check_float(tol, "tol")
    limit = MAX_ITER[method] if max_iter is None else check_int(max_iter, "max_iter", low=0)
    dtype = np.dtype(operator.dtype)
    if center is not None:
        mean = np.asarray(center, dtype=dtype)
        if mean.shape != (n,):
            raise ValueError(f"center: expected a vector of length {n}, got shape {mean.shape}")
        check_finite(mean, "center")
        operator = Centered(operator, mean)
    least = 1 if method == "krylov" else 0
    extra = None if oversampling is None else check_int(oversampling, "oversampling", low=least)
    rng = generator(random_state)
    with single_threaded():
        if method == "subspace":
            width = min(k + (10 if extra is None else extra), m, n)
            found = _subspace(operator, k, width, tol, limit, dtype, rng)
        else:
            width = extra or _block_width(k, dtype)
            found = _by_short_side(operator if m >= n else Transposed(operator), width, k, tol, limit, rng)
            if m < n:
                found = replace(found, U=found.V, V=found.U)
    return _with_signs(found)


def _block_width(k: int, dtype: np.dtype[Any]) -> int:
    """Cache lines of the gathered rows; wider for many components, so that the steps stay few."""
    line = 64 // dtype.itemsize
    return line * max(1, min(6, k // 64))


def _by_short_side(
    tall: Any, width: int, k: int, tol: float, limit: int, rng: np.random.Generator
) -> TruncatedSvd:
    room = 2 * k + 12 * width  # memory: room * (m + n) numbers
    if room + width > tall.shape[1]:
        return _whole(tall, k, rng)
    return _krylov(BlockKrylov(tall, width, room, tall.dtype, rng), k, tol, limit)


def _krylov(krylov: BlockKrylov, k: int, tol: float, limit: int) -> TruncatedSvd:
    for n_iter in range(1, max(limit, 1) + 1):
        krylov.step()
        if krylov.size < k and n_iter < limit:
            continue
        left, s, right, residuals = krylov.ritz()
        good = s.size >= k and bool((residuals[:k] <= _allowed(s[:k], tol, krylov.dtype)).all())
        if good or (n_iter >= limit and s.size >= k):
            break
        if krylov.size + krylov.width > krylov.room:
            krylov.restart(left, s, right, k + krylov.width)
    u, v = krylov.vectors(left[:, :k], right[:, :k])
    return TruncatedSvd(u, s[:k].astype(krylov.dtype), v, residuals[:k], n_iter, good)


def _subspace(
    operator: Any, k: int, width: int, tol: float, limit: int, dtype: np.dtype[Any], rng: np.random.Generator
) -> TruncatedSvd:
    """u is a Ritz vector of the range of A V, and A'u = s v holds exactly; A v - s u is known one product
    later, when it also is the next block."""
    product = operator.matmat(rng.standard_normal((operator.shape[1], width), dtype=dtype.type))
    n_iter = 0
    while True:
        q, _, _ = orthonormalize(product, rng)
        v, _, r = orthonormalize(operator.rmatmat(q), rng)
        right, s, left = np.linalg.svd(r)  # A'q = v r, so A ~ q r' v'
        u = multiply(q, np.ascontiguousarray(left.T, dtype=dtype))
        v = multiply(v, np.ascontiguousarray(right, dtype=dtype))
        product = operator.matmat(v)
        residuals = np.linalg.norm(product - u * s.astype(dtype), axis=0)
        good = bool((residuals[:k] <= _allowed(s[:k], tol, dtype)).all())
        if good or n_iter == limit:
            u, v = np.ascontiguousarray(u[:, :k]), np.ascontiguousarray(v[:, :k])
            return TruncatedSvd(u, s[:k].astype(dtype), v, residuals[:k].astype(np.float64), n_iter, good)
        n_iter += 1


def _whole(tall: Any, k: int, rng: np.random.Generator) -> TruncatedSvd:
    """A matrix with a side so short that a basis would fill it: all of its singular values, exactly."""
    dtype = tall.dtype
    q, _, r = orthonormalize(tall.matmat(np.eye(tall.shape[1], dtype=dtype)), rng)
    left, s, right = np.linalg.svd(r)
    u = multiply(q, np.ascontiguousarray(left[:, :k], dtype=dtype))
    v = np.ascontiguousarray(right[:k].T, dtype=dtype)
    return TruncatedSvd(u, s[:k].astype(dtype), v, np.zeros(k), 1, True)


def _allowed(s: NDArray[Any], tol: float, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Residual norms that count as converged: never less than what rounding leaves."""
    return tol * s + 20 * np.finfo(dtype).eps * s[0]


def _with_signs(found: TruncatedSvd) -> TruncatedSvd:
    """Make the entry of largest magnitude in each column of V positive."""
    largest = np.argmax(np.abs(found.V), axis=0)
    signs = np.where(np.take_along_axis(found.V, largest[None], axis=0)[0] < 0, -1, 1).astype(found.V.dtype)
    found.U[...] *= signs
    found.V[...] *= signs
    return found
