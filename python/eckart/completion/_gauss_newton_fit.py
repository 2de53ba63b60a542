"""From a search on the core to factors of the whole matrix: for a given rank, or for the rank that fits."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from eckart.base.progress import Progress
from eckart.completion._gauss_newton import Problem, Search
from eckart.completion._jacobian import AFFORDABLE, full_jacobian
from eckart.completion._peeling import Factors, least_squares, peel_to_core, put_back, restrict
from eckart.completion._training import Record
from eckart.linalg.operators import SparseMatrix

FIRST, DEEPER = 40, 4  # iterations that each rank gets at first, and how many times as many in the next round
OVERSAMPLED = 1.1  # entries a degree of freedom: below, a rank fits nearly anything and is no finding
LARGEST = 64  # rank that is tried unasked


@dataclass
class Reporter:
    """Writes the history, moves the bar and asks the callback; once that says stop, everything ends."""

    callback: Callable[[Record], object] | None
    bar: Progress
    history: list[Record] = field(default_factory=list)
    stopped: bool = False

    def of(self, rank: int, norm: float) -> Callable[[float], bool]:
        """Return what a search of this rank reports its relative residuals to."""
        clock = time.perf_counter()

        def report(error: float) -> bool:
            nonlocal clock
            now = time.perf_counter()
            record: Record = {"iteration": len(self.history) + 1, "objective": (error * norm) ** 2}
            record.update(seconds=now - clock, rank=rank, residual=error)
            clock = now
            self.history.append(record)
            self.bar.advance(f"rank {rank}, residual {error:.2e}")
            self.stopped |= bool(self.callback is not None and self.callback(dict(record)))
            return self.stopped

        return report


@dataclass(eq=False)
class Completion:
    """A completion of one rank: searched for on the core alone, then every row and column is put back."""

    entries: SparseMatrix
    rank: int
    tol: float
    patience: int
    seed: int

    def __post_init__(self) -> None:
        self.peeling = peel_to_core(self.entries.by_row, self.rank)
        self.core = Problem(restrict(self.entries, *self.peeling.core), self.rank)

    @cached_property
    def search(self) -> Search:
        return Search(self.core, self.tol, self.patience, self.seed)

    def run(self, max_iter: int, reporter: Reporter) -> bool:
        """Search on until `max_iter` iterations are done; return whether the entries of the core are met."""
        report = reporter.of(self.rank, self.core.norm)
        return self.search.run(max_iter - self.search.n_iter, report)

    def factors(self) -> tuple[Factors, Factors]:
        """Return the factors of the whole matrix from the best that the search has seen."""
        rows, columns = self.peeling.core
        u, v = np.zeros((len(rows), self.rank)), np.zeros((len(columns), self.rank))
        u[rows], v[columns] = self.search.u, self.search.v
        put_back(self.entries, self.peeling, u, v)
        return least_squares(self.entries.by_row, v), v

    def stands_alone(self) -> bool:
        """Return whether no other completion is near by: the Jacobian of the core has full rank here, and not
        only at a random matrix. True where finding out would cost too much."""
        if self.rank * len(self.core.entries.values) > AFFORDABLE:
            return True
        return full_jacobian(self.core.entries, self.rank, self.seed, (self.search.u, self.search.v)) is True

    @property
    def score(self) -> float:
        """Generalised cross-validation: the squared residual over the squared share of entries that are more
        than the degrees of freedom (Golub, Heath, Wahba 1979); infinite where none are."""
        n, m = self.core.entries.shape
        left = 1 - self.rank * (n + m - self.rank) / len(self.core.entries.values)
        return (self.search.error / left) ** 2 if left > 0 else np.inf


def find_rank(
    ranks: Iterable[int], make: Callable[[int], Completion], max_iter: int, reporter: Reporter
) -> Completion:
    """Return the completion of the lowest rank that meets the entries; if none does, that of the best score.

    Hard searches are long, and every rank below the right one is a failure: so each rank gets a few
    iterations, then each gets more.
    """
    attempts = [make(rank) for rank in ranks]
    limit = min(FIRST, max_iter)
    while True:
        for attempt in attempts:
            if attempt.run(limit, reporter):
                return attempt
            if reporter.stopped:
                break
        if reporter.stopped or limit == max_iter:
            return min((a for a in attempts if a.search.n_iter), key=lambda a: a.score, default=attempts[0])
        limit = min(DEEPER * limit, max_iter)


def plausible_ranks(entries: SparseMatrix) -> list[int]:
    """Return the ranks with fewer degrees of freedom than entries, by some margin; at least 1."""
    n, m = entries.shape
    most = min(n, m, LARGEST)
    return [1, *(r for r in range(2, most + 1) if OVERSAMPLED * r * (n + m - r) <= len(entries.values))]
