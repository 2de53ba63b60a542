"""Too few factors miss what ratings have in common, too many learn the noise.

Plain matrix factorisation (no biases, a weak penalty) on MovieLens ratings: with growing rank the training
error falls on and on, the test error falls and then rises. Beforehand ratings are left as they are, or each
user's or each item's mean is taken out: a model that must spend factors on means is worse at every rank.
"""

from typing import Any

import numpy as np

from eckart.completion.als import ALS
from eckart.data.ratings import Ratings
from eckart.data.splits import random_split
from eckart.datasets.movielens import movielens
from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table

TITLE = "Choosing the rank: under- and overfitting on real ratings, with and without means"
RANKS = (1, 2, 4, 8, 16, 32, 64)
QUICK_RANKS = (1, 2, 4, 8, 16)
NORMALIZE: dict[str, str | None] = {"ratings as they are": None, "users' means out": "user", "items' means out": "item"}
REG = 0.02  # weak on purpose, times the number of ratings of a row: a strong penalty hides the overfitting


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Fit each rank under each normalisation on 90 % of MovieLens; measure both errors."""
    train, test = random_split(movielens(), test_size=0.1, random_state=seed)
    ranks = QUICK_RANKS if quick else RANKS
    errors = {
        name: np.array([_errors(train, test, rank, by, seed) for rank in ranks])
        for name, by in NORMALIZE.items()
    }
    checks, rows = [], []
    for name, curve in errors.items():
        (fit, held_out), best = curve.T, int(curve[:, 1].argmin())
        checks += [
            Check.at_most(f"{name}: largest rise of the training error", float(np.diff(fit).max()), 0.0),
            Check.at_least(f"{name}: test error of the largest rank over the best", held_out[-1] / held_out[best], 1.03),
        ]
        rows.append((name, ranks[best], *(round(float(e), 4) for e in (held_out[best], held_out[-1], fit[-1]))))
    plain = errors["ratings as they are"][:, 1].min()
    checks += [
        Check.at_most(f"{name}: best test error over that without", float(curve[:, 1].min() / plain), 0.99)
        for name, curve in errors.items()
        if NORMALIZE[name]
    ]
    columns = ("normalisation", "best rank", "test RMSE", f"test RMSE at rank {ranks[-1]}", "training RMSE there")
    return Outcome(checks, [Table("The rank of least test error", columns, rows)], {"ranks": ranks, "errors": errors})


def draw(outcome: Outcome) -> Any:
    """Draw both errors against the rank, a panel a normalisation."""
    ranks, errors = outcome.data["ranks"], outcome.data["errors"]
    figure, panels = new_figure(10, 3.6, columns=len(errors), sharey=True)
    for axes, (name, curve) in zip(panels, errors.items(), strict=True):
        for column, label in enumerate(("training", "test")):
            axes.plot(ranks, curve[:, column], "o-", color=COLORS[column], label=label, markersize=4)
        best = int(curve[:, 1].argmin())
        axes.annotate(
            f"rank {ranks[best]}: {curve[best, 1]:.3f}", (ranks[best], curve[best, 1]), (0, -14),
            textcoords="offset points", ha="center", va="top", fontsize=8, color=COLORS[1],
        )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.set_xticks(ranks, [str(rank) for rank in ranks])
        axes.minorticks_off()
        axes.set(title=name, xlabel="rank")
    panels[0].set_ylabel("RMSE, stars")
    panels[0].legend(frameon=False)
    return figure


def _errors(train: Ratings, test: Ratings, rank: int, by: str | None, seed: int) -> tuple[float, float]:
    """Return the RMSE on the training and on the test ratings."""
    model = ALS(rank, reg=REG, biases=False, normalize=by, max_iter=20, tol=1e-4, random_state=seed).fit(train)
    return -model.score(train), -model.score(test)
