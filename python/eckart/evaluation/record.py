"""The record of a protocol's run: what was measured on what, how, at which cost, and by whom.

It prints as a table, draws itself, is saved as JSON, and is compared with another run of the same protocol on
the same data and split, user by user.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.files import PathLike
from eckart.evaluation import record_file
from eckart.evaluation.measure import ByUser
from eckart.evaluation.paired import PairedComparison, Side, compared
from eckart.evaluation.report import text_table
from eckart.evaluation.statistics import Estimate, estimate, lower_is_better, resample
from eckart.evaluation.titles import describe_folds, title_of

BASELINE = "Popularity"
COSTS = ("fit s", "predict s", "fit MB")


@dataclass
class Result:
    """One model of a record: its class and parameters, seconds of fitting and of predicting (all folds
    together), and the most bytes by which a fit grew the process (None where unknown)."""

    model: str
    parameters: dict[str, Any]
    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    fit_bytes: int | None = None

    @classmethod
    def of(cls, model: Any) -> "Result":
        """Return the empty result of an unfitted model."""
        parameters = model.get_params() if hasattr(model, "get_params") else {}
        return cls(type(model).__name__, {name: record_file.plain(v) for name, v in parameters.items()})


@dataclass(repr=False)
class Record:
    """What :func:`~eckart.evaluation.run_protocol` found.

    protocol, seed, settings, data_hash, split_hash : what decides the numbers beside the models
    folds : one a fold, how much was measured and how much of it was cold
    left_out : what the protocol does not measure, and how much of it there was
    environment : versions, instruction set, threads
    results : model → :class:`Result`
    by_user : model → metric → sums and counts, (n_folds, n_users) each
    estimates : model → metric → :class:`~eckart.evaluation.Estimate`
    """

    protocol: str
    seed: int
    settings: dict[str, Any]
    data_hash: str
    split_hash: str
    folds: list[dict[str, int]]
    left_out: dict[str, int]
    environment: dict[str, Any]
    results: dict[str, Result]
    by_user: dict[str, dict[str, ByUser]] = field(default_factory=dict)

    @cached_property
    def estimates(self) -> dict[str, dict[str, Estimate]]:
        return {
            model: {metric: estimate(metric, x, self.resampled[model][metric]) for metric, x in of.items()}
            for model, of in self.by_user.items()
        }

    @cached_property
    def resampled(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Model → metric → its values under the draws of the bootstrap, which all models share."""
        return resample(self.by_user, self.seed)

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics; models are ranked by the first."""
        return list(self.by_user[BASELINE])

    @property
    def ranking(self) -> list[str]:
        """The models, best first."""
        sign = 1 if lower_is_better(self.metrics[0]) else -1
        return sorted(self.results, key=lambda m: sign * self.estimates[m][self.metrics[0]].mean)

    def paired(self, first: str, second: str) -> PairedComparison:
        """Compare two models of this record user by user. KeyError for a model that it does not have."""
        return compared((first, second), self._side(first), self._side(second))

    def _side(self, model: str) -> Side:
        return Side(self.by_user[model], self.resampled[model])

    def paired_comparisons(self) -> list[PairedComparison]:
        """Return the best two models against each other, then each against the baseline."""
        others = [model for model in self.ranking if model != BASELINE]
        pairs = [(model, BASELINE) for model in others]
        if len(others) > 1:
            pairs.insert(0, (others[0], others[1]))
        return [self.paired(*pair) for pair in pairs]

    def beats_popularity(self, model: str) -> bool:
        """Say whether `model` is better than the baseline on the first metric by more than its interval."""
        found = self.paired(model, BASELINE).differences[self.metrics[0]]
        return found.high < 0 if lower_is_better(self.metrics[0]) else found.low > 0

    def is_best(self, model: str, metric: str) -> bool:
        """Say whether no model has a better mean."""
        means = [found[metric].mean for found in self.estimates.values()]
        known = [mean for mean in means if mean == mean]
        best = (min if lower_is_better(metric) else max)(known, default=None)
        return self.estimates[model][metric].mean == best

    def costs(self, model: str) -> list[str]:
        """Return what stands under :data:`COSTS` in a table."""
        result = self.results[model]
        mega = "–" if result.fit_bytes is None else f"{result.fit_bytes / 1e6:,.0f}"
        return [f"{result.fit_seconds:.2f}", f"{result.score_seconds:.2f}", mega]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return header and rows: means with their intervals, the best marked *, and the costs."""
        rows = []
        for model, found in self.estimates.items():
            cells = [f"{found[m]}{'*' if self.is_best(model, m) else ' '}" for m in self.metrics]
            rows.append([model, *cells, *self.costs(model)])
        return ["", *map(title_of, self.metrics), *COSTS], rows

    def notes(self) -> list[str]:
        """Return what belongs under the table: the paired comparisons, what was cold, what was left out."""
        lines = ["* best mean; 95 % intervals by bootstrap over users"]
        first, *others = self.paired_comparisons() or [None]
        lines += [] if first is None else [str(first)]
        lines += [pair.sentence(self.metrics[0]) for pair in others]
        losers = [m for m in self.results if m != BASELINE and not self.beats_popularity(m)]
        if losers:
            metric = title_of(self.metrics[0])
            lines.append(f"NOT better than {BASELINE} on {metric}: {', '.join(losers)}")
        lines.append(describe_folds(self.folds))
        lines += [f"left out: {n:,} {what}" for what, n in self.left_out.items() if n]
        return lines

    def __str__(self) -> str:
        return "\n".join([f"{self.protocol}, seed {self.seed}", text_table(*self.table()), *self.notes()])

    __repr__ = __str__

    def plot(self, path: PathLike | None = None) -> Any:
        """Return a matplotlib figure of the table, written to `path` if given (extra ``plot``)."""
        from eckart.evaluation.figure import draw_record

        return draw_record(self, None if path is None else Path(path))

    def to_dict(self, *, by_user: bool = True) -> dict[str, Any]:
        """Return plain values for JSON; without `by_user` it cannot be compared later."""
        return record_file.to_dict(self, by_user=by_user)

    def save(self, path: PathLike) -> None:
        """Write the record as JSON, whole or not at all."""
        record_file.write(self, path)


