"""From exceptions to one readable line on stderr and an exit code: 0 done, 2 failed, 130 interrupted."""

import os
import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from eckart.base.errors import EckartError

# What wrong files, data, parameters and ids raise. Anything else is a bug of ours, and the line says so.
EXPECTED = (EckartError, ValueError, TypeError, KeyError, OSError, ImportError, MemoryError)
FAILED, INTERRUPTED = 2, 130


class Interrupted(Exception):
    """Ctrl-C; the message says what became of the work."""


class OneLineErrors(TyperGroup):
    """The group of commands, whose errors are one line each."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command and exit the process with its code."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)
        sys.exit(exit_code(lambda: super(OneLineErrors, self).main(*args, standalone_mode=False, **extra)))

    def invoke(self, ctx: Any) -> Any:
        """Run a command; typer would turn Ctrl-C into an exit without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None


def exit_code(run: Callable[[], Any]) -> int:
    """Call `run` and return the process's exit code, with one line on stderr where it failed."""
    try:
        result = run()
    except Interrupted as interruption:
        typer.echo(str(interruption), err=True)
        return INTERRUPTED
    except typer.Abort:
        typer.echo("aborted", err=True)
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("ECKART_DEBUG", "0") not in ("", "0"):
            raise
        typer.echo(f"error: {one_line(error)}", err=True)
        return FAILED
    return result if isinstance(result, int) else 0


def one_line(error: Exception) -> str:
    """Return the message of `error` on one line."""
    if hasattr(error, "format_message"):  # a usage error of typer, whose class is not public
        return _joined(error.format_message()) + usage_hint(error)
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(error, MemoryError):
        text = f"not enough memory: {text}".rstrip(": ")
    if not isinstance(error, EXPECTED):
        return _joined(f"internal error, {type(error).__name__}: {text} (ECKART_DEBUG=1 shows the traceback)")
    return _joined(text) or type(error).__name__


def usage_hint(error: Any) -> str:
    """Return where to read how the command is used."""
    context = getattr(error, "ctx", None)
    return "" if context is None else f" (see: {context.command_path} --help)"


def _joined(text: str) -> str:
    return " ".join(text.split())
