"""What a mask of observed entries can tell of a matrix of given rank, before anybody has looked at values.

Three tests, each necessary for exact completion by any method whatever: enough entries in all (degrees of
freedom), enough in every row and column, in the right order (the core of the bipartite graph), and a Jacobian
of full rank (finite identifiability: Singer and Cucuringu, "Uniqueness of low-rank matrix completion by
rigidity theory", 2010). They are generic: true for almost all matrices of the rank, or for almost none.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.csr import Csr
from eckart.base.seeds import RandomState
from eckart.base.validation import check_bool, check_int
from eckart.completion._jacobian import AFFORDABLE, full_jacobian
from eckart.completion._peeling import determined, peel_to_core, restrict
from eckart.completion.incoherence import Coherence, coherence
from eckart.data.convert import as_ratings
from eckart.data.ratings import Ratings
from eckart.data.vocabulary import Vocabulary
from eckart.linalg.operators import SparseMatrix


@dataclass(frozen=True, eq=False)
class Identifiability:
    """What the observed places determine of a matrix of this shape and rank.

    rows (n,), columns (m,) : bool: their factors are determined, as far as these tests can tell
    full_jacobian : whether the Jacobian of the core has its generic rank, so that its entries leave finitely
        many completions (without, nothing is called determined); None: not checked, or not settled
    probability : that every row and column of a random mask with as many entries holds `rank` of them. No
        method recovers a matrix more often
    coherence : of the estimate, where factors were given
    """

    shape: tuple[int, int]
    rank: int
    n_observed: int
    rows: NDArray[np.bool_]
    columns: NDArray[np.bool_]
    full_jacobian: bool | None
    probability: float
    coherence: Coherence | None = None

    @property
    def degrees_of_freedom(self) -> int:
        """k (n + m - k): the dimension of the matrices of rank k."""
        n, m = self.shape
        return self.rank * (n + m - self.rank)

    @property
    def oversampling(self) -> float:
        """rho: observed entries over degrees of freedom."""
        return self.n_observed / self.degrees_of_freedom

    @property
    def determinable(self) -> bool:
        """Whether the whole matrix is determined, as far as these tests can tell."""
        return bool(self.rows.all() and self.columns.all())

    @property
    def undeterminable(self) -> NDArray[np.bool_]:
        """The cells that are not determined by the others, dense (n, m); some of them may be observed."""
        return ~(self.rows[:, None] & self.columns)


def identifiability(
    mask: Any,
    rank: int,
    *,
    shape: tuple[int, int] | None = None,
    jacobian: bool | None = None,
    factors: tuple[Any, Any] | None = None,
    random_state: RandomState = 0,
) -> Identifiability:
    """Return what the observed places can determine of a matrix of this rank.

    mask : Ratings, a scipy.sparse matrix (stored entries are observed), a bool array (n, m), or a pair
        (rows, columns) of arrays of numbers
    shape : of the matrix, for a pair; None takes the largest numbers
    jacobian : check the rank of the core's Jacobian at a random matrix; None does where there are at most
        2e7 entries times rank. A random tangent is recovered from its observed entries by conjugate
        gradients: seconds where entries are hardly enough, less where there are more
    factors : (U, V) of an estimate, whose coherence is wanted
    random_state : of the random matrix

    Raises ValueError or TypeError for another mask, ValueError for a rank outside 1 ... min(n, m).
    """
    entries = _pattern(mask, shape)
    n, m = entries.shape
    rank = check_int(rank, "rank", high=max(1, min(n, m)))
    if jacobian is None or not check_bool(jacobian, "jacobian"):
        jacobian = jacobian is None and rank * len(entries.values) <= AFFORDABLE
    peeling = peel_to_core(entries.by_row, rank)
    core = restrict(entries, *peeling.core)
    size, freedom = len(core.values), rank * (sum(core.shape) - rank)
    full = False if size < freedom else full_jacobian(core, rank, random_state) if jacobian else None
    if full is False:
        rows, columns = np.zeros(n, dtype=bool), np.zeros(m, dtype=bool)
    else:
        rows, columns = determined(entries, peeling, rank)
    return Identifiability(
        shape=(n, m),
        rank=rank,
        n_observed=len(entries.values),
        rows=rows,
        columns=columns,
        full_jacobian=full,
        probability=recovery_bound((n, m), rank, len(entries.values) / max(1, n * m)),
        coherence=None if factors is None else coherence(*factors),
    )


def recovery_bound(shape: tuple[int, int], rank: int, density: float) -> float:
    """Return the probability that every row and column of a random mask holds at least `rank` entries.

    Each cell is observed with probability `density`; rows and columns are taken as independent. 0 where
    entries are fewer than the degrees of freedom. No method recovers a matrix more often than this.
    """
    from scipy.special import bdtr

    n, m = shape
    if density * n * m < rank * (n + m - rank):
        return 0.0
    short_row, short_column = bdtr(rank - 1, m, density), bdtr(rank - 1, n, density)
    with np.errstate(divide="ignore"):  # the logarithm of 0: certain to fail
        return float(np.exp(n * np.log1p(-short_row) + m * np.log1p(-short_column)))


def _pattern(mask: Any, shape: tuple[int, int] | None) -> SparseMatrix:
    """Return the places as a matrix of ones."""
    if isinstance(mask, np.ndarray) and mask.dtype == bool:
        if mask.ndim != 2:
            raise ValueError(f"mask: expected a bool array (n, m), got shape {mask.shape}")
        mask, shape = np.nonzero(mask), mask.shape
    if isinstance(mask, tuple) and len(mask) == 2:
        ratings = _from_pair(*mask, shape)
    elif isinstance(mask, Ratings) or hasattr(mask, "tocoo"):
        ratings = as_ratings(mask)
    else:
        raise TypeError(
            "mask: expected Ratings, a scipy.sparse matrix, a bool array or a pair (rows, columns), "
            f"got {type(mask).__name__}"
        )
    views = ratings.by_user, ratings.by_item
    ones = np.ones(len(ratings))
    return SparseMatrix(*(Csr(view.indptr, view.indices, ones, view.n_cols) for view in views))


def _from_pair(rows: Any, columns: Any, shape: tuple[int, int] | None) -> Ratings:
    places = [np.asarray(side) for side in (rows, columns)]
    for side, name in zip(places, ("rows", "columns"), strict=True):
        if side.ndim != 1 or (side.size and side.dtype.kind not in "iu") or len(side) != len(places[0]):
            raise ValueError(
                f"mask: expected {name} as whole numbers, as many as the other side, got {side!r}"
            )
    if shape is None:
        shape = tuple(int(side.max(initial=-1)) + 1 for side in places)  # type: ignore[assignment]
    n, m = shape
    if len(np.unique(places[0] * np.int64(max(m, 1)) + places[1])) != len(places[0]):
        raise ValueError("mask: expected every place once, got some repeated")
    sides = [side.astype(np.int32) for side in places]
    return Ratings(*sides, np.ones(len(rows)), Vocabulary.from_range(n), Vocabulary.from_range(m))
