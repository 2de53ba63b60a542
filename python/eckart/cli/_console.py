"""What the commands print: answers on stdout as tables or JSON, work under way on stderr."""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 120  # columns of a table that no terminal bounds


def console(file: TextIO | None = None, *, quiet: bool = False) -> "Console":
    """Return a rich console on `file` (stdout): as wide as the terminal, or as `PIPED_WIDTH`."""
    from rich.console import Console

    file = sys.stdout if file is None else file
    return Console(file=file, width=None if file.isatty() else PIPED_WIDTH, highlight=False, quiet=quiet)


def shows_progress() -> bool:
    """Say whether somebody watches stderr."""
    return sys.stderr.isatty()


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show `what` beside a spinner on stderr while in scope, where somebody watches."""
    if not shows_progress():
        yield
        return
    with console(sys.stderr).status(what):
        yield


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    numbers: Sequence[str] = (),
    caption: str | None = None,
    to: "Console | None" = None,
) -> None:
    """Print a table on stdout (or `to`). Columns in `numbers` are aligned to the right and never cut."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        number = name in numbers
        table.add_column(Text(name), justify="right" if number else "left", no_wrap=number)
    for row in rows:  # Text, as a title such as "[REC]" is no markup
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    to = console() if to is None else to
    to.print(Text(title, style="bold"))  # the table's own title would wrap at the table's width
    to.print(table)
    if caption:
        to.print(Text(caption))


def print_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Print names and values, one a line."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in facts.items():
        table.add_row(Text(name), Text(str(value)))
    to = console()
    to.print(Text(title, style="bold"))
    to.print(table)


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout; NaN, which JSON has not, becomes null."""
    sys.stdout.write(json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def megabytes(n_bytes: int) -> str:
    """Return a file size for people."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:.1f} kB"
