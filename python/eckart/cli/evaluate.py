"""``eckart evaluate``: how good a model is on ratings that it has not seen."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from eckart.cli import _options as o
from eckart.cli import _protocol
from eckart.cli._console import print_json, print_table, working
from eckart.cli._work import load_model, make_model, read_ratings, set_threads, timed, with_ratings


class Split(str, Enum):
    """What ``--split`` takes."""

    random = "random"
    user = "user"
    last = "last"
    time = "time"


SPLIT = "Split"
TestSize = Annotated[
    float,
    typer.Option(
        rich_help_panel=SPLIT, metavar="SHARE", help="Share held out (of all, of each user, in time)."
    ),
]
SplitOption = Annotated[
    Split,
    typer.Option(
        "--split", rich_help_panel=SPLIT,
        help="What is held out: random ratings, some of each user's, each user's last one, or the latest.",
    ),
]  # fmt: skip
Load = Annotated[
    Path | None,
    typer.Option("--load", metavar="MODEL", show_default="fit one",
                 help="Measure this saved model on all of RATINGS instead of splitting them."),
]  # fmt: skip
RelevantFrom = Annotated[
    float | None,
    typer.Option(
        show_default="any rating", metavar="VALUE", help="Test items rated at least this are relevant."
    ),
]


def evaluate(
    ratings: o.RatingsFile,
    model: o.Model = o.ModelName.als,
    load: Load = None,
    protocol: _protocol.ProtocolOption = None,
    against: _protocol.Against = None,
    split_seed: _protocol.SplitSeed = None,
    test: _protocol.Test = None,
    negatives: _protocol.Negatives = None,
    figure: _protocol.Figure = None,
    record: _protocol.RecordFile = None,
    compare_with: _protocol.CompareWith = None,
    k: o.K = 10,
    relevant_from: RelevantFrom = None,
    test_size: TestSize = 0.1,
    split: SplitOption = Split.random,
    rank: o.Rank = None,
    reg: o.Reg = None,
    reg_scaling: o.Scaling = None,
    max_iter: o.MaxIter = None,
    tol: o.Tol = None,
    solver: o.SolverOption = None,
    unobserved_weight: o.UnobservedWeight = None,
    confidence: o.ConfidenceOption = None,
    no_biases: o.NoBiases = False,
    user: o.UserColumn = None,
    item: o.ItemColumn = None,
    value: o.ValueColumn = None,
    timestamp: o.TimeColumn = None,
    title: o.TitleColumn = None,
    duplicates: o.OnDuplicates = None,
    dtype: o.Dtype = o.DtypeName.float32,
    seed: o.Seed = 0,
    threads: o.Threads = None,
    json: o.Json = False,
) -> None:
    """Hold ratings out, fit, and compare with the simplest models; or run a published protocol
    (--protocol); or measure a saved model (--load).
    """
    set_threads(threads)
    columns = {"user": user, "item": item, "value": value, "timestamp": timestamp, "title": title}
    options = {
        "rank": rank, "reg": reg, "reg_scaling": reg_scaling,
        "max_iter": max_iter, "tol": tol, "solver": solver,
        "unobserved_weight": unobserved_weight, "confidence": confidence,
    }  # fmt: skip
    lists = {"k": k, "relevant_from": relevant_from}
    request = _protocol.Request(
        protocol, against, split_seed, test or [], negatives, figure, record, compare_with
    )
    request.check({"-k": (k, 10), "--split": (split, Split.random), "--load": (load, None)})

    def read(path: Path) -> Any:
        return read_ratings(path, columns, duplicates, dtype)

    if protocol is not None:
        models = [make_model(model, seed=seed, no_biases=no_biases, **options)]
        models += [] if against is None else [make_model(against, seed=seed)]
        settings = request.settings(relevant_from, test_size)
        document = _protocol.run(request, models, read, ratings, settings, json)
    elif load is None:
        estimator = make_model(model, seed=seed, no_biases=no_biases, **options)
        data = read(ratings)
        document = _evaluate_split(estimator, data, split, test_size, seed, lists, json)
    else:
        given = [name for name, option in options.items() if option is not None]
        if given:
            raise ValueError(
                f"--load: the model is fitted already, --{given[0].replace('_', '-')} is too late"
            )
        fitted = load_model(load)
        data = read(ratings)
        document = _evaluate_saved(fitted, load, data, seed, lists, json)
    if json:
        print_json({"ratings": str(ratings), **document})


def _evaluate_split(
    model: Any, data: Any, split: Split, test_size: float, seed: int, lists: dict[str, Any], json: bool
) -> dict[str, Any]:
    from eckart.cli._comparison import compare_with_baselines, print_comparison

    train, test = cut(data, split, test_size, seed)
    seconds: dict[str, float] = {}
    with timed(seconds, "fit"):
        model.fit(train)
    name = type(model).__name__
    with working("measuring"):
        comparison = compare_with_baselines({name: model}, train, test, seed=seed, **lists)
    if not json:
        print_comparison(comparison, f"{name} beside the simplest models, {split.value} split")
    return {
        "model": name,
        "parameters": {p: v for p, v in model.get_params().items() if p != "verbose"},
        "split": split.value,
        "test_size": None if split is Split.last else test_size,
        "seconds": seconds,
        "reports": comparison.to_dict(),
    }


def cut(data: Any, split: Split, test_size: float, seed: int) -> tuple[Any, Any]:
    """Return (train, test) of the ratings."""
    from eckart.data import splits

    if split is Split.random:
        return splits.random_split(data, test_size=test_size, random_state=seed)
    if split is Split.user:
        return splits.user_holdout_split(data, test_size=test_size, random_state=seed)
    if split is Split.last:
        return splits.leave_last_out_split(data)
    return splits.time_split(data, test_size=test_size)


def _evaluate_saved(
    model: Any, path: Path, data: Any, seed: int, lists: dict[str, Any], json: bool
) -> dict[str, Any]:
    from eckart.evaluation import evaluate as measure

    train = with_ratings(model, path)
    test, unknown = in_codes_of(train, data)
    if not len(test):
        raise ValueError(f"none of the {len(data):,} ratings has a user and an item that {path} knows")
    report = measure(model, train, test, random_state=seed, **lists)
    name = type(model).__name__
    if not json:
        _print_report(report, f"{name} of {path}", unknown)
    return {"model": name, "file": str(path), "unknown_ratings": unknown, "report": report.to_dict()}


def in_codes_of(train: Any, data: Any) -> tuple[Any, int]:
    """Return the ratings of `data` whose user and item `train` knows, in its codes, and how many others."""
    from eckart.data.ratings import Ratings

    users = data.users.codes_in(train.users)[data.user_index]
    items = data.items.codes_in(train.items)[data.item_index]
    known = (users >= 0) & (items >= 0)
    values = data.values[known]
    part = Ratings(users[known], items[known], values, train.users, train.items, titles=train.titles)
    return part, int((~known).sum())


def _print_report(report: Any, title: str, unknown: int) -> None:
    from eckart.cli._comparison import TITLES

    rows = [
        (TITLES[name].format(k=report.k), f"{s.mean:.4f}", f"{s.low:.4f} – {s.high:.4f}", f"{s.n_users:,}")
        for name, s in report.metrics.items()
    ]
    caption = report.describe_data()
    if unknown:
        caption += f"\nleft out: {unknown:,} ratings of users or items that the model does not know"
    columns = ("", "mean", "95 % interval", "users")
    print_table(title, columns, rows, numbers=columns[1:], caption=caption)
