"""The half-steps of ALS on arrays: what `ALS` calls once and twice an iteration.

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

INITIAL_SCALE = 1.0  # expected norm of a starting row; a smaller start takes more iterations


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


@dataclass(frozen=True)
class Penalty:
    """lambda of every row of each side: ``reg``, or ``reg`` times the row's count (ALS-WR)."""

    users: float
    items: float
    by_count: bool

    def of(self, side: str, ratings: Csr, dtype: Any) -> NDArray[Any]:
        """Return (n_rows,) lambdas for the rows of `ratings`."""
        reg = self.users if side == "users" else self.items
        if self.by_count:
            return (reg * ratings.counts).astype(dtype)
        return np.full(ratings.n_rows, reg, dtype=dtype)


def random_side(n: int, like: Side, seed: int, *, first_row: int = 0) -> Side:
    """Return n starting rows like those of `like`: normal factors, one stream a row, and zero biases."""
    rank, dtype = like.factors.shape[1], like.factors.dtype
    factors = aligned_empty((n, rank), dtype)
    native_base.fill_normal(factors, seed, first_row, INITIAL_SCALE / np.sqrt(rank), get_num_threads())
    return Side(factors, None if like.biases is None else np.zeros(n, dtype=dtype))


def solve_side(
    ratings: Csr,
    fixed: Side,
    mean: float,
    reg: NDArray[Any],
    out: Side,
    *,
    rows: NDArray[np.int32] | None = None,
    cg_steps: int = 0,
    with_error: bool = False,
) -> float:
    """Solve the rows of `ratings` into `out`: exactly, or by `cg_steps` of conjugate gradients from `out`.

    Returns the squared error on the ratings of the solved rows if asked for, else 0.
    """
    return native.als_solve(
        ratings.indptr, ratings.indices, ratings.values, fixed.factors, fixed.biases, mean, reg,
        out.factors, out.biases, rows, cg_steps, with_error, AMX, get_num_threads(),
    )  # fmt: skip


def objective(state: AlsState, reg_users: NDArray[Any], reg_items: NDArray[Any]) -> float:
    """Return the squared error on the observed entries plus both penalties, in double."""
    threads = get_num_threads()
    users, items = state.users, state.items
    penalty_users = native.als_penalty(users.factors, users.biases, reg_users, threads)
    penalty_items = native.als_penalty(items.factors, items.biases, reg_items, threads)
    return float(state.squared_error + penalty_users + penalty_items)
