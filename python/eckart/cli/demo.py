"""``eckart demo``: from real ratings to recommendations with reasons. Everything is measured as it runs."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from eckart.base.errors import EckartError
from eckart.cli import _options as o
from eckart.cli._console import print_json, working

Out = Annotated[Path, typer.Option("--out", help="Folder for the figures and the model.")]
Quick = Annotated[bool, typer.Option("--quick", help="Try two small settings instead of six.")]
NoFigures = Annotated[bool, typer.Option("--no-figures", help="Draw nothing (needs no matplotlib).")]
User = Annotated[
    str | None, typer.Option("--user", help="Recommend to this user.", show_default="one of median activity")
]

K = 10
FILMS = ("Toy Story", "Godfather, The")


def demo(
    out: Out = Path("eckart-demo"),
    quick: Quick = False,
    user: User = None,
    seed: o.Seed = 0,
    no_figures: NoFigures = False,
    threads: o.Threads = None,
    json: o.Json = False,
) -> None:
    """Show the whole way on 100,004 real film ratings: fit, compare, recommend, explain, draw, save."""
    from eckart.cli import _demo_lists as lists
    from eckart.cli._comparison import compare_with_baselines
    from eckart.cli._demo_models import refit, try_settings
    from eckart.cli._demo_text import Story
    from eckart.cli._work import set_threads
    from eckart.data import random_split

    start = time.perf_counter()
    set_threads(threads)
    story = Story(K, quiet=json)
    data = _load(out, figures=not no_figures)
    train, test = random_split(data, test_size=0.1, random_state=seed)
    person = lists.median_user(train) if user is None else lists.known_user(train, user)
    story.data(data, train, test)

    trials = try_settings(train, K, seed, quick)
    by_error, by_lists = min(trials, key=lambda t: t.rmse), max(trials, key=lambda t: t.ndcg)
    story.trials(trials, by_error, by_lists)
    rater, lister = refit(by_error, train, seed), refit(by_lists, train, seed)

    models = (
        {"ALS": rater} if by_lists is by_error else {"ALS, least error": rater, "ALS, best lists": lister}
    )
    with working("measuring"):
        comparison = compare_with_baselines(models, train, test, K, seed=seed)
    story.comparison(comparison)

    recommended = lists.recommended(lister, train, person, K)
    story.recommended(recommended)
    similar = lists.more_like_this(lister, train, FILMS)
    story.similar(similar)
    figures = [] if no_figures else _draw(out, by_error, by_lists, rater, lister, train, test)
    saved = lists.save_and_load(lister, out / "model.safetensors", K)
    seconds = time.perf_counter() - start
    story.end(figures, saved, person, seconds)
    if json:
        print_json(
            {
                "data": {"n_ratings": len(data), "n_users": data.n_users, "n_items": data.n_items},
                "trials": [trial.to_dict() for trial in trials],
                "chosen": {"error": by_error.to_dict(), "lists": by_lists.to_dict()},
                "reports": comparison.to_dict(),
                "recommended": recommended,
                "similar": similar,
                "figures": figures,
                "saved": saved,
                "seconds": round(seconds, 2),
            }
        )


def _load(out: Path, figures: bool) -> Any:
    """Return the ratings, having checked that what comes after them can be done."""
    from eckart.datasets import movielens

    if figures:
        from eckart.cli._figures import check_matplotlib

        check_matplotlib()
    with working("reading"):
        data = movielens()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EckartError(f"cannot make the folder {out}: {error.strerror}") from error
    return data


def _draw(
    out: Path, by_error: Any, by_lists: Any, rater: Any, lister: Any, train: Any, test: Any
) -> list[str]:
    import numpy as np

    from eckart.cli import _figures as figures
    from eckart.completion import Baseline, Popularity

    paths = [out / name for name in ("convergence.png", "error_by_activity.png", "film_map.png")]
    with working("drawing"):
        trials = (by_error,) if by_lists is by_error else (by_error, by_lists)
        figures.convergence(paths[0], {trial.label: trial.history for trial in trials})
        models = {"biases": Baseline().fit(train), "ALS, least error": rater}
        errors = {name: np.asarray(model.predict(test)) - test.values for name, model in models.items()}
        figures.error_by_activity(paths[1], train.by_user.counts, test.user_index, errors)
        items = Popularity().fit(train)
        figures.item_map(
            paths[2], lister.item_factors_, train.item_titles, items.item_counts_, items.item_means_
        )
    return [str(path) for path in paths]
