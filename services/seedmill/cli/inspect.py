"""`seedmill inspect RUN`: what a run has done so far, and what it published."""

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from seedmill.cli.run import JsonOption, WorkdirOption
from seedmill.serving.errors import Misconfigured
from seedmill.storage.store import Store

SHOWN_RUNS = 8
"""How many names an error lists."""

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run: its folder (…/runs/local/NAME-DIGEST), its name in --workdir, or the file that describes it.",
        show_default=False,
    ),
]


def inspect(run: RunArgument, workdir: WorkdirOption = "seedmill-work", json: JsonOption = False) -> None:
    """Show a run's ledger, its publications and where the dataset is."""
    from rich.console import Console

    from seedmill.cli.outcome import ledger_table

    store, prefix = find_run(run, workdir)
    facts = run_facts(store, prefix)
    if json:
        typer.echo(json_module.dumps(facts, indent=2))
        return
    console = Console()
    console.print(f"[bold]{facts['name']}[/bold]  recipe {facts['recipe']}, {facts['seeds']:,} seeds", highlight=False)
    console.print(f"run: {facts['run']}", highlight=False, soft_wrap=True)
    console.print(f"state: {facts['ending'] or facts['phase']}", highlight=False)
    for reason in facts["waiting"]:
        console.print(f"waiting: {reason}", highlight=False, soft_wrap=True)
    console.print(ledger_table(facts["ledger"]))
    if facts["gpuHours"]:
        console.print(f"GPU hours: {facts['gpuHours']:,}", highlight=False)
    if facts["dataset"]:
        console.print(f"dataset: {facts['dataset']}", highlight=False, soft_wrap=True)
        console.print(f"digest:  {facts['digest']}", highlight=False)


def run_facts(store: Store, prefix: str) -> dict[str, Any]:
    """What the run's files say, as JSON. Raises Misconfigured when run.json is not readable."""
    import orjson

    from seedmill.records.ledger import Ledger
    from seedmill.records.run_file import RunFile
    from seedmill.storage.publications import dataset_uri, read_head
    from seedmill.storage.store import ObjectMissing

    def read(name: str, default: dict[str, Any]) -> dict[str, Any]:
        try:
            return orjson.loads(store.get(f"{prefix}/{name}"))
        except ObjectMissing:
            return default

    try:
        described = RunFile.decode(store.get(f"{prefix}/run.json"))
        head = read_head(store, prefix)
        progress = read("progress.json", {})
        ledger = read("ledger.json", Ledger().to_json())
    except ValueError as error:
        raise Misconfigured("RunUnreadable", f"{store.uri}/{prefix}: {error}") from error
    return {
        "name": described.name,
        "run": f"{store.uri}/{prefix}",
        "recipe": described.recipe,
        "seeds": described.seeds_count,
        "phase": progress.get("phase", "not started"),
        "ending": progress.get("ending"),
        "waiting": progress.get("waiting", []),
        "ledger": ledger,
        "activeSeconds": progress.get("activeSeconds", 0.0),
        "gpuHours": round(progress.get("gpuSeconds", 0.0) / 3600, 3),
        "rows": None if head is None else head.rows,
        "dataset": None if head is None else dataset_uri(store, prefix, head),
        "digest": None if head is None else head.dataset_digest,
    }


def find_run(run: str, workdir: str) -> tuple[Store, str]:
    """The store and the prefix of a run named by folder, by name or by file. Raises Misconfigured."""
    from seedmill.storage import open_store

    folder = Path(run)
    if (folder / "run.json").is_file() and len(folder.resolve().parts) > 3:
        resolved = folder.resolve()
        return open_store(str(resolved.parents[2])), "/".join(resolved.parts[-3:])
    store = open_store(workdir)
    if folder.is_file():
        from seedmill.cli.loading import Overrides, load
        from seedmill.cli.workdir import prefix_of

        prefix = prefix_of(load(folder, Overrides()))
        if not store.exists(f"{prefix}/run.json"):
            raise Misconfigured(
                "NoSuchRun", f"{run} as it is now was not run in {store.uri}: run it first, or name its --workdir"
            )
        return store, prefix
    found = sorted(
        entry.key.removesuffix("/run.json") for entry in store.list("runs/") if entry.key.endswith("/run.json")
    )
    named = [prefix for prefix in found if prefix.endswith(f"/{run}") or prefix.rpartition("/")[2][:-9] == run]
    match named:
        case [prefix]:
            return store, prefix
        case []:
            names = ", ".join(prefix.rpartition("/")[2] for prefix in found[:SHOWN_RUNS])
            more = f" and {len(found) - SHOWN_RUNS} more" if len(found) > SHOWN_RUNS else ""
            there = f"there are {names}{more}" if found else "there is no run at all; does --workdir name its folder?"
            raise Misconfigured("NoSuchRun", f"no run {run!r} in {store.uri}: {there}")
        case _:
            names = ", ".join(prefix.rpartition("/")[2] for prefix in named)
            raise Misconfigured("AmbiguousRun", f"several runs in {store.uri} are called {run!r}; name one of {names}")
