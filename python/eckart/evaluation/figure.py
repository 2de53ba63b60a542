"""Figures drawn without a window and without touching matplotlib's global state; the one of a record."""

from pathlib import Path
from typing import Any

from eckart.base.errors import EckartError
from eckart.evaluation.statistics import lower_is_better
from eckart.evaluation.titles import title_of

GRID = {"color": "0.9", "linewidth": 0.8}
COLORS = ("#1b6ca8", "#d1662a", "#7a7a7a")
DPI = 150
_ROW = 0.42  # inches of a model's line


def new_figure(
    width: float, height: float, columns: int = 1, rows: int = 1, **options: Any
) -> tuple[Any, Any]:
    """Return a figure (inches) and its panels, row by row. EckartError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise EckartError('figures need matplotlib: pip install "eckart[plot]"') from None

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False, **options).reshape(-1)
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(**GRID)
        axes.set_axisbelow(True)
    return figure, panels


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure. EckartError where that is impossible."""
    try:
        figure.savefig(path, dpi=DPI)
    except (OSError, ValueError) as error:  # ValueError: a suffix that is no picture's
        raise EckartError(f"cannot write {path}: {error}") from error


def draw_record(record: Any, path: Path | None = None) -> Any:
    """Draw a record: a panel a metric, each model's mean with its interval and a line where the baseline
    stands, then seconds and memory. Return the figure, written to `path` if given."""
    models, metrics = list(record.results), record.metrics
    figure, panels = new_figure(
        2.6 * (len(metrics) + 2) + 1, 1.6 + _ROW * len(models), columns=len(metrics) + 2, sharey=True
    )
    for metric, axes in zip(metrics, panels, strict=False):
        _draw_metric(axes, metric, [record.estimates[model][metric] for model in models])
    fit = [record.results[model].fit_seconds for model in models]
    score = [record.results[model].score_seconds for model in models]
    places = range(len(models))
    seconds, memory = panels[len(metrics) :]
    seconds.barh(places, fit, color=COLORS[0], label="fit", height=0.5)
    seconds.barh(places, score, left=fit, color=COLORS[1], label="predict", height=0.5)
    seconds.set(title="Seconds", xlim=(0, None))
    seconds.legend(frameon=False, fontsize=8, loc="best")
    known = [result.fit_bytes for result in record.results.values()]
    memory.barh(places, [(n or 0) / 1e6 for n in known], color=COLORS[2], height=0.5)
    memory.set(title="Memory of a fit, MB" + ("" if None not in known else " (unknown)"), xlim=(0, None))
    panels[0].set_yticks(places, models)
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    for axes in panels[1:]:
        axes.tick_params(axis="y", left=False)
    test = sum(fold["test_ratings"] for fold in record.folds)
    figure.suptitle(f"{record.protocol}, seed {record.seed}: {test:,} test ratings", fontsize=11)
    figure.get_layout_engine().set(wspace=0.06)
    if path is not None:
        save_figure(figure, path)
    return figure


def _draw_metric(axes: Any, metric: str, found: list[Any]) -> None:
    """Draw means and 95 % intervals; the first model is the baseline."""
    baseline = found[0]
    axes.axvline(baseline.mean, color="0.6", linewidth=1, linestyle="--")
    for place, estimate in enumerate(found):
        bars = [[estimate.mean - estimate.low], [estimate.high - estimate.mean]]
        color = COLORS[0] if place else COLORS[2]
        axes.errorbar([estimate.mean], [place], xerr=bars, fmt="o", color=color, capsize=3, markersize=5)
    axes.set_title(title_of(metric))
    axes.set_xlabel(
        f"{'←' if lower_is_better(metric) else ''} better {'' if lower_is_better(metric) else '→'}"
    )
    axes.locator_params(axis="x", nbins=4)
    axes.margins(x=0.15)
