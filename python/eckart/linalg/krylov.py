"""Two growing orthonormal bases V and Q with A V = Q B: block Golub-Kahan bidiagonalisation, with restarts.

Both bases are fully reorthogonalised, so B may be any matrix, and a restart (Baglama and Reichel, "Restarted
block Lanczos bidiagonalization methods", 2005) is nothing but another B. Beside A V = Q B there holds

    A'Q = V B' + W S,   W (n, width) the block that comes next, S (width, size),

so the residuals of all Ritz vectors are known from S, without a product, and so are the parts of the next
products within the bases: Q'(A W) = S'.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import linalg as native
from eckart.base.threads import get_num_threads
from eckart.linalg.orthonormal import orthonormalize


class BlockKrylov:
    """The bases of an operator A (m, n): V (n, size) and Q (m, size), with room for `room` columns."""

    def __init__(
        self, operator: Any, width: int, room: int, dtype: np.dtype[Any], rng: np.random.Generator
    ) -> None:
        self.operator, self.width, self.room, self.dtype, self.rng = operator, width, room, dtype, rng
        m, n = operator.shape
        self.size = 0
        self._v, self._q = np.empty((n, room), dtype), np.empty((m, room), dtype)
        self._b = np.zeros((room, room))
        self._next = orthonormalize(rng.standard_normal((n, width), dtype=dtype.type), rng)[0]  # W
        self._coupling = np.zeros((width, 0))  # S
        self._last: NDArray[Any] | None = None  # the block added to Q before

    def step(self) -> None:
        """Add the next block to V, its product to Q, and find the block after it."""
        old, new, width = self.size, self.size + self.width, self.width
        product = np.array(self.operator.matmat(self._next), dtype=self.dtype, order="C")
        if self._last is None:  # S is full
            self._subtract(self._q, old, self._coupling.T, product)
        else:  # S has zeros but for the last block
            self._subtract(self._last, width, self._coupling[:, old - width :].T, product)
        q, c, r = orthonormalize(product, self.rng, self._q, old)
        self._b[:old, old:new] = self._coupling.T + c
        self._b[old:new, old:new] = r
        self._v[:, old:new], self._q[:, old:new], self._last = self._next, q, q
        product = np.array(self.operator.rmatmat(q), dtype=self.dtype, order="C")
        self._subtract(self._next, width, r.T, product)
        self._next, _, coupling = orthonormalize(product, self.rng, self._v, new)
        self._coupling = np.concatenate([np.zeros((width, old)), coupling], axis=1)
        self.size = new

    def ritz(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return (left, s, right, residuals): B = left diag(s) right', and ||A'u_i - s_i v_i|| of every Ritz
        pair u = Q left, v = V right (A v = s u holds exactly)."""
        left, s, right = np.linalg.svd(self._b[: self.size, : self.size])
        return left, s, right.T, np.linalg.norm(self._coupling @ left, axis=0)

    def restart(self, left: NDArray[Any], s: NDArray[Any], right: NDArray[Any], keep: int) -> None:
        """Keep the first `keep` Ritz vectors only."""
        q, v = self.vectors(left[:, :keep], right[:, :keep])
        self._q[:, :keep], self._v[:, :keep] = q, v
        self._b[...] = 0.0
        self._b[range(keep), range(keep)] = s[:keep]
        self._coupling = self._coupling @ left[:, :keep]
        self.size, self._last = keep, None

    def vectors(self, left: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return Q left and V right, for left and right (size, k)."""
        return self._combined(self._q, left), self._combined(self._v, right)

    def _combined(self, basis: NDArray[Any], small: NDArray[Any]) -> NDArray[Any]:
        product = np.zeros((len(basis), small.shape[1]), self.dtype)
        self._subtract(basis, self.size, -small, product)
        return product

    def _subtract(self, basis: NDArray[Any], size: int, c: NDArray[Any], x: NDArray[Any]) -> None:
        """x -= (the first `size` columns of the basis) c, in place."""
        native.subtract_basis(basis, size, np.ascontiguousarray(c, self.dtype), x, get_num_threads())
