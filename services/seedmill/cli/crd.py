"""`seedmill crd`: the CustomResourceDefinition of this version."""

from typing import Annotated

import typer


def crd(
    keep: Annotated[
        bool, typer.Option("--keep", help="For a Helm chart: uninstalling it leaves the CRD, and with it all runs.")
    ] = False,
) -> None:
    """Print the CustomResourceDefinition as YAML, for `kubectl apply --server-side -f -`."""
    from seedmill.spec.crd import crd_yaml

    typer.echo(crd_yaml(keep=keep), nl=False)
