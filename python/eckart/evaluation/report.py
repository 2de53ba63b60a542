"""What an evaluation found, for people (an aligned table) and for machines (``to_dict``)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eckart.evaluation.measure import ERRORS
from eckart.evaluation.titles import METRIC_TITLES
from eckart.metrics.summary import Summary


@dataclass(repr=False)
class Report:
    """What :func:`~eckart.evaluation.evaluate` measured of one model.

    metrics : ``rmse``, ``mae``, ``precision``, ``recall``, ``hit_rate``, ``map``, ``mrr``, ``ndcg`` (those
        asked for), each a :class:`~eckart.metrics.Summary` with a 95 % interval.
    catalogue : ``coverage``, ``novelty`` (bits), ``popularity_share`` (of the top 1 % of items).
    counts : ``train_ratings``, ``test_ratings``, ``test_users``, ``test_items``, and of those in test
        ``cold_users`` and ``cold_items`` without a training rating, and ``cold_ratings`` of either.
    seconds : ``predict``, ``recommend``.
    """

    k: int
    relevant_from: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, Summary] = field(default_factory=dict)
    catalogue: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; None stands for a mean over nobody."""
        return {
            **vars(self),
            "counts": dict(self.counts),
            "metrics": {name: summary.to_dict() for name, summary in self.metrics.items()},
            "catalogue": {name: None if x != x else x for name, x in self.catalogue.items()},
            "seconds": dict(self.seconds),
        }

    def __str__(self) -> str:
        rows = [
            (
                METRIC_TITLES[name].format(k=self.k),
                f"{s.mean:.4f}",
                f"[{s.low:.4f}, {s.high:.4f}]",
                f"{s.n_users:,}",
                f"{s.n_skipped:,}",
            )
            for name, s in self.metrics.items()
        ]
        lines = [text_table(("", "mean", "95 % interval", "users", "skipped"), rows)] if rows else []
        if self.catalogue:
            lines.append(
                f"coverage {self.catalogue['coverage']:.1%}, novelty {self.catalogue['novelty']:.2f} bits, "
                f"{self.catalogue['popularity_share']:.1%} of the lists from the 1 % most popular items"
            )
        lines.append(self.describe_data())
        lines.append(", ".join(f"{what} {seconds:.3f} s" for what, seconds in self.seconds.items()))
        return "\n".join(line for line in lines if line)

    __repr__ = __str__

    def describe_data(self) -> str:
        """Return one sentence about what was measured."""
        n = self.counts
        relevant = "" if self.relevant_from is None else f"; relevant from {self.relevant_from:g}"
        return (
            f"{n['test_ratings']:,} test ratings of {n['test_users']:,} users and {n['test_items']:,} items; "
            f"without a training rating: {n['cold_users']:,} users and {n['cold_items']:,} items "
            f"({n['cold_ratings']:,} ratings){relevant}"
        )


@dataclass(repr=False)
class Comparison:
    """The reports of several models on the same split: ``comparison.reports[name]``."""

    reports: dict[str, Report]

    def to_dict(self) -> dict[str, Any]:
        """Return ``{name: report.to_dict()}``, plain values for JSON."""
        return {name: report.to_dict() for name, report in self.reports.items()}

    def __str__(self) -> str:
        if not self.reports:
            return "no models"
        first = next(iter(self.reports.values()))
        columns = [self._metric_column(name, first.k) for name in first.metrics]
        if first.catalogue:
            columns.append(["coverage", *(f"{r.catalogue['coverage']:.1%}" for r in self.reports.values())])
        for what in first.seconds:
            columns.append([f"{what} s", *(f"{r.seconds[what]:.3f}" for r in self.reports.values())])
        header, *rows = zip(["", *self.reports], *columns, strict=True)
        note = "* best mean; intervals are in .reports[name]\n" if first.metrics else ""
        return f"{text_table(header, rows)}\n{note}{first.describe_data()}"

    __repr__ = __str__

    def _metric_column(self, name: str, k: int) -> list[str]:
        means = [report.metrics[name].mean for report in self.reports.values()]
        known = [mean for mean in means if mean == mean]
        best = (min if name in ERRORS else max)(known, default=None)
        return [METRIC_TITLES[name].format(k=k), *(f"{m:.4f}{'*' if m == best else ' '}" for m in means)]


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return lines of aligned columns, the first to the left, the others to the right."""
    table = [header, *rows]
    widths = [max(len(row[c]) for row in table) for c in range(len(header))]
    lines = (
        "  ".join(
            cell.rjust(w) if c else cell.ljust(w) for c, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )
    return "\n".join(line.rstrip() for line in lines)
