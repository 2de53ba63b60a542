"""Too few factors miss what ratings have in common, too many learn the noise.

Plain matrix factorisation (no biases, a weak penalty) on MovieLens ratings: with growing rank the training
error falls on and on, the test error falls, then rises; rank 0 is the means alone. Beforehand ratings are
left as they are, or each user's or each item's mean is taken out: factors have less to learn wrongly.
Where there are more parameters than ratings, the penalty chooses among fits that are nearly perfect, and the
test error falls again ("double descent", Belkin et al. 2019): a second way to choose, by the penalty.
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
RANKS = (0, 1, 2, 4, 8, 16, 32, 64)
QUICK_RANKS = (0, 1, 2, 4, 8, 16)
PLAIN = "ratings as they are"
NORMALIZE: dict[str, str | None] = {PLAIN: None, "users' means out": "user", "items' means out": "item"}
REG = 3.0  # of a whole row: weak on purpose, a strong penalty hides the overfitting


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
            Check.at_least(
                f"{name}: test error of rank 0 over the best", _over(held_out[0], held_out[best]), 1.02
            ),
            Check.at_least(
                f"{name}: worst of higher ranks over the best",
                _over(held_out[best:].max(), held_out[best]),
                1.05,
            ),
        ]
        rows.append(
            (
                name,
                ranks[best],
                *(round(float(e), 3) for e in (held_out[0], held_out[best], held_out[best:].max())),
            )
        )
    plain = errors[PLAIN][1:, 1].max()
    checks += [
        Check.at_most(f"{name}: worst test error over that without", _over(curve[1:, 1].max(), plain), 0.97)
        for name, curve in errors.items()
        if name != PLAIN
    ]
    columns = ("normalisation", "best rank", "test RMSE at rank 0", "at the best", "worst above")
    table = Table("The rank of least test error", columns, rows)
    return Outcome(checks, [table], {"ranks": ranks, "errors": errors})


def draw(outcome: Outcome) -> Any:
    """Draw both errors against the rank, a panel a normalisation."""
    ranks, errors = outcome.data["ranks"], outcome.data["errors"]
    figure, panels = new_figure(10, 3.6, columns=len(errors), sharey=True)
    places = np.arange(len(ranks))
    for axes, (name, curve) in zip(panels, errors.items(), strict=True):
        for column, label in enumerate(("training", "test")):
            axes.plot(places, curve[:, column], "o-", color=COLORS[column], label=label, markersize=4)
        best = int(curve[:, 1].argmin())
        axes.annotate(
            f"least: {curve[best, 1]:.3f}\nat rank {ranks[best]}", (best, curve[best, 1]), (4, 22),
            textcoords="offset points", ha="left", fontsize=8, color=COLORS[1],
        )  # fmt: skip
        axes.set_xticks(places, [str(rank) for rank in ranks])
        axes.set(title=name, xlabel="rank", ylim=(0, 1.45))
    panels[0].set_ylabel("RMSE, stars")
    panels[0].legend(frameon=False, loc="lower left")
    return figure


def _errors(train: Ratings, test: Ratings, rank: int, by: str | None, seed: int) -> tuple[float, float]:
    """Return the RMSE on the training and on the test ratings; rank 0 is a penalty that allows no factors."""
    model = ALS(
        max(rank, 1), reg=REG if rank else 1e12, reg_scaling="none", biases=False, normalize=by,
        max_iter=20, tol=1e-5, random_state=seed,
    ).fit(train)  # fmt: skip
    return -model.score(train), -model.score(test)


def _over(a: Any, b: Any) -> float:
    return float(a) / float(b)
