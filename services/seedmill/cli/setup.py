"""`seedmill setup`: gets what its own packages are not: the sandbox's program, packages for programs, a model."""

from typing import Annotated

import typer

from seedmill.cli.setup_environment import environment
from seedmill.cli.setup_languages import languages
from seedmill.cli.setup_model import model

setup_app = typer.Typer(
    help="Get what the main job needs beside Python packages.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@setup_app.command("sandbox")
def sandbox(
    force: Annotated[bool, typer.Option("--force", help="Build it although it is there.")] = False,
) -> None:
    """Build gVisor's runsc from its Go module, once; it is kept in the cache folder."""
    from seedmill.execution.sandboxes.runsc_build import build_runsc, find_runsc

    found = None if force else find_runsc()
    if found is None:
        found = build_runsc(lambda line: typer.echo(line, err=True), anew=force)
    typer.echo(str(found))


setup_app.command("model")(model)
setup_app.command("languages")(languages)
setup_app.command("environment")(environment)
