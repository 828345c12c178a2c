"""`seedmill replay RUN`: the published dataset again, from the journal alone, and whether it is the same."""

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from seedmill.cli.inspect import RunArgument, find_run
from seedmill.cli.run import JsonOption, WorkdirOption


def replay(
    run: RunArgument,
    workdir: WorkdirOption = "seedmill-work",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Keep the rebuilt dataset here.", show_default=False)
    ] = None,
    json: JsonOption = False,
) -> None:
    """Rebuild the published dataset from the journal, without any model, and compare digests.

    Exit status: 0 identical, 1 different, 2 there is nothing to replay.
    """
    from seedmill.aggregation.replay import replay_head

    store, prefix = find_run(run, workdir)
    result = replay_head(store, prefix, output)
    same = result.rebuilt_digest == result.published_digest
    if json:
        facts = {"identical": same, "published": result.published_digest, "rebuilt": result.rebuilt_digest}
        typer.echo(json_module.dumps({**facts, "rows": result.rows, "output": output and str(output)}, indent=2))
    elif same:
        typer.echo(f"identical: {result.rows:,} rows, digest {result.rebuilt_digest}")
    else:
        typer.echo(f"DIFFERENT: published {result.published_digest}, rebuilt {result.rebuilt_digest}", err=True)
    raise typer.Exit(0 if same else 1)
