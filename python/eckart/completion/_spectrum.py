"""Singular triplets as completion meets them: of factored matrices, and of iterates that move little."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import generator
from eckart.linalg.dense import multiply, single_threaded
from eckart.linalg.orthonormal import orthonormalize

MAX_STEPS = 60


class Triplets(NamedTuple):
    """u (m, k) diag(s) v'(k, n): orthonormal columns, s falling."""

    u: NDArray[Any]
    s: NDArray[Any]
    v: NDArray[Any]

    def leading(self, k: int) -> "Triplets":
        return Triplets(*(np.ascontiguousarray(part) for part in (self.u[:, :k], self.s[:k], self.v[:, :k])))


def balanced(users: NDArray[Any], items: NDArray[Any]) -> Triplets:
    """Return the singular triplets of users @ items.T, from orthonormal bases of both sides."""
    rng, dtype = generator(0), users.dtype
    with single_threaded():
        left, _, a = orthonormalize(np.array(users), rng)
        right, _, b = orthonormalize(np.array(items, dtype), rng)
        u, s, vt = np.linalg.svd(a @ b.T, full_matrices=False)
    u, v = np.ascontiguousarray(u, dtype), np.ascontiguousarray(vt.T, dtype)
    return Triplets(multiply(left, u), s.astype(dtype), multiply(right, v))


def random_basis(n: int, k: int, dtype: Any, rng: np.random.Generator) -> NDArray[Any]:
    return rng.standard_normal((n, k), dtype=np.dtype(dtype).type)


def refine(a: Any, basis: NDArray[Any], wanted: Callable[[NDArray[Any]], Any], tol: float) -> Triplets:
    """Return leading singular triplets of an operator, one a column of `basis`, by subspace iteration.

    a : (m, n), see `linalg.operators`
    basis : (n, b), b <= min(m, n): about the wanted right singular vectors, and some columns more
    wanted : of the values s (b,), which ones the caller will use, a mask: each of these is accurate to
        ||A v - s u|| <= tol s_1 (A'u = s v holds exactly), or MAX_STEPS have been made. Where all of them
        are, the block is too narrow to tell them from others, and is returned after two steps

    `linalg.randomized_svd` starts afresh; an iterate of completion moves little in a step, so that one or two
    products with A and A' from the vectors at hand suffice. BLAS is left as it is: callers hold it to one
    thread over their whole loop.
    """
    rng = generator(0)  # of replacements for directions that the block lacks
    product = a.matmat(basis)
    for step in range(MAX_STEPS):
        found = _ritz(a, product, rng)
        used = wanted(found.s)
        if step > 0 and used.all():
            break
        product = a.matmat(found.v)
        residual = np.linalg.norm(product - found.u * found.s, axis=0)
        if (residual[used] <= tol * found.s[0]).all():
            break
    return found


def _ritz(a: Any, product: NDArray[Any], rng: np.random.Generator) -> Triplets:
    """Return the singular triplets of Q Q'A, Q a basis of the columns of `product` (m, b), overwritten."""
    q, _, _ = orthonormalize(product, rng)
    p, _, r = orthonormalize(a.rmatmat(q), rng)
    x, s, yt = np.linalg.svd(r)  # A'Q = P X s Y', so Q Q'A = (Q Y) s (P X)'
    u, v = multiply(q, np.ascontiguousarray(yt.T, q.dtype)), multiply(p, np.ascontiguousarray(x, q.dtype))
    return Triplets(u, s.astype(q.dtype), v)
