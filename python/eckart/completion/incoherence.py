"""How spread out the singular vectors of a matrix are: what recovery from few entries needs.

The bounds of Candès and Tao ("The power of convex relaxation", 2010, section I.C): a matrix with coherence 1
hides nothing, one whose mass stands in a single entry cannot be recovered unless that entry is observed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.linalg.dense import multiply, single_threaded

_BLOCK = 1 << 22  # numbers of a block of P, Q or E


@dataclass(frozen=True)
class Coherence:
    """Coherence of a matrix U S V' of rank r, shape (n, m); P = UU', Q = VV', E = UV'.

    rows, columns : mu(U) = n / r max_i |U'e_i|^2 and mu(V), from 1 (spread evenly) to n / r (a unit vector)
    p, q, e : the least mu of the strong incoherence property: |P_ij - [i = j] r / n| <= mu sqrt(r) / n,
        |Q_ij - [i = j] r / m| <= mu sqrt(r) / m, |E_ij| <= mu sqrt(r / (n m))
    """

    rank: int
    rows: float
    columns: float
    p: float
    q: float
    e: float

    @property
    def strong(self) -> float:
        """The mu of the strong incoherence property: the largest of the three."""
        return max(self.p, self.q, self.e)


def coherence(user_factors: Any, item_factors: Any) -> Coherence:
    """Return the coherence of the matrix ``user_factors @ item_factors.T``.

    user_factors (n, r), item_factors (m, r), of any basis; the rank is that of their product to rounding.
    Cost: (n^2 + m^2 + n m) r multiply-adds. ValueError for other shapes, or a matrix of zeros.
    """
    u, v = (np.asarray(f, dtype=np.float64) for f in (user_factors, item_factors))
    if u.ndim != 2 or v.ndim != 2 or u.shape[1] != v.shape[1]:
        raise ValueError(f"user_factors, item_factors: expected (n, r) and (m, r), got {u.shape}, {v.shape}")
    with single_threaded():
        (qu, ru), (qv, rv) = np.linalg.qr(u), np.linalg.qr(v)
        left, values, right = np.linalg.svd(ru @ rv.T, full_matrices=False)
        rank = int((values > values.max(initial=0) * max(len(u), len(v)) * np.finfo(float).eps).sum())
        if rank == 0:
            raise ValueError("user_factors, item_factors: expected a matrix that is not zero")
        u, v = np.ascontiguousarray(qu @ left[:, :rank]), np.ascontiguousarray(qv @ right[:rank].T)
    n, m, root = len(u), len(v), np.sqrt(rank)
    return Coherence(
        rank=rank,
        rows=float(n / rank * (u**2).sum(axis=1).max()),
        columns=float(m / rank * (v**2).sum(axis=1).max()),
        p=_largest(u, u, rank / n) * n / root,
        q=_largest(v, v, rank / m) * m / root,
        e=_largest(u, v, 0.0) * float(np.sqrt(n * m)) / root,
    )


def _largest(left: NDArray[Any], right: NDArray[Any], diagonal: float) -> float:
    """Return max |left right' - diagonal I|, a block of rows at a time."""
    step = max(1, _BLOCK // len(right))
    transposed, largest = np.ascontiguousarray(right.T), 0.0
    for start in range(0, len(left), step):
        block = multiply(left[start : start + step], transposed)
        if diagonal:
            places = np.arange(len(block))
            block[places, start + places] -= diagonal
        largest = max(largest, float(np.abs(block).max()))
    return largest
