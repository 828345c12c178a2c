"""`seedmill setup languages`: gets what compilers and interpreters of other languages need, and prepares it once."""

from typing import Annotated

import typer

from seedmill.serving.errors import ServiceError


def languages(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all that this machine has, by default.")] = None,
) -> None:
    """Prepare languages for execution, once, in the cache folder: what npm pins, precompiled headers and packages.

    Programs in a language that is not prepared wait for it. Exit status: 1 when one that was named cannot be prepared.
    """
    from seedmill.execution.languages import Languages

    failed = False
    for toolchain in Languages().toolchains:
        if names and toolchain.name not in names:
            continue
        try:
            toolchain.install_packages()
            if toolchain.missing:
                typer.echo(f"{toolchain.name}: {toolchain.missing}", err=True)
                failed = failed or bool(names)
                continue
            toolchain.prepare()
            typer.echo(f"{toolchain.name}: {toolchain.version}")
        except ServiceError as error:
            typer.echo(f"{toolchain.name}: {error.message}", err=True)
            failed = failed or bool(names)
    raise typer.Exit(1 if failed else 0)
