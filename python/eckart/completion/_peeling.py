"""Rows and columns that say nothing about the others, taken off one after another and put back at the end.

A row with no more entries than there are factors fits whatever the columns are: it constrains nothing.
Without it the rest is smaller and better conditioned, and once the rest is known the row follows from it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eckart._native import completion as native
from eckart.base.csr import Csr
from eckart.base.threads import get_num_threads
from eckart.linalg.operators import SparseMatrix

NEVER = np.iinfo(np.int32).max  # the round of what is in the core
RIDGE = 1e-10  # of least squares, beside one mean entry: where entries are too few, the least norm
PASSES = 4  # that take the ridge out again

Factors = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Peeling:
    """The round in which each row (n,) and column (m,) was taken off: rows in even, columns in odd ones.

    What is never taken off is the core: each of its rows and columns has at least `least` entries there.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]

    @property
    def core(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which rows and which columns are in the core."""
        return self.rows == NEVER, self.columns == NEVER

    @property
    def rounds(self) -> list[int]:
        """Return the rounds, last first: the order in which rows and columns are put back."""
        found = np.unique(np.concatenate([self.rows, self.columns]))
        return [int(r) for r in found[found != NEVER][::-1]]


def peel(by_row: Csr, least: int) -> Peeling:
    """Return what is taken off when rows and columns with fewer than `least` entries go, in turn."""
    row_of, col_of = np.repeat(np.arange(by_row.n_rows), by_row.counts), by_row.indices
    rounds = [np.full(size, NEVER, dtype=np.int32) for size in (by_row.n_rows, by_row.n_cols)]
    inside = np.ones(len(col_of), dtype=bool)
    quiet = step = 0
    while quiet < 2:
        side, places = step % 2, (row_of, col_of)[step % 2]
        short = np.bincount(places[inside], minlength=len(rounds[side])) < least
        short &= rounds[side] == NEVER
        rounds[side][short] = step
        inside &= ~short[places]
        quiet = 0 if short.any() else quiet + 1
        step += 1
    return Peeling(*rounds)


def peel_to_core(by_row: Csr, rank: int) -> Peeling:
    """Return what is taken off for factors of this rank: all that constrains nothing; if nothing were left,
    what is undetermined; if still nothing were left, nothing."""
    for least in (rank + 1, rank):
        peeling = peel(by_row, least)
        if peeling.core[0].any():
            return peeling
    return peel(by_row, 0)


def determined(
    entries: SparseMatrix, peeling: Peeling, rank: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows and columns follow from the core: it is determined itself if it has `rank` entries a
    row, and what is put back with fewer entries among what is determined is not."""
    known = peeling.core
    views, rounds = (entries.by_row, entries.by_col), (peeling.rows, peeling.columns)
    if any((view.counts[core] < rank).any() for view, core in zip(views, known, strict=True)):
        return np.zeros_like(known[0]), np.zeros_like(known[1])
    for step in peeling.rounds:
        own, other = step % 2, 1 - step % 2
        support = _counts(views[own], known[other] & (rounds[other] > step))
        known[own][(rounds[own] == step) & (support >= rank)] = True
    return known


def _counts(view: Csr, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many entries of each row are in the wanted columns."""
    return np.diff(np.concatenate([[0], np.cumsum(wanted[view.indices])])[view.indptr])


def restrict(entries: SparseMatrix, rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> SparseMatrix:
    """Return the entries in these rows and columns, renumbered from 0."""
    if rows.all() and columns.all():
        return entries
    return SparseMatrix(entries.by_row.select(np.flatnonzero(rows)).select_columns(np.flatnonzero(columns)))


def put_back(entries: SparseMatrix, peeling: Peeling, u: Factors, v: Factors) -> None:
    """Solve what was taken off, last first, from what was there when it went; in place."""
    for step in peeling.rounds:
        if step % 2 == 0:
            _solve_round(entries.by_row, peeling.rows == step, peeling.columns > step, v, u)
        else:
            _solve_round(entries.by_col, peeling.columns == step, peeling.rows > step, u, v)


def _solve_round(
    ratings: Csr, wanted: NDArray[np.bool_], known: NDArray[np.bool_], fixed: Factors, out: Factors
) -> None:
    here = np.flatnonzero(known)
    rows = ratings.select(np.flatnonzero(wanted)).select_columns(here)
    out[wanted] = least_squares(rows, np.ascontiguousarray(fixed[here]))


def least_squares(ratings: Csr, fixed: Factors) -> Factors:
    """Return the factors of every row that fit its entries best, (n_rows, rank) float64; where entries are
    too few, those of least norm."""
    assert ratings.values is not None
    out = np.zeros((ratings.n_rows, fixed.shape[1]))
    ridge = RIDGE * float(np.mean(np.square(fixed))) if fixed.any() else 1.0
    values = ratings.values.astype(np.float64, copy=False)
    for _ in range(PASSES):
        native.refine_rows(ratings.indptr, ratings.indices, values, fixed, ridge, out, get_num_threads())
    return out
