"""A progress bar on stderr for long work, and silence otherwise."""

from types import TracebackType
from typing import Any


class Progress:
    """``with Progress("ALS", total, verbose) as bar: bar.advance("objective 1.2")``.

    rich is imported only when a bar is shown. Where stderr is no terminal nothing is drawn.
    """

    def __init__(self, label: str, total: int, verbose: bool) -> None:
        self._bar: Any = None
        if verbose:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as RichProgress

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}"),
            )
            self._bar = RichProgress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(label, total=total, note="")

    def advance(self, note: str = "") -> None:
        if self._bar is not None:
            self._bar.update(self._task, advance=1, note=note)

    def reach(self, done: int, note: str = "") -> None:
        """Move the bar to `done` of the total; it may go back."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note)

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
