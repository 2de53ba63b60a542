"""Orthonormal bases of tall blocks: what block Krylov methods spend their time on beside the products.

Only tall products (native, all threads, the same bits for any number of them) and eigenvalues of small
matrices in double precision, so it is as fast as the memory. After Stathopoulos and Wu, "A block
orthogonalization procedure with constant synchronization requirements" (2002): the Gram matrix's eigenvectors
instead of its Cholesky factor, because they say which directions are lost.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import linalg as native
from eckart.base.threads import get_num_threads
from eckart.linalg.dense import multiply

PASSES = 8  # two or three are enough unless directions are lost
CANCELLED = 0.1  # of a direction's length is left: what is left carries ten times the rounding
ENOUGH = 0.4  # is left of the shortest direction: one pass leaves a few roundings


def orthonormalize(
    block: NDArray[Any], rng: np.random.Generator, basis: NDArray[Any] | None = None, size: int = 0
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """Return (q, c, r) with block = V c + q r and [V, q] orthonormal to rounding, V the first `size` columns
    of `basis`.

    block (n, b), C-contiguous, is overwritten; basis (n, >= size), size + b <= n. q (n, b), c (size, b),
    r (b, b). A direction of the block that is no more than the rounding of it is replaced by a random one,
    with a row of zeros in r. Call it under :func:`eckart.linalg.single_threaded`.
    """
    dtype, width, threads = block.dtype, block.shape[1], get_num_threads()
    basis = np.empty((len(block), 0), dtype) if basis is None else basis
    eps = float(np.finfo(dtype).eps)
    c, r, q = np.zeros((size, width)), np.eye(width), block
    against, settled, lost = size, False, 0.0
    for attempt in range(PASSES):
        inside = np.zeros(width)
        coefficients = np.zeros((against, width), dtype)
        if against:
            d = native.basis_products(basis, against, q, threads)
            coefficients = d.astype(dtype)
            inside = (d**2).sum(axis=0)
            c += coefficients @ r
        gram = native.subtract_basis(basis, against, coefficients, q, threads)
        before = np.sqrt(inside + np.diag(gram))
        squares, vectors = np.linalg.eigh((gram + gram.T) / 2)
        lengths = np.sqrt(np.maximum(squares, 0.0))
        # A Gram matrix tells no shorter directions than this from rounding: they are found out pass by pass.
        scale = np.maximum(lengths, np.sqrt(eps) * lengths[-1])
        r = scale[:, None] * (vectors.T @ r)
        if attempt == 0:
            lost = 10 * eps * float(np.linalg.norm(before))
            dead = scale <= lost
        else:
            dead = (np.linalg.norm(r, axis=1) <= lost) & (lengths < 0.5)
        r[dead] = 0.0
        turn = vectors * np.where(dead, 0.0, 1.0 / np.where(dead, 1.0, scale))
        q = multiply(q, np.ascontiguousarray(turn, dtype=dtype))
        if dead.any():
            fresh = rng.standard_normal((len(q), int(dead.sum())), dtype=dtype.type)
            q[:, dead] = fresh / np.linalg.norm(fresh, axis=0)
            against, settled = size, False
        elif settled or lengths[0] > ENOUGH * before.max():
            break
        else:
            # The last pass only makes lengths and angles of the block exact: nothing was cancelled before it.
            settled = bool(lengths[0] > CANCELLED * before.max())
            against = 0 if settled else size
    return q, c, r
