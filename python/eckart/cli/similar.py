"""``eckart similar``: items like an item, or users like a user."""

from typing import Annotated

import typer

from eckart.base.errors import EckartError
from eckart.cli import _options as o
from eckart.cli._console import print_json
from eckart.cli._lists import as_ids, lists_document, print_lists
from eckart.cli._work import load_model, set_threads

Items = Annotated[
    list[str] | None, typer.Option("--item", help="Item id; may be repeated.", show_default=False)
]
Users = Annotated[
    list[str] | None, typer.Option("--user", help="User id; may be repeated.", show_default=False)
]


def similar(
    model: o.ModelFile,
    item: Items = None,
    user: Users = None,
    k: o.K = 10,
    threads: o.Threads = None,
    json: o.Json = False,
) -> None:
    """Show the items most like an item, or the users most like a user (by the model's own measure)."""
    set_threads(threads)
    if bool(item) == bool(user):
        raise ValueError("expected --item ID or --user ID (one or several of one kind)")
    fitted = load_model(model)
    what = "item" if item else "user"
    if not hasattr(fitted, f"similar_{what}s"):
        raise EckartError(
            f"{model} holds {type(fitted).__name__}, which has no factors of {what}s to compare"
        )
    found = fitted.similar_items(as_ids(item), k=k) if item else fitted.similar_users(as_ids(user), k=k)
    if json:
        print_json({"model": str(model), f"{what}s": lists_document(found, what)})
        return
    names = None
    if item and fitted.item_titles_ is not None:
        names = fitted.item_titles_[fitted.items_.encode(found.users)]
    print_lists(found, f"Most like {what} {{query}}", "similarity", names)
