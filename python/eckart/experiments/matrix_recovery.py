"""The lecture's experiment: a 2000 x 2000 matrix of rank 8 from .25 to 1.75 % of its entries.

Rank 8 leaves 31,936 degrees of freedom, .80 % of the cells. But random masks leave rows short of entries long
after that: no method whatever recovers the matrix more often than every row and column holds 8 of them.
"""

from typing import Any

import numpy as np

from eckart.completion import identifiability, recovery_bound
from eckart.evaluation.figure import new_figure
from eckart.experiments._recovery import (
    COLOURS,
    MARKERS,
    METHODS,
    RECOVERED,
    observed,
    random_factors,
    random_places,
)
from eckart.experiments.outcome import Check, Outcome, Table

TITLE = "Matrix recovery: 2000 x 2000 of rank 8 from .25 to 1.75 % of the entries"
SHARES = (0.0025, 0.0050, 0.0075, 0.0100, 0.0125, 0.0150, 0.0175)
SOLVABLE = 4  # of the shares: from here on (1.25 %) most masks determine the matrix
PICTURE = 100  # rows and columns shown
RANGE = 2.0  # of the colours, in standard deviations


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Complete the matrix at every share with every method; pictures of the first mask, counts over some."""
    n, rank, masks, drawn = (200, 4, 1, 50) if quick else (2000, 8, 3, 40)
    # The quick matrix is observed as many times over as the lecture's.
    scale = rank * (2 * n - rank) / n**2 / (8 * (4000 - 8) / 2000**2)
    rng = np.random.default_rng(seed)
    u, v = random_factors(n, rank, rng)
    u, v = u[np.argsort(u[:, 0])], v[np.argsort(v[:, 0])]  # sorted, so that pictures show something
    truth, shown = u @ v.T, np.linspace(0, n - 1, PICTURE).astype(int)
    outcome = Outcome(data={"truth": truth[np.ix_(shown, shown)], "rows": [], "shape": (n, rank)})
    counts = dict.fromkeys(("impossible", "claims", "possible", "solved"), 0)
    for k, share in enumerate(scale * np.array(SHARES)):
        size = round(share * n * n)
        known = [identifiability(_pair(random_places(n, size, rng), n), rank, shape=(n, n), jacobian=False)
                 for _ in range(drawn)]  # fmt: skip
        row: dict[str, Any] = {"share": share, "bound": recovery_bound((n, n), rank, share)}
        row["determinable"] = float(np.mean([one.determinable for one in known]))
        row["success"], row["error"], row["pictures"] = {name: [] for name in METHODS}, {}, {}
        for trial in range(masks if k >= SOLVABLE else 1):
            _complete(row, counts, u, v, truth, random_places(n, size, rng), shown, seed + trial, k)
        outcome.data["rows"].append(row)
    outcome.checks = _checks(outcome.data["rows"], counts, drawn)
    shown_rows = [(f"{row['share']:.2%}", row) for row in outcome.data["rows"]]
    outcome.tables = [
        Table(
            f"{n} x {n}, rank {rank}: share of masks",
            ("observed", "bound", "determinable", *METHODS),
            [
                (share, f"{row['bound']:.3f}", f"{row['determinable']:.2f}",
                 *(f"{np.mean(row['success'][name]):.2f}" for name in METHODS))
                for share, row in shown_rows
            ],
        ),
        Table(
            "Relative error, first mask",
            ("observed", *METHODS),
            [(share, *(f"{row['error'][name]:.0e}" for name in METHODS)) for share, row in shown_rows],
        ),
    ]  # fmt: skip
    return outcome


def _complete(
    row: dict[str, Any], counts: dict[str, int], u: Any, v: Any, truth: Any, places: Any, shown: Any,
    seed: int, k: int,
) -> None:  # fmt: skip
    """Run every method on one mask; count, and keep the first one's pictures."""
    data = observed(u, v, places)
    possible = identifiability(data, u.shape[1]).determinable
    if "mask" not in row:
        mask = np.zeros(truth.shape, dtype=bool)
        mask[data.user_index, data.item_index] = True
        row["mask"] = mask[np.ix_(shown, shown)]
    for name, method in METHODS.items():
        model = method(data, u.shape[1], seed)
        estimate = model.user_factors_ @ model.item_factors_.T
        error = float(np.linalg.norm(estimate - truth) / np.linalg.norm(truth))
        row["success"][name].append(error < RECOVERED)
        if name not in row["error"]:
            row["error"][name], row["pictures"][name] = error, estimate[np.ix_(shown, shown)]
        counts["impossible"] += error < RECOVERED and not possible
        if name == "GaussNewton":
            counts["claims"] += model.recovered_ and error >= RECOVERED
            counts["possible"] += possible and k >= SOLVABLE
            counts["solved"] += error < RECOVERED and possible and k >= SOLVABLE


