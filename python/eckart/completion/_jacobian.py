"""Whether observed entries leave no other matrix of the rank near by: the rank of a Jacobian never formed."""

from typing import Any

import numpy as np

from eckart.base.seeds import RandomState, generator
from eckart.completion._gauss_newton import Problem
from eckart.linalg.operators import SparseMatrix

AFFORDABLE = 2e7  # observed entries times rank up to which the Jacobian is checked unasked
CELLS = 4096  # of the matrix, at which a recovered tangent is compared
ROUNDS, STEPS = 20, 500  # of conjugate gradients that recover it
RECOVERED, LOST = 1e-6, 1e-3  # relative error of the cells
MET = 1e-9  # relative residual of the observed entries that tells nothing any more


def full_jacobian(
    core: SparseMatrix, rank: int, random_state: RandomState = 0, at: tuple[Any, Any] | None = None
) -> bool | None:
    """Return whether the observed entries of a tangent at a matrix of this rank determine the tangent.

    A random tangent U A' + B V' is recovered from them by least squares of least norm. That gives it back
    just where the kernel of the Jacobian is no more than the r^2 changes of basis. The matrix is random, or
    has the factors `at`, balanced. None: not settled.
    """
    n, m = core.shape
    rng = generator(random_state)
    (u, b), (v, a) = rng.standard_normal((2, n, rank)), rng.standard_normal((2, m, rank))
    u, v = (u, v) if at is None else at
    i, j = rng.integers(n, size=CELLS), rng.integers(m, size=CELLS)

    def at_cells() -> float:
        return float(
            np.sqrt(np.mean((np.einsum("er,er->e", u[i], a[j]) + np.einsum("er,er->e", b[i], v[j])) ** 2))
        )

    product, whole, error = core.sampled(u, v), at_cells(), np.inf
    if whole == 0:  # the matrix is zero wherever it was looked at
        return None
    for _ in range(ROUNDS):
        # What is left of the tangent is what the kernel sees as residual: each round refines the last.
        left = core.sampled(u, a) + core.sampled(b, v)
        observed = float(np.sqrt(np.mean(left**2))) / whole
        error = at_cells() / whole
        if error < RECOVERED or observed < MET * error:
            break
        x, y = Problem(core.with_values(product + left), rank).step(u, v, STEPS, 1e-10)
        b, a = b - x, a - y
    if error < RECOVERED:
        return True
    return False if observed < MET * error and error > LOST else None
