"""`seedmill prune`: what of a workdir or store nobody needs any more, and its deletion with --yes."""

import json as json_module
import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedmill.cli.run import JsonOption, WorkdirOption

if TYPE_CHECKING:
    from seedmill.cli.prune_plan import PrunePlan
    from seedmill.storage.retention import Item

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _seconds(text: str) -> float:
    """`30d` and `12h` as seconds."""
    found = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if found is None:
        raise typer.BadParameter("a whole number with s, m, h, d or w, as in 30d")
    return float(found[1]) * _UNITS[found[2]]


def prune(
    workdir: WorkdirOption = "seedmill-work",
    run: Annotated[
        list[str] | None,
        typer.Option(help="Look at this run alone, by name or folder; may be repeated.", show_default=False),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Publications of each run whose datasets stay, the latest; when left out what its output.retention "
            "says, or 1.",
            show_default=False,
        ),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Only what was written longer ago, as in 30d.", show_default=False),
    ] = None,
    seeds: Annotated[bool, typer.Option("--seeds", help="Also seeds that no run has.")] = False,
    entirely: Annotated[
        bool, typer.Option("--entirely", help="The runs that --run names as a whole, journal and datasets included.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it the list is printed, no more.")] = False,
    json: JsonOption = False,
) -> None:
    """List what nobody needs any more, such as datasets of superseded publications; with --yes, delete it.

    What replay needs, what going on needs and what other runs pinned stays. Runs that somebody works on are left alone.
    """
    from seedmill.cli.prune_plan import Wishes, planned
    from seedmill.serving.errors import Misconfigured
    from seedmill.storage import open_store
    from seedmill.storage.pruning import delete

    if entirely and not run:
        raise Misconfigured("NoRunNamed", "--entirely deletes whole runs: name them with --run")
    wishes = Wishes(tuple(run or ()), keep, 0.0 if older_than is None else _seconds(older_than), seeds, entirely)
    store = open_store(workdir)
    deleted: list[Item] = []
    with planned(store, workdir, wishes, time.time()) as plan:
        changed = delete(store, plan.items, plan.heads, deleted.append) if yes else []
    if json:
        typer.echo(json_module.dumps(_as_json(plan, deleted, changed), indent=2))
    else:
        _describe(plan, deleted, changed, yes=yes)


def _as_json(plan: "PrunePlan", deleted: "list[Item]", changed: "list[Item]") -> dict[str, Any]:
    def facts(item: "Item") -> dict[str, Any]:
        return {
            "kind": item.kind.value,
            "name": item.name,
            "why": item.why,
            "objects": len(item.keys),
            "bytes": item.size_bytes,
            "deleted": item in deleted,
        }

    alone = {**plan.left_alone, **{item.run: "published meanwhile" for item in changed}}
    return {
        "items": [facts(item) for item in plan.items],
        "bytes": sum(item.size_bytes for item in plan.items),
        "deletedBytes": sum(item.size_bytes for item in deleted),
        "leftAlone": [{"name": name, "why": why} for name, why in alone.items()],
    }


def _describe(plan: "PrunePlan", deleted: "list[Item]", changed: "list[Item]", *, yes: bool) -> None:
    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table

    console = Console()
    table = Table(box=None, pad_edge=False)
    for column, justify in (("", "left"), ("name", "left"), ("why", "left"), ("size", "right")):
        table.add_column(column, justify=justify, overflow="fold")  # pyright: ignore[reportArgumentType]
    for item in plan.items:
        table.add_row(item.kind.value, item.name, item.why, decimal(item.size_bytes))
    if plan.items:
        console.print(table, highlight=False)
    for name, why in plan.left_alone.items():
        console.print(f"left alone: {name}: {why}", highlight=False, soft_wrap=True)
    for item in changed:
        console.print(f"left alone: {item.name}: its run published meanwhile", highlight=False, soft_wrap=True)
    total = decimal(sum(item.size_bytes for item in (deleted if yes else plan.items)))
    if not plan.items:
        console.print("nothing to delete")
    elif yes:
        console.print(f"deleted {len(deleted)}, {total}", highlight=False)
    else:
        console.print(f"{len(plan.items)} to delete, {total}; nothing was deleted: add --yes", highlight=False)
