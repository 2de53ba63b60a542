"""``eckart recommend``: the best items of a user, or of everyone into a file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from eckart.cli import _options as o
from eckart.cli._console import print_facts, print_json, working
from eckart.cli._lists import as_ids, lists_document, print_lists
from eckart.cli._work import check_output, load_model, set_threads, with_ratings

Users = Annotated[
    list[str] | None, typer.Option("--user", help="User id; may be repeated.", show_default=False)
]
Everyone = Annotated[bool, typer.Option("--all", help="Recommend to every user (needs --out or --json).")]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Write a table to this .parquet or .csv file.", show_default=False),
]
MinRatings = Annotated[int, typer.Option(metavar="N", help="Only items with at least N training ratings.")]
IncludeSeen = Annotated[
    bool, typer.Option("--include-seen", help="Also what the user has rated; needs no ratings in MODEL.")
]


def recommend(
    model: o.ModelFile,
    user: Users = None,
    k: o.K = 10,
    everyone: Everyone = False,
    out: Out = None,
    include_seen: IncludeSeen = False,
    min_ratings: MinRatings = 0,
    threads: o.Threads = None,
    json: o.Json = False,
) -> None:
    """Recommend items to users."""
    set_threads(threads)
    if bool(user) == everyone:
        raise ValueError("expected --user ID (one or several) or --all")
    if everyone and out is None and not json:
        raise ValueError("--all: expected --out FILE or --json beside it")
    if out is not None:
        check_output(out, ".parquet", ".csv")
    fitted = load_model(model)
    if not include_seen:
        with_ratings(fitted, model)
    found = fitted.recommend(
        None if everyone else as_ids(user),
        k=k,
        exclude_seen=not include_seen,
        candidates=known_items(fitted, model, min_ratings) if min_ratings > 0 else None,
    )
    if out is not None:
        with working(f"writing {out}"):
            from eckart.data.frames import write_table

            table = found.to_frame("pyarrow")
            write_table(table, out)
        if json:
            print_json({"model": str(model), "file": str(out), "rows": table.num_rows})
        else:
            print_facts(
                "Recommendations", {"written": f"{table.num_rows:,} rows for {len(found):,} users to {out}"}
            )
    elif json:
        print_json({"model": str(model), "users": lists_document(found, "user")})
    else:
        print_lists(found, "Recommended to user {query}", "score")


def known_items(model: Any, path: Path, min_ratings: int) -> Any:
    """Return the ids of the items with at least so many training ratings."""
    counts = with_ratings(model, path).by_item.counts
    return model.items_.decode((counts >= min_ratings).nonzero()[0])
