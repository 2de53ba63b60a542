"""A matrix of rank 1 that no method recovers: e_i e_j', unless its one entry happens to be observed.

Blocks of rank 1 and side s in a matrix of zeros lead from there (s = 1, coherence n) to a matrix without
zeros (s = n, coherence near 1). What is observed determines the block just where the bipartite graph of the
observed places inside it is connected; the zeros around it tell nothing of its size (Candes and Recht, "Exact
matrix completion via convex optimization", 2009, section 1.1.1, has the spike; the graph argument is that of
rank one).
"""

from typing import Any

import numpy as np

from eckart.completion import coherence
from eckart.evaluation.figure import new_figure
from eckart.experiments._recovery import (
    COLOURS,
    MARKERS,
    METHODS,
    RECOVERED,
    observed,
    random_places,
    relative_error,
)
from eckart.experiments.outcome import Check, Outcome, Table

TITLE = "A single spike is unrecoverable unless it is observed: coherence tells"
SIZE, SHARE = 100, 0.2  # of the matrix, and of it observed


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Complete blocks of every size under random masks, and compare with the connected ones."""
    n, masks, sides = (40, 6, (1, 4, 16, 40)) if quick else (SIZE, 30, (1, 2, 4, 8, 16, 32, 64, SIZE))
    rng = np.random.default_rng(seed)
    rows, found = [], {name: [] for name in METHODS}
    possible, mus, spikes = [], [], []
    impossible, missed = dict.fromkeys(METHODS, 0), dict.fromkeys(METHODS, 0)
    for side in sides:
        left, right = (np.where(np.arange(n) < side, rng.uniform(1, 2, n), 0.0)[:, None] for _ in range(2))
        mus.append(coherence(left, right).rows)
        connected, recovered = [], {name: [] for name in METHODS}
        for trial in range(masks):
            places = random_places(n, round(SHARE * n * n), rng)
            connected.append(_connected(places, n, side))
            data = observed(left, right, places)
            if side == 1:
                spikes.append(connected[-1])
            for name, method in METHODS.items():
                error = relative_error(method(data, 1, seed + trial), left @ right.T)
                recovered[name].append(error < RECOVERED)
        possible.append(float(np.mean(connected)))
        for name in METHODS:
            found[name].append(float(np.mean(recovered[name])))
            impossible[name] += int(np.sum(np.array(recovered[name]) & ~np.array(connected)))
            missed[name] += int(np.sum(~np.array(recovered[name]) & np.array(connected)))
        shares = (f"{found[name][-1]:.2f}" for name in METHODS)
        rows.append((side, f"{mus[-1]:.2f}", f"{possible[-1]:.2f}", *shares))
    deviation = abs(float(np.mean(spikes)) - SHARE) / np.sqrt(SHARE * (1 - SHARE) / masks)
    checks = [
        Check.close("coherence of the spike, n", mus[0], n),
        Check.at_most("coherence of a matrix without zeros", mus[-1], 2),
        Check.at_most("spikes that can be recovered, deviations from the share observed", deviation, 4),
        *(Check.at_most(f"{name}: recovered, though not connected", c, 0) for name, c in impossible.items()),
        Check.at_most("GaussNewton: connected, but not recovered", missed["GaussNewton"], 0),
    ]
    table = Table(
        f"Recovered, {n} x {n}, {SHARE:.0%} observed",
        ("side of the block", "coherence", "connected masks", *METHODS),
        rows,
    )
    return Outcome(checks, [table], {"coherence": mus, "possible": possible, "found": found, "size": n})


def draw(outcome: Outcome) -> Any:
    """Draw the share recovered against the coherence."""
    data = outcome.data
    figure, (axes,) = new_figure(6.4, 4.2)
    axes.plot(
        data["coherence"], data["possible"], color="black", linewidth=1.5, label="mask connects the block"
    )
    for name, shares in data["found"].items():
        marker, color = MARKERS[name], COLOURS[name]
        axes.plot(data["coherence"], shares, marker, color=color, markersize=7, fillstyle="none", label=name)
    axes.axhline(SHARE, color="0.6", linestyle=":", linewidth=1)
    beside = axes.get_yaxis_transform()
    axes.text(0.35, SHARE + 0.015, "share observed", color="0.4", fontsize=8, transform=beside)
    axes.set(
        xscale="log",
        xlabel="coherence of a block of s x s in zeros, about n / s",
        ylabel="share of masks recovered",
    )
    axes.set(ylim=(-0.04, 1.04), title=f"From a matrix without zeros to a spike, n = {data['size']}, rank 1")
    axes.legend(frameon=False)
    return figure


def _connected(places: Any, n: int, side: int) -> bool:
    """Return whether the observed places in the leading block connect all its rows and columns."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    i, j = np.divmod(places, n)
    inside = (i < side) & (j < side)
    edges = (np.ones(int(inside.sum())), (i[inside], side + j[inside]))
    return bool(connected_components(coo_array(edges, shape=(2 * side, 2 * side)))[0] == 1)
