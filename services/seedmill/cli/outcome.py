"""How a run ended, in words, as JSON and as an exit status."""

from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from seedmill.pipeline.expiry import Deleted
from seedmill.pipeline.run import Ending, RunResult
from seedmill.records.tokens import Tokens
from seedmill.storage.publications import dataset_uri
from seedmill.storage.store import Store

SENTENCES = {
    Ending.TARGET_REACHED: "The target is reached.",
    Ending.TARGET_NOT_REACHED: "All candidates are used up before the target was reached.",
    Ending.BUDGET_EXHAUSTED: "The budget is spent; what there is was published. Raise budget to go on.",
    Ending.DEADLINE_EXCEEDED: "The deadline has passed; what there is was published. Raise it to go on.",
    Ending.GPU_HOURS_EXHAUSTED: (
        "The GPU hours of budget.maxGpuHours are used up; what there is was published. Raise it to go on."
    ),
    Ending.SUSPENDED: "Stopped; nothing was published. Run again to go on.",
    Ending.TAKEN_OVER: "Another process has taken over this run; it goes on there.",
    Ending.TOO_MANY_FAILURES: "Too many samples failed; nothing was published. Mend the cause and run again.",
}


def exit_status(ending: Ending, *, strict: bool, caught: int | None) -> int:
    """The exit status of `seedmill run`."""
    match ending:
        case Ending.TARGET_REACHED:
            return 0
        case Ending.TARGET_NOT_REACHED:
            return 3 if strict else 0
        case Ending.BUDGET_EXHAUSTED | Ending.DEADLINE_EXCEEDED | Ending.GPU_HOURS_EXHAUSTED:
            return 4
        case Ending.TOO_MANY_FAILURES:
            return 5
        case Ending.SUSPENDED | Ending.TAKEN_OVER:
            return 128 + (caught or 2)


def message_of(result: RunResult) -> str:
    """How it ended, in a sentence, and a remark where something is to be looked at."""
    sentence, deleted = SENTENCES[result.ending], result.deleted
    if deleted is None or not deleted.trouble:
        return sentence
    return f"{sentence} Not all that output.retention lets go is deleted; later runs try again: {deleted.trouble}"


def result_json(result: RunResult, store: Store) -> dict[str, Any]:
    """The result for programs."""
    head = result.head
    return {
        "ending": result.ending.reason,
        "message": message_of(result),
        "run": f"{store.uri}/{result.run.prefix}",
        "ledger": result.ledger.to_json(),
        "dataset": None if head is None else dataset_uri(store, result.run.prefix, head),
        "digest": None if head is None else head.dataset_digest,
        "damagedSegments": list(result.damaged),
        "deleted": None if result.deleted is None else deleted_json(result.deleted),
    }


def deleted_json(deleted: Deleted) -> dict[str, Any]:
    """What `output.retention` let go, for programs."""
    return {
        "publications": deleted.publications,
        "datasets": deleted.datasets,
        "bytes": deleted.size_bytes,
        "trouble": deleted.trouble or None,
    }


def describe(result: RunResult, store: Store, console: Console, paid: Tokens, wasted: Tokens) -> None:
    """Ledger, dataset and report, for a person. `paid` and `wasted` are this process's tokens."""
    console.print(message_of(result), markup=False, highlight=False, soft_wrap=True)
    for key in result.damaged:
        console.print(f"[yellow]A segment of the journal did not count (damaged): {key}[/yellow]")
    console.print(ledger_table(result.ledger.to_json()))
    if paid.total:
        besides = f", and about {wasted.total:,} for requests that brought no answer" if wasted.total else ""
        console.print(f"tokens paid now: {paid.total:,}{besides}", highlight=False)
    if result.head is not None:
        uri = dataset_uri(store, result.run.prefix, result.head)
        console.print(f"dataset: {uri}", highlight=False, soft_wrap=True)
        console.print(f"report:  {uri}/report.html", highlight=False, soft_wrap=True)
    deleted = result.deleted
    if deleted is not None and deleted.size_bytes:
        what = f"{deleted.publications} publications, {deleted.datasets} datasets, {decimal(deleted.size_bytes)}"
        console.print(f"superseded and deleted: {what}", highlight=False)


def ledger_table(ledger: dict[str, Any]) -> Table:
    """requested = accepted + rejected + failed + pending, one line each, reasons below."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_row("requested", f"{ledger['requested']:,}")
    table.add_row("accepted", f"[green]{ledger['accepted']:,}[/green]")
    for group in ("rejected", "failed"):
        table.add_row(group, f"{sum(ledger[group].values()):,}")
        for reason, count in ledger[group].items():
            table.add_row(f"  [dim]{reason}[/dim]", f"[dim]{count:,}[/dim]")
    table.add_row("pending", f"{ledger['pending']:,}")
    return table
