"""The factored nuclear-norm problem: its two solvers, and refitting what the penalty has shrunk.

F(A, C) = 1/2 ||P(X - A C')||^2 + lambda/2 (||A||^2 + ||C||^2) + gamma/2 ||A C'||^2

Its minimum over factors of enough columns is that of 1/2 ||P(X - B)||^2 + lambda ||B||_* + gamma/2 ||B||^2
over all matrices B = A C': ||B||_* is the least (||A||^2 + ||C||^2) / 2 (Srebro, Rennie, Jaakkola 2005).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.completion._gradient import residual_product, squared_error
from eckart.completion._low_rank import Iterate, fitted_rows
from eckart.linalg.dense import multiply, multiply_transposed, solve_spd
from eckart.linalg.operators import SparseMatrix

Array = NDArray[Any]
CHUNK = 1 << 18  # entries whose products are held at once


@dataclass
class NuclearSolver:
    """Alternating minimisation of F from the factors of `first`: the items, then the users.

    exact : every row solved exactly (alternating ridge regressions); otherwise each half-step minimises the
        majorant in which the missing entries are those of the present A C' (softImpute-ALS: Hastie, Mazumder,
        Lee, Zadeh 2015, "Matrix completion and low-rank SVD via fast alternating least squares", algorithm
        3.1, without its rotations). Either way F never rises.
    """

    data: SparseMatrix
    first: Iterate
    reg: float
    ridge: float  # gamma
    exact: bool

    def start(self) -> Iterate:
        return self.first

    def step(self, point: Iterate) -> None:
        if self.exact:
            point.items = fitted_rows(self.data.by_col, point.users, self.reg, self.ridge)
            point.users = fitted_rows(self.data.by_row, point.items, self.reg, self.ridge)
        else:
            point.items = self._imputed(self.data.by_col, point.users, point.items)
            point.users = self._imputed(self.data.by_row, point.items, point.users)
        point.squared_error = squared_error(self.data.by_row, point.users, point.items)

    def objective(self, point: Iterate) -> float:
        squares = sum(float(np.einsum("ij,ij", a, a, dtype=np.float64)) for a in (point.users, point.items))
        whole = self.ridge and self.ridge * _product_squares(point.users, point.items)
        return (point.squared_error + self.reg * squares + whole) / 2

    def _imputed(self, rows: Csr, fixed: Array, solved: Array) -> Array:
        gram = multiply_transposed(fixed, fixed)
        right = residual_product(rows, solved, fixed)[0] + multiply(solved, gram)
        system = (1 + self.ridge) * gram.astype(np.float64) + self.reg * np.eye(len(gram))
        inverse = solve_spd(system, np.eye(len(gram)))
        return multiply(right, np.ascontiguousarray(inverse, dtype=fixed.dtype))


def refitted_scale(data: SparseMatrix, users: Array, items: Array) -> Array:
    """Return the d (k,) that minimises ||P(X - U diag(d) V')||: a least-squares problem of k unknowns."""
    k, rows = users.shape[1], np.repeat(np.arange(data.shape[0], dtype=np.int32), data.by_row.counts)
    gram, right = np.zeros((k, k)), np.zeros((k, 1))
    for begin in range(0, len(rows), CHUNK):
        part = slice(begin, begin + CHUNK)
        products = users[rows[part]] * items[data.by_row.indices[part]]  # (CHUNK, k)
        gram += multiply_transposed(products, products)
        right += multiply_transposed(products, np.ascontiguousarray(data.values[part, None]))
    return solve_spd(gram, right)[:, 0].astype(users.dtype)


def _product_squares(users: Array, items: Array) -> float:
    """Return ||U V'||^2 from the Gram matrices."""
    grams = [multiply_transposed(side, side).astype(np.float64) for side in (users, items)]
    return float(np.sum(grams[0] * grams[1]))
