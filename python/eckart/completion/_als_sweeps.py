"""The half-steps of ALS on arrays: what the models call once and twice an iteration.

The normal equations stand in cpp/include/eckart/completion/als.hpp.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart._native import AMX
from eckart._native import base as native_base
from eckart._native import completion as native
from eckart.base.arrays import aligned_empty
from eckart.base.csr import Csr
from eckart.base.threads import get_num_threads
from eckart.completion._factors import Side


@dataclass
class AlsState:
    """Both sides of the model while it is trained, and its squared error after the last half-step."""

    users: Side
    items: Side
    squared_error: float = np.inf

    def copy(self) -> "AlsState":
        return AlsState(self.users.copy(), self.items.copy(), self.squared_error)

    def assign(self, other: "AlsState") -> None:
        self.users.assign(other.users)
        self.items.assign(other.items)
        self.squared_error = other.squared_error


@dataclass(frozen=True, eq=False)
class Half:
    """What is fixed while one side is solved, the side's rows being those of `ratings`.

    ratings : the observed entries; without values, all are 1
    reg : (n_rows,) lambda of each row
    mean : what predictions start from
    weights : (n_stored,) of the ratings' squared errors, None where all are 1
    unobserved : weight of every pair's squared prediction, observed or not; 0 for explicit ratings
    """

    ratings: Csr
    reg: NDArray[Any]
    mean: float = 0.0
    weights: NDArray[Any] | None = None
    unobserved: float = 0.0

    def solve(
        self,
        fixed: Side,
        out: Side,
        *,
        rows: NDArray[np.int32] | None = None,
        cg_steps: int = 0,
        block: int = 0,
        with_error: bool = False,
    ) -> float:
        """Solve the rows into `out`: exactly, or from the values there by `cg_steps` of conjugate gradients
        or by one exact step for each `block` of coordinates.

        Returns the squared errors of the solved rows, with those of unobserved pairs, if asked for, else 0.
        """
        ratings = self.ratings
        return native.als_solve(
            ratings.indptr, ratings.indices, ratings.values, self.weights, self.unobserved, fixed.factors,
            fixed.biases, self.mean, self.reg, out.factors, out.biases, rows, cg_steps, block, with_error,
            AMX, get_num_threads(),
        )  # fmt: skip


def random_side(n: int, like: Side, seed: int, norm: float, *, first_row: int = 0) -> Side:
    """Return n starting rows like those of `like`: normal factors, one stream a row, and zero biases.

    norm : that a row's factors are expected to have
    """
    rank, dtype = like.factors.shape[1], like.factors.dtype
    factors = aligned_empty((n, rank), dtype)
    native_base.fill_normal(factors, seed, first_row, norm / np.sqrt(rank), get_num_threads())
    return Side(factors, None if like.biases is None else np.zeros(n, dtype=dtype))


def objective(state: AlsState, users: Half, items: Half) -> float:
    """Return what the users' last half-step left of the squared errors, plus both penalties, in double."""
    threads = get_num_threads()
    penalty_users = native.als_penalty(state.users.factors, state.users.biases, users.reg, threads)
    penalty_items = native.als_penalty(state.items.factors, state.items.biases, items.reg, threads)
    return float(state.squared_error + penalty_users + penalty_items)
