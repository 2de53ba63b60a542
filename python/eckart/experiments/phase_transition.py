"""From how few entries each method recovers a random matrix: success against oversampling.

rho = observed / (r (2n - r)); success is a relative error below 1e-3, as in the phase transitions of
Kuemmerle and Mayrink Verdun ("A scalable second order method for ill-conditioned matrix completion from few
samples", 2021). Below rho = 1 there are fewer entries than degrees of freedom, and no method can succeed.
Above, a mask may still leave a row or column with fewer than r entries: the smaller the rank, the longer.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.completion import identifiability
from eckart.data.ratings import Ratings
from eckart.evaluation.figure import new_figure
from eckart.experiments._recovery import (
    COLOURS,
    MARKERS,
    METHODS,
    RECOVERED,
    observed,
    random_factors,
    random_places,
    relative_error,
)
from eckart.experiments.outcome import Check, Outcome, Table

TITLE = "Phase transition: from how few entries each method completes a matrix"
RHOS = (0.95, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
SURE = 2.0  # oversampling from which the second-order method is to succeed always
GRID = ((100, 3), (100, 10), (300, 3), (300, 10))


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Count successes over the grid of sizes, ranks and oversampling."""
    grid, rhos, instances = (((60, 3), (80, 8)), (0.95, 1.5, 2.0, 3.0), 2) if quick else (GRID, RHOS, 4)
    outcome = Outcome(data={"rhos": rhos, "curves": {}, "possible": {}})
    undetermined = 0
    for n, rank in grid:
        shares: dict[str, list[float]] = {name: [] for name in METHODS}
        possible = []
        for rho in rhos:
            trials = [
                _trial(n, rank, rho, np.random.default_rng([seed, n, rank, i])) for i in range(instances)
            ]
            known = [identifiability(data, rank).determinable for data, _ in trials]
            possible.append(float(np.mean(known)))
            for name, method in METHODS.items():
                good = [relative_error(method(data, rank, seed), truth) < RECOVERED for data, truth in trials]
                undetermined += sum(g and not k for g, k in zip(good, known, strict=True))
                shares[name].append(float(np.mean(good)))
        outcome.data["curves"][n, rank], outcome.data["possible"][n, rank] = shares, possible
        rows = [
            (f"{rho:.2f}", f"{possible[k]:.2f}", *(f"{shares[name][k]:.2f}" for name in METHODS))
            for k, rho in enumerate(rhos)
        ]
        outcome.tables.append(Table(f"n = {n}, rank {rank}", ("rho", "determinable", *METHODS), rows))
    outcome.checks = _checks(outcome.data, undetermined)
    return outcome


def _trial(n: int, rank: int, rho: float, rng: np.random.Generator) -> tuple[Ratings, NDArray[np.float64]]:
    u, v = random_factors(n, rank, rng)
    return observed(u, v, random_places(n, round(rho * rank * (2 * n - rank)), rng)), u @ v.T


def _checks(data: dict[str, Any], undetermined: int) -> list[Check]:
    rhos = np.array(data["rhos"])
    curves = [np.array([curve[name] for name in METHODS]) for curve in data["curves"].values()]
    below = max(float(curve[:, rhos < 1].max()) for curve in curves)
    best = list(METHODS).index("GaussNewton")
    missed = max(
        float(np.max(np.array(possible)[rhos >= SURE] - curve[best, rhos >= SURE]))
        for curve, possible in zip(curves, data["possible"].values(), strict=True)
    )
    behind = min(float(np.sum(curve[best] - curve)) for curve in curves)
    return [
        Check.at_most("successes below rho = 1, every method", below, 0),
        Check.at_most("successes on masks that determine nothing", undetermined, 0),
        Check.at_most(f"GaussNewton, rho >= {SURE:g}: determinable but not recovered, share", missed, 0.0),
        Check.at_least("GaussNewton's area under the curve beside any other's, least gain", behind, 0.0),
    ]


def draw(outcome: Outcome) -> Any:
    """Draw success against rho, a panel a size and rank."""
    curves = outcome.data["curves"]
    figure, panels = new_figure(2.6 * len(curves) + 2.2, 3.4, columns=len(curves), sharey=True)
    for axes, ((n, rank), shares) in zip(panels, curves.items(), strict=True):
        possible = outcome.data["possible"][n, rank]
        axes.fill_between(outcome.data["rhos"], possible, 1.03, color="0.9", label="mask determines nothing")
        axes.axvline(1, color="black", linestyle=":", linewidth=1)
        for name, values in shares.items():
            axes.plot(
                outcome.data["rhos"],
                values,
                MARKERS[name] + "-",
                color=COLOURS[name],
                markersize=4,
                label=name,
            )
        axes.set(
            title=f"n = {n}, rank {rank}", xlabel="rho: entries / degrees of freedom", ylim=(-0.03, 1.03)
        )
    panels[0].set_ylabel("share recovered (error < 1e-3)")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", frameon=False, fontsize=8)
    return figure