def load_record(path: PathLike) -> Record:
    """Return a record that :meth:`Record.save` wrote. EckartError for anything else."""
    return record_file.read(Record, Result, path)


def compare_records(
    first: Record, second: Record, model: str | None = None, other: str | None = None
) -> PairedComparison:
    """Compare `model` of the first record with `other` of the second, user by user.

    `model` may be left out where the first has one model beside the baseline; `other` is the model of the
    same name, or the only one. ValueError unless both are records of one protocol with the same settings,
    data and split: other numbers cannot be compared.
    """
    for what in ("protocol", "data_hash", "split_hash", "seed", "settings", "metrics"):
        mine, theirs = getattr(first, what), getattr(second, what)
        if mine != theirs:
            raise ValueError(
                f"records: expected the same {what.replace('_', ' ')}, got {mine} and {theirs}: "
                "their numbers cannot be compared"
            )
    model = _only_model(first) if model is None else model
    if other is None:
        other = model if model in second.results else _only_model(second)
    for name, record, parameter in ((model, first, "model"), (other, second, "other")):
        if name not in record.results:
            raise ValueError(f"{parameter}: expected one of {', '.join(record.results)}, got {name!r}")
    names = (f"{model} (first)", f"{other} (second)") if model == other else (model, other)
    return compared(names, first._side(model), second._side(other))


def _only_model(record: Record) -> str:
    others = [name for name in record.results if name != BASELINE]
    if len(others) != 1:
        raise ValueError(f"model: expected a name, as a record has several models: {', '.join(others)}")
    return others[0]
