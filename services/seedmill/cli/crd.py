"""`seedmill crd`: the CustomResourceDefinition of this version."""

import typer


def crd() -> None:
    """Print the CustomResourceDefinition as YAML, for `kubectl apply --server-side -f -`."""
    from seedmill.spec.crd import crd_yaml

    typer.echo(crd_yaml(), nl=False)
