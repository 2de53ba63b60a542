"""``eckart reproduce``: the course's experiments, measured beside predicted."""

from pathlib import Path
from typing import Annotated

import typer

from eckart.base.errors import EckartError
from eckart.cli import _options as o
from eckart.cli._console import console, print_json, print_table, working
from eckart.cli._work import set_threads, timed

NOT_REPRODUCED = 1  # the exit code where a check fails

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="An experiment.", show_default=False)]
List = Annotated[bool, typer.Option("--list", help="Name all experiments.")]
Quick = Annotated[bool, typer.Option("--quick", help="A smaller size, for a first look.")]
Figure = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where the figure goes.", show_default="NAME.png"),
]
Data = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The file or folder that it reads, if any.", show_default=False),
]
NoFigure = Annotated[bool, typer.Option("--no-figure", help="Draw nothing (needs no matplotlib).")]


def reproduce(
    name: Name = None,
    list_all: List = False,
    quick: Quick = False,
    seed: o.Seed = 0,
    figure: Figure = None,
    no_figure: NoFigure = False,
    data: Data = None,
    threads: o.Threads = None,
    json: o.Json = False,
) -> int:
    """Repeat an experiment of the course: what is measured beside what is predicted, PASS or FAIL.

    The exit code is 1 where a check fails.
    """
    from eckart import experiments

    set_threads(threads)
    if list_all:
        titles = {known: experiments.title(known) for known in experiments.names()}
        if json:
            print_json({"experiments": titles})
        else:
            print_table("Experiments", ("name", "what it shows"), list(titles.items()))
        return 0
    if name is None:
        raise EckartError("expected the NAME of an experiment, or --list to see them")
    path = None if no_figure else (Path(f"{name}.png") if figure is None else figure)
    title = experiments.title(name)
    clock: dict[str, float] = {}
    with working(title), timed(clock, "all"):
        outcome = experiments.reproduce(name, quick=quick, seed=seed, figure=path, data=data)
    if json:
        document = {"name": name, "title": title, "quick": quick, "seed": seed, **outcome.to_dict()}
        print_json({**document, "figure": None if path is None else str(path), "seconds": clock["all"]})
        return 0 if outcome.passed else NOT_REPRODUCED
    for table in outcome.tables:
        print_table(table.title, table.columns, table.rows, numbers=table.columns[1:])
    rows = [(c.what, c.measured, c.predicted, "PASS" if c.passed else "FAIL") for c in outcome.checks]
    print_table(title, ("", "measured", "predicted", ""), rows, numbers=("measured", "predicted"))
    for note in outcome.notes:
        console().print(note)
    console().print(f"{clock['all']:.1f} s" + ("" if path is None else f"; figure: {path}"))
    return 0 if outcome.passed else NOT_REPRODUCED
