"""Leading singular triplets of the matrices that completion meets: warm-started, and of factored ones."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.linalg.dense import single_threaded
from eckart.linalg.operators import SparseMatrix

MAX_STEPS = 60


class Triplets(NamedTuple):
    """u (m, k) diag(s) v'(k, n): orthonormal columns, s falling."""

    u: NDArray[Any]
    s: NDArray[Any]
    v: NDArray[Any]

    def leading(self, k: int) -> "Triplets":
        return Triplets(self.u[:, :k], self.s[:k], self.v[:, :k])


def balanced(users: NDArray[Any], items: NDArray[Any]) -> Triplets:
    """Return the singular triplets of users @ items.T, from two thin QR factorisations."""
    with single_threaded():
        left, a = np.linalg.qr(users)
        right, b = np.linalg.qr(items)
        u, s, vt = np.linalg.svd(a @ b.T, full_matrices=False)
        return Triplets(left @ u, s, right @ vt.T)


def refine(a: Any, basis: NDArray[Any], *, tol: float, wanted: Any) -> Triplets:
    """Return leading singular triplets of an operator by subspace iteration from a warm start.

    a : (m, n), see `linalg.operators`
    basis : (n, b) columns that nearly span the wanted right singular vectors, and some more
    wanted : function of the values s, which triplets the caller will use (a mask); each of them is accurate
        to ||A v - s u|| <= tol s_1 (A'u = s v holds exactly)

    An iterate of completion moves little in a step, so that two products with A suffice as a rule (Cai,
    Candes, Shen 2010, section 5.1.1, start a Lanczos process afresh). All of the (b,) triplets are returned.
    """
    with single_threaded():
        product = a.matmat(basis)
        for _ in range(MAX_STEPS):
            found, rotation = _ritz(a, product)
            product = a.matmat(found.v)
            residual = np.linalg.norm(product - found.u * found.s, axis=0)
            if (residual[wanted(found.s)] <= tol * found.s[0]).all():
                break
    return found


def _ritz(a: Any, product: NDArray[Any]) -> Triplets:
    """Return the triplets of A restricted on the left to the span of `product` (m, b)."""
    q, _ = np.linalg.qr(product)
    p, r = np.linalg.qr(a.rmatmat(q))
    x, s, yt = np.linalg.svd(r)
    return Triplets(q @ yt.T, s, np.ascontiguousarray(p @ x))
