"""`seedmill setup environment`: packages that programs may import in the sandbox, beside the standard library."""

from pathlib import Path
from typing import Annotated

import typer


def environment(
    name: Annotated[
        str, typer.Argument(help="python-data (numpy, pandas, scipy, sympy, scikit-learn, networkx), or yours.")
    ],
    requirements: Annotated[
        Path | None, typer.Option(help="pip's requirements file, for a set of your own.", show_default=False)
    ] = None,
    preload: Annotated[
        list[str] | None,
        typer.Option(
            help="Module of a set of your own that sandboxes import before programs come; may be repeated.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Install it although it is there.")] = False,
) -> None:
    """Install a package set for the sandbox's Python, once; a spec names it as `execution.environment`.

    Prints its name and the digest that verdicts carry. Services that run already do not see it: start them again.
    """
    from seedmill.execution.environments import environment_of
    from seedmill.execution.package_sets.building import Wanted, build_set
    from seedmill.execution.sandboxes.bundle import guest_python

    python = guest_python()
    wanted = Wanted(name, requirements, tuple(preload or ()))
    built = build_set(wanted, python, lambda line: typer.echo(line, err=True), anew=force)
    typer.echo(f"{built.name} {environment_of(built, python).digest}")
