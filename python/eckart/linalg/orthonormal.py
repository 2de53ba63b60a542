"""Orthonormal bases of tall blocks: what block Krylov methods spend their time on beside the products.

Only tall products (native, all threads, the same bits for any number of them) and eigenvalues of small
matrices in double precision, so it is as fast as the memory. After Stathopoulos and Wu, "A block
orthogonalization procedure with constant synchronization requirements" (2002): the Gram matrix's eigenvectors
instead of its Cholesky factor, because they say which directions are lost.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.linalg.dense import multiply, multiply_transposed

PASSES = 8  # two are enough unless directions were lost


def orthonormalize(
    block: NDArray[Any], basis: NDArray[Any] | None, rng: np.random.Generator
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """Return (q, c, r) with block = basis c + q r, and [basis, q] orthonormal to rounding.

    block (n, b), basis (n, p) orthonormal or None, p + b <= n. q (n, b), c (p, b), r (b, b). A direction of
    the block that is no more than the rounding of it is replaced by a random one, with a row of zeros in r.
    """
    width = block.shape[1]
    c = np.zeros((0 if basis is None else basis.shape[1], width))
    q, r = block, np.eye(width)
    lost = np.finfo(block.dtype).eps * 10 * np.sqrt(_squares(block).sum())
    for attempt in range(PASSES):
        if basis is not None:
            d = multiply_transposed(basis, q)
            q = q - multiply(basis, d)
            c += d.astype(np.float64) @ r
        gram = multiply_transposed(q, q).astype(np.float64)
        lengths, vectors = np.linalg.eigh((gram + gram.T) / 2)
        lengths = np.sqrt(np.maximum(lengths, 0.0))
        settled = attempt > 0 and bool((np.abs(lengths - 1) < 0.25).all())
        # What cannot be told from the rounding of the longest direction is found out on the next pass.
        floor = np.maximum(lengths, np.finfo(block.dtype).eps * lengths[-1])
        dead = lengths <= lost if attempt == 0 else lengths < 0.1 * np.sqrt(np.finfo(block.dtype).eps)
        scale = np.where(dead, 0.0, 1.0 / np.where(dead, 1.0, floor))
        q = multiply(q, np.ascontiguousarray(vectors * scale).astype(block.dtype))
        r = np.where(dead, 0.0, floor)[:, None] * (vectors.T @ r)
        if dead.any():
            fresh = rng.standard_normal((len(q), int(dead.sum())), dtype=block.dtype.type)
            q[:, dead] = fresh / np.sqrt(_squares(fresh).sum(axis=0)).astype(block.dtype)
        elif settled:
            break
    return q, c, r


def _squares(block: NDArray[Any]) -> NDArray[np.float64]:
    return np.einsum("ij,ij->j", block, block, dtype=np.float64)
