"""Two growing orthonormal bases V and Q with A V = Q B: block Golub-Kahan bidiagonalisation, with restarts.

Both bases are fully reorthogonalised, so B may be any matrix, and a restart (Baglama and Reichel, "Restarted
block Lanczos bidiagonalization methods", 2005) is nothing but another B. Beside A V = Q B there holds

    A'Q = V B' + W [0 R],   W (n, width) the block that comes next,

so the residuals of all Ritz vectors are known from R, without a product.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.linalg.dense import multiply
from eckart.linalg.orthonormal import orthonormalize


class BlockKrylov:
    """The bases of an operator A (m, n): V (n, size), Q (m, size), with room for `room` columns."""

    def __init__(
        self, operator: Any, width: int, room: int, dtype: np.dtype[Any], rng: np.random.Generator
    ) -> None:
        self.operator, self.width, self.room, self.dtype, self.rng = operator, width, room, dtype, rng
        m, n = operator.shape
        self.v, self.q = np.empty((n, 0), dtype), np.empty((m, 0), dtype)
        self.b = np.empty((0, 0))
        start = rng.standard_normal((n, width), dtype=dtype.type)
        self.next = orthonormalize(start, None, rng)[0]  # W
        self.coupling = np.eye(width)  # R

    @property
    def size(self) -> int:
        return self.v.shape[1]

    def step(self) -> None:
        """Add the next block to V, its product to Q, and find the block after it."""
        size, width = self.size, self.width
        product = np.ascontiguousarray(self.operator.matmat(self.next), dtype=self.dtype)
        q, c, r = orthonormalize(product, self.q if size else None, self.rng)
        b = np.zeros((size + width, size + width))
        b[:size, :size] = self.b
        b[:size, size:] = c
        b[size:, size:] = r
        self.v = np.concatenate([self.v, self.next], axis=1)
        self.q, self.b = np.concatenate([self.q, q], axis=1), b
        product = np.ascontiguousarray(self.operator.rmatmat(q), dtype=self.dtype)
        self.next, _, self.coupling = orthonormalize(product, self.v, self.rng)

    def ritz(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return (left, s, right, residuals): B = left diag(s) right', and ||A'u_i - s_i v_i|| of every Ritz
        pair u = Q left, v = V right (A v = s u holds exactly)."""
        left, s, right = np.linalg.svd(self.b)
        return left, s, right.T, np.linalg.norm(self.coupling @ left[-self.width :], axis=0)

    def restart(self, left: NDArray[Any], s: NDArray[Any], right: NDArray[Any], keep: int) -> None:
        """Keep the first `keep` Ritz vectors only."""
        self.q, self.v = self.vectors(left[:, :keep], right[:, :keep])
        self.b = np.diag(s[:keep])

    def vectors(self, left: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return Q left and V right."""
        left, right = (np.ascontiguousarray(part, dtype=self.dtype) for part in (left, right))
        return multiply(self.q, left), multiply(self.v, right)