def _pair(places: Any, n: int) -> tuple[Any, Any]:
    return np.divmod(places, n)


def _checks(rows: list[dict[str, Any]], counts: dict[str, int], drawn: int) -> list[Check]:
    deviations = [
        abs(row["determinable"] - row["bound"])
        / np.sqrt(max(row["bound"] * (1 - row["bound"]), 1 / drawn) / drawn)
        for row in rows
    ]
    return [
        Check.at_most("share of determinable masks from the bound, in deviations", float(max(deviations)), 4),
        Check.at_most("recoveries where the mask does not determine the matrix", counts["impossible"], 0),
        Check.at_most("GaussNewton: claims without recovery", counts["claims"], 0),
        Check.at_least(
            "GaussNewton: recovered of the determinable, from 1.25 %",
            counts["solved"] / max(1, counts["possible"]),
            0.95,
        ),
    ]


def draw(outcome: Outcome) -> Any:
    """Pictures of mask, output and squared error by share and method; success beside the bound below."""
    rows, truth = outcome.data["rows"], outcome.data["truth"]
    n, rank = outcome.data["shape"]
    kinds = [("observed", None)] + [(kind, name) for name in METHODS for kind in ("output", "squared error")]
    figure, _ = new_figure(1.5 * (len(rows) + 1) + 0.5, 1.35 * len(kinds) + 3.2)
    figure.clear()
    grid = figure.add_gridspec(len(kinds) + 1, len(rows) + 1, height_ratios=[1] * len(kinds) + [1.9])
    deviation = RANGE * float(truth.std())
    colours = {"cmap": "RdBu_r", "vmin": -deviation, "vmax": deviation, "interpolation": "nearest"}
    heat = {"cmap": "magma_r", "vmin": 0, "vmax": deviation**2 / 2, "interpolation": "nearest"}
    _picture(figure, grid[0, 0], truth, colours).set_title("truth", fontsize=9)
    for r, (kind, name) in enumerate(kinds):
        for c, row in enumerate(rows):
            if name is None:
                axes = _picture(figure, grid[r, c + 1], np.where(row["mask"], truth, np.nan), colours)
                axes.set_title(f"{row['share']:.2%}", fontsize=9)
            elif kind == "output":
                axes = _picture(figure, grid[r, c + 1], row["pictures"][name], colours)
                axes.set_title(f"error {row['error'][name]:.0e}", fontsize=8)
            else:
                axes = _picture(figure, grid[r, c + 1], (row["pictures"][name] - truth) ** 2, heat)
            if c == 0:
                axes.set_ylabel(kind if name is None else f"{name}\n{kind}", fontsize=8)
    _draw_success(figure.add_subplot(grid[len(kinds), :]), rows)
    figure.suptitle(
        f"{n} x {n}, rank {rank}: {PICTURE} of its rows and columns, by share observed (pale error: none)",
        fontsize=11,
    )
    return figure


def _picture(figure: Any, place: Any, values: Any, options: dict[str, Any]) -> Any:
    axes = figure.add_subplot(place)
    axes.imshow(values, **options)
    axes.set(xticks=[], yticks=[])
    return axes


def _draw_success(axes: Any, rows: list[dict[str, Any]]) -> None:
    shares = [100 * row["share"] for row in rows]
    axes.plot(
        shares, [row["bound"] for row in rows], "k-", linewidth=1.5, label="bound of any method (predicted)"
    )
    axes.plot(shares, [row["determinable"] for row in rows], "kx", label="masks that determine the matrix")
    for name, marker in MARKERS.items():
        success = [float(np.mean(row["success"][name])) for row in rows]
        axes.plot(shares, success, marker, color=COLOURS[name], markersize=7, fillstyle="none", label=name)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(xlabel="observed, %", ylabel="share of masks recovered", ylim=(-0.05, 1.05))
    axes.legend(frameon=False, fontsize=8, loc="center left")
