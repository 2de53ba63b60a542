"""SGD or ALS: cheap passes, many of them, or dear ones, few of them.

Both lower the same objective on the same ratings, users' means taken out, from random factors. A pass of SGD
over n ratings costs about 6 rank n multiply-adds; one of ALS (rank^2 + 4 rank) n for both sides' normal
equations and (users + items) rank^3 / 6 for their solutions. So a pass of ALS costs at least rank / 6 times
one of SGD, and must save as many.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import generator
from eckart.completion.als import ALS
from eckart.data.normalization import Normalization
from eckart.data.ratings import Ratings
from eckart.data.splits import random_split
from eckart.datasets.movielens import movielens
from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments._sgd import SgdFactors
from eckart.experiments.outcome import Check, Outcome, Table

TITLE = "SGD or ALS: the same objective and ratings, error against work"
RANK = 16
REG = 0.1
RATES = (0.01, 0.03, 0.1)
NEAR = 1.05  # an objective within 5 % of the best counts as there


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Run ALS and SGD at several rates on 90 % of MovieLens; follow objective and test error by work."""
    train, test = random_split(movielens(), test_size=0.1, random_state=seed)
    habits = Normalization.fit(train, by="user")
    train, test = habits.apply(train), habits.apply(test)
    epochs, iterations = (10, 12) if quick else (40, 30)
    curves = {"ALS": _als(train, test, iterations, seed)}
    for rate in RATES:
        curves[f"SGD, rate {rate:g}"] = _sgd(train, test, rate, epochs, seed)
    per_pass = {name: _work(train)[0 if name == "ALS" else 1] for name in curves}
    als = curves["ALS"]
    sgd = min((name for name in curves if name != "ALS"), key=lambda name: curves[name][-1, 0])
    best = min(curve[:, 0].min() for curve in curves.values())
    passes = {name: _first(curve[:, 0] <= NEAR * best) for name, curve in curves.items()}
    checks = [
        Check.at_most("ALS: largest rise of the objective, as a share", _largest_rise(als[:, 0]), 1e-6),
        Check.at_least(
            "SGD at its best: objective over that of ALS at the end",
            float(curves[sgd][-1, 0] / als[-1, 0]),
            0.98,
        ),
        Check.at_least(
            "passes of SGD over those of ALS, to 5 % of the best",
            _ratio(passes[sgd], passes["ALS"], epochs),
            1.5,
        ),
        Check.at_most(
            "test RMSE of ALS over that of SGD, each at its best",
            float(als[:, 1].min() / curves[sgd][:, 1].min()),
            1.05,
        ),
    ]
    rows = []
    for name, curve in curves.items():
        there = passes[name]
        reached = ("never", "-") if there is None else (there, f"{there * per_pass[name] / 1e6:.0f}")
        rows.append((name, round(float(curve[-1, 0])), round(float(curve[:, 1].min()), 4), *reached))
    columns = (
        "",
        "objective at the end",
        "best test RMSE",
        "passes to 5 % of the best",
        "million multiply-adds",
    )
    work = {name: per_pass[name] * np.arange(1, len(curve) + 1) / 1e6 for name, curve in curves.items()}
    return Outcome(checks, [Table("Work", columns, rows)], {"curves": curves, "work": work})


def draw(outcome: Outcome) -> Any:
    """Draw the objective and the test error against the work."""
    curves, work = outcome.data["curves"], outcome.data["work"]
    figure, panels = new_figure(10, 4, columns=2)
    for axes, column, label in zip(panels, (0, 1), ("objective", "test RMSE, stars"), strict=True):
        lines = iter(((COLORS[1], "-"), (COLORS[1], "--"), (COLORS[1], ":")))
        for name, curve in curves.items():
            color, style = (COLORS[0], "-") if name == "ALS" else next(lines)
            marker = "o" if name == "ALS" else None
            axes.plot(
                work[name], curve[:, column], style, color=color, label=name, marker=marker, markersize=4
            )
        axes.set(xscale="log", xlabel="work, million multiply-adds", ylabel=label)
    panels[0].set_yscale("log")
    panels[0].set_title("What both minimise", fontsize=10)
    panels[1].set_title("What it is for", fontsize=10)
    panels[1].legend(frameon=False)
    return figure


def _als(train: Ratings, test: Ratings, iterations: int, seed: int) -> NDArray[np.float64]:
    """Return (objective, test RMSE) after each iteration."""
    model = ALS(
        RANK, reg=REG, biases=False, max_iter=iterations, tol=0, patience=iterations, random_state=seed
    )
    model.fit(train, validation=test)
    return np.array([(record["objective"], record["validation"]) for record in model.history_])


def _sgd(train: Ratings, test: Ratings, rate: float, epochs: int, seed: int) -> NDArray[np.float64]:
    """Return the same after each epoch."""
    rng = generator(seed)
    factors = SgdFactors.random(train, RANK, rng)
    found = []
    for _ in range(epochs):
        factors.epoch(train, rate, REG, rng)
        found.append((factors.objective(train, REG), factors.rmse(test)))
    return np.array(found)


def _work(train: Ratings) -> tuple[float, float]:
    """Return the multiply-adds of a pass of ALS and of SGD."""
    n, rows = len(train), train.n_users + train.n_items
    return n * (RANK**2 + 4 * RANK) + rows * RANK**3 / 6, 6.0 * RANK * n


def _largest_rise(values: NDArray[Any]) -> float:
    return float((np.diff(values) / values[:-1]).max())


def _first(there: NDArray[np.bool_]) -> int | None:
    """Return the first pass, from 1, None if there is none."""
    return int(there.argmax()) + 1 if there.any() else None


def _ratio(a: int | None, b: int | None, most: int) -> float:
    """Return a / b; who never gets there counts as having needed `most`."""
    return (most if a is None else a) / (b or 1)
