"""The command line: what there is, and how errors reach a person.

A user never sees a traceback for something that is theirs to mend: errors of the services, the store, the system and
the spec become a line on stderr and an exit status (2: it cannot work as it stands; docs/operations.md has them all).
"""

import sys
from typing import Annotated

import typer

from seedmill.cli.benchmarks import benchmarks_app
from seedmill.cli.chaos import chaos
from seedmill.cli.crd import crd
from seedmill.cli.dispatch import dispatch
from seedmill.cli.doctor import doctor
from seedmill.cli.execute import execute
from seedmill.cli.inspect import inspect
from seedmill.cli.lint import lint
from seedmill.cli.operator import operator
from seedmill.cli.preview import preview
from seedmill.cli.prune import prune
from seedmill.cli.refusal import REFUSALS, refusal
from seedmill.cli.replay import replay
from seedmill.cli.run import run
from seedmill.cli.serve import serve_app
from seedmill.cli.setup import setup_app
from seedmill.serving.memory import keep_little

app = typer.Typer(
    name="seedmill",
    help="Verified instruction-tuning datasets for code LLMs, from open-source code.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (run, preview, lint, inspect, replay, prune, execute, dispatch, operator, doctor, chaos, crd):
    app.command()(command)
app.add_typer(serve_app, name="serve")
app.add_typer(setup_app, name="setup")
app.add_typer(benchmarks_app, name="benchmarks")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"seedmill {version('seedmill')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Verified instruction-tuning datasets for code LLMs, from open-source code."""


def main() -> None:
    """Run the command line; the way in for the `seedmill` script."""
    keep_little()
    try:
        app(prog_name="seedmill")
    except REFUSALS as error:
        typer.echo(refusal(error), err=True)
        sys.exit(2)
