"""``eckart fit``: from a file of ratings to a model file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from eckart.cli import _options as o
from eckart.cli._console import megabytes, print_facts, print_json, working
from eckart.cli._errors import Interrupted
from eckart.cli._work import check_output, make_model, read_ratings, set_threads, timed

Output = Annotated[
    Path, typer.Option("--out", "-o", metavar="MODEL", help="Model file to write.", show_default=False)
]
ValidationSize = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=o.MODEL, show_default="none", metavar="SHARE",
        help="als: hold this share of the ratings out and stop when their error no longer falls.",
    ),
]  # fmt: skip
NoInteractions = Annotated[
    bool,
    typer.Option("--no-interactions", help="Leave the ratings out of the file: smaller, without histories."),
]  # fmt: skip


def fit(
    ratings: o.RatingsFile,
    out: Output,
    model: o.Model = o.ModelName.als,
    rank: o.Rank = None,
    reg: o.Reg = None,
    reg_scaling: o.Scaling = None,
    max_iter: o.MaxIter = None,
    tol: o.Tol = None,
    solver: o.SolverOption = None,
    unobserved_weight: o.UnobservedWeight = None,
    confidence: o.ConfidenceOption = None,
    no_biases: o.NoBiases = False,
    validation_size: ValidationSize = None,
    user: o.UserColumn = None,
    item: o.ItemColumn = None,
    value: o.ValueColumn = None,
    timestamp: o.TimeColumn = None,
    title: o.TitleColumn = None,
    duplicates: o.OnDuplicates = None,
    dtype: o.Dtype = o.DtypeName.float32,
    seed: o.Seed = 0,
    threads: o.Threads = None,
    no_interactions: NoInteractions = False,
    json: o.Json = False,
) -> None:
    """Fit a model to a file of ratings and save it."""
    set_threads(threads)
    check_output(out)
    options = {
        "rank": rank, "reg": reg, "reg_scaling": reg_scaling,
        "max_iter": max_iter, "tol": tol, "solver": solver,
        "unobserved_weight": unobserved_weight, "confidence": confidence,
    }  # fmt: skip
    estimator = make_model(model, seed=seed, no_biases=no_biases, **options)
    seconds: dict[str, float] = {}
    columns = {"user": user, "item": item, "value": value, "timestamp": timestamp, "title": title}
    with timed(seconds, "read"):
        data = read_ratings(ratings, columns, duplicates, dtype)
    with timed(seconds, "fit"):
        _fit(estimator, data, validation_size, seed, out)
    with timed(seconds, "save"), working(f"saving {out}"):
        from eckart.base.persistence import save

        save(estimator, out, interactions=not no_interactions)
    document = _summary(estimator, ratings, out, seconds)
    if json:
        print_json(document)
    else:
        _print_summary(document)


def _fit(estimator: Any, data: Any, validation_size: float | None, seed: int, out: Path) -> None:
    fit_arguments = {}
    if validation_size is not None:
        from eckart.data.splits import random_split

        if not hasattr(estimator, "patience"):
            raise ValueError(f"--validation-size: {type(estimator).__name__} has no early stopping")
        data, held_out = random_split(data, test_size=validation_size, random_state=seed)
        fit_arguments["validation"] = held_out
    try:
        estimator.fit(data, **fit_arguments)
    except KeyboardInterrupt:
        done = getattr(estimator, "n_iter_", None)
        after = "" if done is None else f" after {done} iterations"
        raise Interrupted(f"interrupted{after}: nothing was written to {out}") from None


def _summary(model: Any, source: Path, out: Path, seconds: dict[str, float]) -> dict[str, Any]:
    data = model.interactions_
    document: dict[str, Any] = {
        "model": type(model).__name__,
        "parameters": {name: p for name, p in model.get_params().items() if name != "verbose"},
        "ratings": str(source),
        "n_ratings": len(data),
        "n_users": data.n_users,
        "n_items": data.n_items,
        "scale": data.scale,
    }
    metric, sign = model.SCORE
    if metric == "rmse":  # the lists of everyone would take longer than the fit
        document["train_rmse"] = -model.score(data)
    history = getattr(model, "history_", [])
    if history:
        document["n_iter"] = model.n_iter_
        document["converged"] = model.converged_
        document["objective"] = history[-1]["objective"]
        errors = [record["validation"] for record in history if "validation" in record]
        if errors:
            document[f"validation_{metric}"] = -sign * min(errors)
    document |= {"seconds": seconds, "file": str(out), "file_bytes": out.stat().st_size}
    return document


def _print_summary(d: dict[str, Any]) -> None:
    low, high = d["scale"]
    density = d["n_ratings"] / (d["n_users"] * d["n_items"])
    facts = {
        "ratings": f"{d['n_ratings']:,} from {low:g} to {high:g}",
        "shape": f"{d['n_users']:,} users × {d['n_items']:,} items, {density:.2%} observed",
    }
    if "objective" in d:
        ended = "converged" if d["converged"] else "stopped"
        facts["iterations"] = f"{d['n_iter']}, {ended}"
        facts["objective"] = f"{d['objective']:,.1f}"
    if "train_rmse" in d:
        facts["training RMSE"] = f"{d['train_rmse']:.4f}"
    for name in ("validation_rmse", "validation_ndcg@10"):
        if name in d:
            shown = name.replace("_", " ").replace("rmse", "RMSE").replace("ndcg", "NDCG")
            facts[shown] = f"{d[name]:.4f} (on the ratings held out)"
    facts["seconds"] = ", ".join(f"{what} {seconds:.2f}" for what, seconds in d["seconds"].items())
    facts["model file"] = f"{d['file']}, {megabytes(d['file_bytes'])}"
    print_facts(f"{d['model']} fitted to {d['ratings']}", facts)
