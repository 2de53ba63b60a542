"""Ctrl-C during a fit of rank 256 in double precision to 20 million ratings: answered within 2 seconds?

Usage: python tools/interrupt_check.py [--ratings 20000000] [--rank 256] [--delays 3 30 120]

Each delay (seconds after the beginning) is a fit of its own. What the stopped fit leaves must be a whole
iteration: its objective is that of the last entry of `history_`. Needs about 4 GB at the default size.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.strength.interrupts import seconds_to_answer

import eckart as ek

LIMIT = 2.0


def check(ratings: ek.data.Ratings, rank: int, delay: float) -> bool:
    """Fit, interrupt after `delay` seconds, and say what became of it."""
    model = ek.completion.ALS(rank=rank, max_iter=10_000, tol=0, random_state=0)
    seconds = seconds_to_answer(lambda: model.fit(ratings), delay)
    if seconds is None:
        print(f"after {delay:g} s: the fit had ended before")
        return False
    whole = True
    if model.history_:
        weight_users, weight_items = ratings.by_user.counts, ratings.by_item.counts
        squares = [
            np.einsum("ij,ij->i", factors, factors) + biases**2
            for factors, biases in (
                (model.user_factors_, model.user_biases_),
                (model.item_factors_, model.item_biases_),
            )
        ]
        penalty = model.reg * (weight_users @ squares[0] + weight_items @ squares[1])
        objective = len(ratings) * model.score(ratings) ** 2 + penalty
        whole = bool(np.isclose(objective, model.history_[-1]["objective"], rtol=1e-9))
    good = seconds < LIMIT and whole and len(model.history_) == model.n_iter_
    state = "a whole iteration" if whole else "NOT a whole iteration"
    print(
        f"after {delay:g} s: answered in {seconds:.2f} s, {model.n_iter_} iterations done, {state}",
        flush=True,
    )
    return good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--rank", type=int, default=256)
    parser.add_argument("--delays", type=float, nargs="+", default=[3.0, 30.0, 120.0])
    options = parser.parse_args()
    made = ek.datasets.make_ratings(138_493, 26_744, options.ratings, random_state=0).ratings
    wide = made.with_values(made.values.astype(np.float64))
    assert wide.by_user.n_rows == wide.by_item.n_cols  # built before the clock starts
    print(f"{wide!r}", flush=True)
    sys.exit(not all([check(wide, options.rank, delay) for delay in options.delays]))
