"""The curves of a training: loss, and whatever else was measured, by epoch."""

from collections.abc import Sequence
from typing import Any

from eckart.base.errors import EckartError

_COLORS = ("#1b6ca8", "#d1662a")
_ASIDE = ("epoch", "seconds", "learning_rate")


def plot_history(history: Sequence[dict[str, Any]], path: Any = None) -> Any:
    """Return a figure with a panel for each measure, training beside validation; written to `path` if given.

    Raises EckartError without matplotlib (extra `plot`), ValueError for an empty history.
    """
    if not history:
        raise ValueError("history: expected at least one epoch, got none")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        raise EckartError('figures need matplotlib: pip install "eckart[plot]"') from None

    names = [n for n in history[0] if n not in _ASIDE and not n.startswith("validation_")]
    figure = Figure(figsize=(4.2 * len(names), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for key, label, color in ((name, "training", 0), (f"validation_{name}", "validation", 1)):
            points = [(record["epoch"], record[key]) for record in history if key in record]
            if points:
                axes.plot(*zip(*points, strict=True), color=_COLORS[color], label=label, marker=".")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9", linewidth=0.8)
        axes.legend(frameon=False)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
