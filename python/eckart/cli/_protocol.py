"""``eckart evaluate --protocol``: a published protocol as one command."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from eckart.cli import _options as o
from eckart.cli._console import print_table, working
from eckart.cli._work import check_output

PANEL = "Protocol"


class ProtocolName(str, Enum):
    """What ``--protocol`` takes: the names in ``eckart.evaluation.PROTOCOLS``."""

    surprise = "surprise-5fold"
    official = "official-u1-u5"
    rendle = "rendle-2019"
    liang = "liang-2018"
    ncf = "ncf-loo"
    lightgcn = "lightgcn"
    time = "time"


ProtocolOption = Annotated[
    ProtocolName | None,
    typer.Option(
        "--protocol", rich_help_panel=PANEL, metavar="NAME", show_default="none",
        help=f"Run a named protocol: {', '.join(name.value for name in ProtocolName)}.",
    ),
]  # fmt: skip
Against = Annotated[
    o.ModelName | None,
    typer.Option(
        rich_help_panel=PANEL, show_default="popularity", help="Compare with this model too, as it comes."
    ),
]
Test = Annotated[
    list[Path] | None,
    typer.Option(
        "--test", rich_help_panel=PANEL, metavar="FILE", show_default="drawn",
        help="Test ratings of the protocol, taken out of training; once a fold.",
    ),
]  # fmt: skip
Negatives = Annotated[
    Path | None,
    typer.Option(rich_help_panel=PANEL, metavar="FILE", show_default="drawn",
                 help="ncf-loo: (user, item) pairs to rank the test item among."),
]  # fmt: skip
Figure = Annotated[
    Path | None,
    typer.Option(rich_help_panel=PANEL, metavar="FILE", show_default="none", help="Draw the table."),
]
RecordFile = Annotated[
    Path | None,
    typer.Option("--record", rich_help_panel=PANEL, metavar="FILE", show_default="none",
                 help="Write the record as JSON, to compare with later."),
]  # fmt: skip
CompareWith = Annotated[
    Path | None,
    typer.Option(rich_help_panel=PANEL, metavar="FILE", show_default="none",
                 help="Compare with an earlier record of the same protocol, data and split."),
]  # fmt: skip


SplitSeed = Annotated[
    int | None,
    typer.Option(rich_help_panel=PANEL, min=0, show_default="that of the published folds",
                 help="Seed of the protocol's folds."),
]  # fmt: skip


@dataclass(frozen=True)
class Request:
    """A protocol, and what it reads and writes beside the ratings."""

    protocol: ProtocolName | None
    against: Any
    split_seed: int | None
    test: list[Path]
    negatives: Path | None
    figure: Path | None
    record: Path | None
    compare_with: Path | None

    def check(self, fixed: dict[str, tuple[Any, Any]]) -> None:
        """Refuse before the work what cannot be done after it, and options that would be ignored.

        fixed : options that a protocol sets itself, each with its value and its default
        """
        if self.protocol is None:
            for name, given in vars(self).items():
                if given not in (None, []):
                    raise ValueError(f"--{name.replace('_', '-')}: only with --protocol")
            return
        for name, (value, default) in fixed.items():
            if value != default:
                raise ValueError(f"{name}: {self.protocol.value} has its own")
        for path, suffixes in ((self.figure, (".png", ".svg", ".pdf")), (self.record, (".json",))):
            if path is not None:
                check_output(path, *suffixes)

    def settings(self, relevant_from: float | None, test_size: float) -> dict[str, Any]:
        """Return what the protocol is told beside data and models."""
        if self.protocol is ProtocolName.time:
            return {"relevant_from": relevant_from, "test_size": test_size}
        if test_size != 0.1:
            raise ValueError(f"--test-size: {self.protocol.value} has its own")  # type: ignore[union-attr]
        return {"relevant_from": relevant_from}


def run(
    request: Request,
    models: list[Any],
    read: Callable[[Path], Any],
    ratings: Path,
    options: dict[str, Any],
    json: bool,
) -> dict[str, Any]:
    """Run the protocol, print and write what was asked for, and return the document of ``--json``."""
    from eckart.evaluation import compare_records, load_record, run_protocol

    assert request.protocol is not None
    name = request.protocol.value
    earlier = None if request.compare_with is None else load_record(request.compare_with)
    data = read(ratings)
    if request.test:
        parts = [read(path) for path in request.test]
        options["test"] = parts if request.protocol is ProtocolName.official else _only(parts)
    if request.negatives is not None:
        options["negatives"] = read(request.negatives)
    named: dict[str, Any] = {}
    for model in models:
        if "verbose" in model.get_params():
            model.set_params(verbose=False)  # a bar a fold would tear the spinner apart
        taken = type(model).__name__ in named
        named[type(model).__name__ + (" (defaults)" if taken else "")] = model
    with working(name):
        record = run_protocol(name, named, data, seed=request.split_seed, **options)
    if request.figure is not None:
        record.plot(request.figure)
    if request.record is not None:
        record.save(request.record)
    change = None if earlier is None else compare_records(record, earlier, next(iter(named)))
    if not json:
        _print(record, change)
    return record.to_dict(by_user=False) | ({} if change is None else {"change": change.to_dict()})


def _only(parts: list[Any]) -> Any:
    if len(parts) > 1:
        raise ValueError(f"--test: this protocol has one test part, got {len(parts)} files")
    return parts[0]


def _print(record: Any, change: Any) -> None:
    from rich.text import Text

    from eckart.evaluation import PROTOCOLS
    from eckart.evaluation.record import COSTS
    from eckart.evaluation.titles import title_of

    rows = []
    for model, found in record.estimates.items():
        cells = []
        for metric in record.metrics:
            best, x = record.is_best(model, metric), found[metric]
            cell = Text(f"{x.mean:.4f}{'*' if best else ' '}", style="bold" if best else "")
            cells.append(cell.append(f"\n{x.low:.3f}–{x.high:.3f} ", style="not bold dim"))
        rows.append([model, *cells, *record.costs(model)])
    columns = [*map(title_of, record.metrics), *COSTS]
    title = f"{record.protocol}, seed {record.seed}: {PROTOCOLS[record.protocol].about}"
    notes = record.notes() if change is None else [*record.notes(), str(change)]
    print_table(title, ["", *columns], rows, numbers=columns, caption="\n".join(notes))
