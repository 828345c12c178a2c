"""`seedmill setup model`: the small model that runs anywhere, for seeing the machine work."""

from typing import Annotated

import typer


def model(force: Annotated[bool, typer.Option("--force", help="Get it although it is there.")] = False) -> None:
    """Get SmolLM2-135M-Instruct (Apache-2.0, 93 MB), the embedded stand-in teacher."""
    from seedmill.inference.weights import find_model, get_model

    found = None if force else find_model()
    if found is None:
        found = get_model(lambda line: typer.echo(line, err=True))
    typer.echo(str(found))
