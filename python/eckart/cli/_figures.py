"""The figures of ``eckart demo``, drawn without a window and without touching matplotlib's global state."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import EckartError
from eckart.evaluation.figure import COLORS, new_figure, save_figure
from eckart.linalg.dense import single_threaded

MARKERS = ("o", "s", "^")
N_FILMS, N_LABELS = 200, 60  # on the map
LINE = 28  # characters of a label's line


def check_matplotlib() -> None:
    """EckartError that says what to install where matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise EckartError(
            'the figures need matplotlib: pip install "eckart[demo]", or pass --no-figures'
        ) from None


def convergence(path: Path, histories: Mapping[str, list[dict[str, Any]]]) -> None:
    """Draw each fit's objective (as a share of its first) and its validation RMSE over the iterations."""
    figure, (left, right) = new_figure(9.5, 4.0, columns=2)
    for (label, history), color, marker in zip(histories.items(), COLORS, MARKERS, strict=False):
        iterations = [record["iteration"] for record in history]
        objective = np.array([record["objective"] for record in history])
        errors = np.array([record["validation"] for record in history])
        style = {"color": color, "marker": marker, "markersize": 4.5}
        left.plot(iterations, objective / objective[0], label=label, **style)
        right.plot(iterations, errors, label=label, **style)
        best = int(errors.argmin())
        right.plot(iterations[best], errors[best], "o", markersize=12, fillstyle="none", color=color)
    left.set(title="Training objective", xlabel="iteration", ylabel="share of the first iteration's")
    right.set(title="Validation error (best circled)", xlabel="iteration", ylabel="RMSE (stars)")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    right.legend(frameon=False)
    save_figure(figure, path)


def error_by_activity(
    path: Path, counts: NDArray[Any], users: NDArray[Any], errors: Mapping[str, NDArray[Any]], n_bins: int = 6
) -> None:
    """Draw the RMSE of test ratings against how many training ratings their user has.

    counts : (n_users,) training ratings; users : (n,) user code of each test rating; errors : (n,) each.
    Groups hold about as many test ratings each; the bars are 95 % intervals of a mean of squares.
    """
    rated = counts[users]
    edges = np.unique(np.quantile(rated, np.linspace(0, 1, n_bins + 1)))
    groups = np.clip(np.searchsorted(edges, rated, side="right") - 1, 0, len(edges) - 2)
    masks = [groups == g for g in range(len(edges) - 1)]
    figure, (axes,) = new_figure(7.5, 4.6)
    for n, (label, error) in enumerate(errors.items()):
        squares = [np.square(error[mask], dtype=np.float64) for mask in masks]
        means = np.array([s.mean() for s in squares])
        spread = np.array([1.96 * s.std() / np.sqrt(len(s)) for s in squares])
        rmse = np.sqrt(means)
        bars = rmse - np.sqrt(np.maximum(means - spread, 0)), np.sqrt(means + spread) - rmse
        place = np.arange(len(masks)) + 0.12 * (n - (len(errors) - 1) / 2)
        axes.errorbar(place, rmse, yerr=bars, color=COLORS[n], marker=MARKERS[n], label=label, capsize=3)
    names = [
        f"{rated[mask].min()}–{rated[mask].max()}\n({len(np.unique(users[mask]))} users)" for mask in masks
    ]
    axes.set_xticks(range(len(masks)), names)
    axes.set(
        title="Error on the test ratings, by how much their user has rated",
        xlabel="training ratings of the user (each group holds as many test ratings)",
        ylabel="RMSE (stars), 95 % interval",
    )
    axes.legend(frameon=False)
    save_figure(figure, path)


def item_map(
    path: Path, factors: NDArray[Any], titles: NDArray[Any], counts: NDArray[Any], means: NDArray[Any]
) -> None:
    """Draw the most rated items where the first two principal components of their factors put them.

    factors : (n_items, rank); titles, counts, means : (n_items,)
    """
    chosen = np.argsort(-counts, kind="stable")[:N_FILMS]
    places = principal_components(factors[chosen])
    figure, (axes,) = new_figure(12.0, 8.5)
    dots = axes.scatter(
        *places.T, s=8 + counts[chosen] / 4, c=means[chosen], cmap="viridis_r", alpha=0.75, linewidths=0
    )
    figure.colorbar(dots, ax=axes, label="mean rating (stars)", shrink=0.6, pad=0.01)
    axes.set(
        title=f"The {len(chosen)} most rated films: near means liked by the same people",
        xlabel="first principal component of the item factors",
        ylabel="second principal component",
    )
    axes.margins(0.06)
    _label(figure, axes, places, [short_title(title) for title in titles[chosen]])
    save_figure(figure, path)


def principal_components(rows: NDArray[Any], n: int = 2) -> NDArray[np.float64]:
    """Return the first n principal components of the rows, (n_rows, n), signs fixed."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    with single_threaded():
        left, scale, right = np.linalg.svd(centred, full_matrices=False)
    largest = np.abs(right[:n]).argmax(axis=1)
    return left[:, :n] * scale[:n] * np.sign(right[np.arange(n), largest])


def short_title(title: str) -> str:
    """Return "The Matrix" for "Matrix, The", without alternative titles, on two lines at most."""
    title = title.split(" (")[0]
    for article in ("The", "A", "An"):
        start, comma, rest = title.partition(f", {article}")
        if comma and (not rest or rest.startswith(":")):
            title = f"{article} {start}{rest}"
    head, colon, tail = title.partition(": ")
    if len(title) > LINE and colon and len(head) < LINE:
        return f"{head}:\n{textwrap.shorten(tail, LINE, placeholder=' …')}"
    return "\n".join(textwrap.wrap(title, LINE, max_lines=2, placeholder=" …"))


def _label(figure: Any, axes: Any, places: NDArray[Any], names: list[str]) -> None:
    """Write the names that find room, the most rated first: right, left, above or below their dot."""
    figure.canvas.draw()  # settles the layout, so that pixels are final
    renderer = figure.canvas.get_renderer()
    inside, taken, written = axes.get_window_extent(renderer), [], 0
    pixels = axes.transData.transform(places)
    for place, name in zip(places, names, strict=True):
        for shift, across, along in ((6, "left", 0), (-6, "right", 0), (0, "center", 7), (0, "center", -7)):
            text = axes.annotate(
                name, place, xytext=(shift, along), textcoords="offset points", ha=across,
                va="center", fontsize=8.5,
            )  # fmt: skip
            box = text.get_window_extent(renderer).padded(3)
            fits = inside.containsx(box.x0) and inside.containsx(box.x1)
            fits &= bool(inside.containsy(box.y0) and inside.containsy(box.y1))
            covered = box.count_contains(pixels) > 0
            if fits and not covered and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                written += 1
                break
            text.remove()
        if written == N_LABELS:
            break
