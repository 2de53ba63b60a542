"""Ranked lists for people (a table each) and for machines."""

from collections.abc import Sequence
from typing import Any

from eckart.cli._console import print_table


def as_ids(texts: Sequence[str] | None) -> Any:
    """Return ids from the command line; the vocabulary takes "42" for 42 where ids are integers."""
    import numpy as np

    return np.array(texts, dtype=object)


def lists_document(found: Any, what: str) -> list[dict[str, Any]]:
    """Return ``[{what: id, "list": [{"rank", "id", "score", "title"}]}]`` of Recommendations."""
    return [
        {what: query, "list": [_entry(found, row, column) for column, ended in enumerate(mask) if not ended]}
        for row, (query, mask) in enumerate(zip(found.users.tolist(), found.mask.tolist(), strict=True))
    ]


def _entry(found: Any, row: int, column: int) -> dict[str, Any]:
    entry = {
        "rank": column + 1,
        "id": found.items.data[row, column],
        "score": found.scores.data[row, column],
    }
    if found.titles is not None:
        entry["title"] = found.titles.data[row, column]
    return entry


def print_lists(found: Any, title: str, score: str, names: Sequence[str] | None = None) -> None:
    """Print one table a query; `title` holds ``{query}``, `names` are titles of the queries."""
    for row, block in enumerate(lists_document(found, "query")):
        query = str(block["query"]) if names is None or not names[row] else f"{block['query']}, {names[row]}"
        titled = found.titles is not None
        columns = ["rank", "id", *(["title"] if titled else []), score]
        rows = [
            [e["rank"], e["id"], *([e["title"]] if titled else []), f"{e['score']:.3f}"]
            for e in block["list"]
        ]
        caption = None if rows else "nothing is left"
        print_table(title.replace("{query}", query), columns, rows, numbers=("rank", score), caption=caption)
