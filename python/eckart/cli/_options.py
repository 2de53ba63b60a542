"""Arguments and options that several commands share."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class ModelName(str, Enum):
    """What ``--model`` takes."""

    als = "als"
    implicit_als = "implicit-als"
    ease = "ease"
    itemknn = "itemknn"
    baseline = "baseline"
    popularity = "popularity"


class DtypeName(str, Enum):
    """What ``--dtype`` takes."""

    float32 = "float32"
    float64 = "float64"


class Duplicates(str, Enum):
    """What ``--duplicates`` takes."""

    error = "error"
    last = "last"
    mean = "mean"
    sum = "sum"


class RegScaling(str, Enum):
    """What ``--reg-scaling`` takes."""

    count = "count"
    none = "none"


class Solver(str, Enum):
    """What ``--solver`` takes."""

    cholesky = "cholesky"
    cg = "cg"
    subspace = "subspace"


class Confidence(str, Enum):
    """What ``--confidence`` takes."""

    binary = "binary"
    linear = "linear"
    log = "log"


COLUMNS = "Columns of the file (names or numbers from 0; guessed from common names)"
MODEL = "Model"

RatingsFile = Annotated[
    Path,
    typer.Argument(metavar="RATINGS", help="csv, tsv, .gz or parquet file of ratings.", show_default=False),
]
ModelFile = Annotated[
    Path, typer.Argument(metavar="MODEL", help="File that `eckart fit` has written.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="Threads to use; results do not depend on it.", show_default="all cores"),
]

UserColumn = Annotated[str | None, typer.Option("--user", rich_help_panel=COLUMNS, help="User ids.")]
ItemColumn = Annotated[str | None, typer.Option("--item", rich_help_panel=COLUMNS, help="Item ids.")]
ValueColumn = Annotated[
    str | None,
    typer.Option("--value", rich_help_panel=COLUMNS, help="Ratings; without any, rows are counted."),
]
TimeColumn = Annotated[str | None, typer.Option("--timestamp", rich_help_panel=COLUMNS, help="Times.")]
TitleColumn = Annotated[str | None, typer.Option("--title", rich_help_panel=COLUMNS, help="Item titles.")]
OnDuplicates = Annotated[
    Duplicates | None,
    typer.Option(
        "--duplicates", rich_help_panel=COLUMNS, show_default="error; sum for counts",
        help="What to do where a user rated an item twice.",
    ),
]  # fmt: skip
Dtype = Annotated[DtypeName, typer.Option(help="Precision of ratings and factors.")]

Model = Annotated[ModelName, typer.Option("--model", rich_help_panel=MODEL, help="What to fit.")]
Rank = Annotated[
    int | None,
    typer.Option(rich_help_panel=MODEL, help="als, implicit-als: number of factors.", show_default="64"),
]
Reg = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=MODEL, metavar="NUMBER or USERS,ITEMS",
        show_default="als .1, implicit-als .003, ease 200, baseline 5,2",
        help="als, implicit-als, ease, baseline: penalty.",
    ),
]  # fmt: skip
Scaling = Annotated[
    RegScaling | None,
    typer.Option(
        "--reg-scaling", rich_help_panel=MODEL, show_default="count",
        help="als: penalty times each row's count (least error), or plain (better lists; try --reg 10).",
    ),
]  # fmt: skip
MaxIter = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=MODEL, help="als, implicit-als, baseline: most iterations.",
        show_default="als 15, baseline 50",
    ),
]  # fmt: skip
Tol = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=MODEL, show_default="als 1e-4, baseline 1e-6",
        help="als, implicit-als: stop when the objective falls by less than this share; baseline: when no "
        "bias moves more.",
    ),
]  # fmt: skip
SolverOption = Annotated[
    Solver | None,
    typer.Option(
        "--solver", rich_help_panel=MODEL, show_default="cholesky",
        help="als, implicit-als: exact rows, or conjugate gradients; implicit-als: or blocks of factors.",
    ),
]  # fmt: skip
UnobservedWeight = Annotated[
    float | None,
    typer.Option(
        "--unobserved-weight", rich_help_panel=MODEL, min=0, show_default=".1",
        help="implicit-als: weight of what a user has not touched, beside 1 of what they have.",
    ),
]  # fmt: skip
ConfidenceOption = Annotated[
    Confidence | None,
    typer.Option(
        "--confidence", rich_help_panel=MODEL, show_default="binary",
        help="implicit-als: weight of a value r: 1, r, or log(1 + r).",
    ),
]  # fmt: skip
NoBiases = Annotated[
    bool,
    typer.Option("--no-biases", rich_help_panel=MODEL, help="als: factors alone, no mean and no biases."),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]
K = Annotated[int, typer.Option("-k", min=1, help="Length of a list.")]
