"""Two growing orthonormal bases V and Q with A V = Q B: block Golub-Kahan bidiagonalisation, with restarts.

A restart (Baglama and Reichel, "Restarted block Lanczos bidiagonalization methods", 2005) is nothing but
another B. Beside A V = Q B there holds

    A'Q = V B' + W S,   W (n, width) the block that comes next, S (width, size),

so the residuals of all Ritz vectors are known from S, without a product, and so are the parts of the next
products within the bases: Q'(A W) = S'.

V is fully reorthogonalised. From a new block of Q, the longer basis, only Q S' is taken out (Simon and Zha,
"Low-rank matrix approximation using the Lanczos bidiagonalization process with applications", 2000). Rounding
may then cost Q its orthogonality, but only where B is small: (Q'Q - I) B = (V'A'Q - B')' stays at rounding,
and nothing else enters Ritz values and residuals. It is measured in each step, as what reorthogonalising
A'Q against V takes out; once it is more than rounding, Q is fully reorthogonalised too.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import linalg as native
from eckart.base.threads import get_num_threads
from eckart.linalg.dense import multiply
from eckart.linalg.orthonormal import orthonormalize

ROUNDING = 5  # eps ||A||: the entries of V'A'Q - B' that are no more, on average (measured: 0.1 to 3.6)
ORTHONORMAL = 20  # eps: the entries of U'U - I that are no more


class BlockKrylov:
    """The bases of an operator A (m, n): V (n, size) and Q (m, size), with room for `room` columns.

    A should be tall (m >= n), for speed, and return new arrays of `dtype`, as :func:`as_operator` sees to.
    """

    def __init__(
        self, operator: Any, width: int, room: int, dtype: np.dtype[Any], rng: np.random.Generator
    ) -> None:
        self.operator, self.width, self.room, self.dtype, self.rng = operator, width, room, dtype, rng
        m, n = operator.shape
        self.size = 0
        self.both_sides = False  # whether Q is fully reorthogonalised too
        self._norm = 0.0  # of A, from below
        self._v, self._q = np.empty((n, room), dtype), np.empty((m, room), dtype)
        self._b = np.zeros((room, room))
        self._next = orthonormalize(rng.standard_normal((n, width), dtype=dtype.type), rng)[0]  # W
        self._coupling = np.zeros((width, 0))  # S
        self._last: NDArray[Any] | None = None  # the block added to Q before

    def step(self) -> None:
        """Add the next block to V, its product to Q, and find the block after it."""
        old, new, width = self.size, self.size + self.width, self.width
        native.set_columns(self._v, old, self._next, get_num_threads())
        product = self.operator.matmat(self._next)
        if self._last is None:  # S is full
            self._subtract(self._q, old, self._coupling.T, product)
        else:  # S has zeros but for the last block
            self._subtract(self._last, width, self._coupling[:, old - width :].T, product)
        q, c, r = orthonormalize(product, self.rng, self._q, old if self.both_sides else 0)
        block, loss, coupling = self._following(q, r)
        if loss > ROUNDING and not self.both_sides:
            self.both_sides = True
            q, c, r = orthonormalize(multiply(q, r.astype(self.dtype)), self.rng, self._q, old)
            block, _, coupling = self._following(q, r)
        self._b[:old, old:new] = self._coupling.T
        self._b[: len(c), old:new] += c
        self._b[old:new, old:new] = r
        native.set_columns(self._q, old, q, get_num_threads())
        self._last, self._next = q, block
        self._coupling = np.concatenate([np.zeros((width, old)), coupling], axis=1)
        self.size = new

    def _following(self, q: NDArray[Any], r: NDArray[Any]) -> tuple[NDArray[Any], float, NDArray[Any]]:
        """Return (W, loss, S) with A'q = V [0, r]' + W S for the newest q, and what there is in V beside, the
        root mean square in eps ||A||."""
        product = self.operator.rmatmat(q)
        self._subtract(self._next, self.width, r.T, product)
        block, beside, coupling = orthonormalize(product, self.rng, self._v, self.size + self.width)
        self._norm = max(self._norm, float(np.linalg.norm(r, 2)), float(np.linalg.norm(coupling, 2)))
        unit = float(np.finfo(self.dtype).eps) * max(self._norm, np.finfo(np.float64).tiny)
        return block, float(np.sqrt(np.mean(beside**2))) / unit, coupling

    def ritz(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return (left, s, right, residuals): B = left diag(s) right', and ||A'u_i - s_i v_i|| of every Ritz
        pair u = Q left, v = V right (A v = s u holds exactly)."""
        left, s, right = np.linalg.svd(self._b[: self.size, : self.size])
        return left, s, right.T, np.linalg.norm(self._coupling @ left, axis=0)

    def restart(self, left: NDArray[Any], s: NDArray[Any], right: NDArray[Any], keep: int) -> None:
        """Keep the first `keep` Ritz vectors only."""
        self._q[:, :keep] = self._combined(self._q, left[:, :keep])[0]
        self._v[:, :keep] = self._combined(self._v, right[:, :keep])[0]
        self._b[...] = 0.0
        self._b[range(keep), range(keep)] = s[:keep]
        self._coupling = self._coupling @ left[:, :keep]
        self.size, self._last = keep, None

    def vectors(self, left: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return U = Q left and V right, for left and right (size, k) of Ritz vectors.

        Where Q has lost some orthogonality, U is the nearest orthonormal matrix: A V right = U diag(s) holds
        still, as the vectors with s well above eps ||A|| are not turned by more than rounding over s.
        """
        u, gram = self._combined(self._q, left)
        if np.abs(gram - np.eye(len(gram))).max() > ORTHONORMAL * np.finfo(self.dtype).eps:
            q, _, r = orthonormalize(u, self.rng)
            turn, _, back = np.linalg.svd(r)
            u = multiply(q, (turn @ back).astype(self.dtype))
        return u, self._combined(self._v, right)[0]

    def _combined(self, basis: NDArray[Any], small: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return X = basis small, and X'X."""
        product = np.zeros((len(basis), small.shape[1]), self.dtype)
        return product, self._subtract(basis, self.size, -small, product)

    def _subtract(self, basis: NDArray[Any], size: int, c: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
        """x -= (the first `size` columns of the basis) c, in place. Returns x'x."""
        c = np.ascontiguousarray(c, self.dtype)
        return native.subtract_basis(basis, size, c, x, get_num_threads())
