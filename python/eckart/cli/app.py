"""The commands and their order in ``eckart --help``.

Importing this costs what typer costs: commands import the models and readers they need when they run.
"""

from typing import Annotated

import typer

from eckart.cli import demo, evaluate, fit, info, recommend, reproduce, similar
from eckart.cli._errors import OneLineErrors

app = typer.Typer(
    name="eckart",
    cls=OneLineErrors,
    help="Recommendations from a file of ratings, on one machine.",
    epilog="Start with: eckart demo. Errors are one line (ECKART_DEBUG=1 shows the traceback), exit code 2.",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo.demo)
app.command()(fit.fit)
app.command()(evaluate.evaluate)
app.command()(recommend.recommend)
app.command()(similar.similar)
app.command()(reproduce.reproduce)
app.command()(info.info)


def _print_version(wanted: bool) -> None:
    if wanted:
        from eckart import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def eckart(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Recommendations from a file of ratings, on one machine."""
