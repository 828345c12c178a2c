"""How a run ended, in words, as JSON and as an exit status."""

from typing import Any

from rich.console import Console
from rich.table import Table

from seedmill.pipeline.run import Ending, RunResult
from seedmill.records.tokens import Tokens
from seedmill.storage.publications import dataset_uri
from seedmill.storage.store import Store

SENTENCES = {
    Ending.TARGET_REACHED: "The target is reached.",
    Ending.TARGET_NOT_REACHED: "All candidates are used up before the target was reached.",
    Ending.BUDGET_EXHAUSTED: "The budget is spent; what there is was published. Raise budget to go on.",
    Ending.DEADLINE_EXCEEDED: "The deadline has passed; what there is was published. Raise it to go on.",
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
        case Ending.BUDGET_EXHAUSTED | Ending.DEADLINE_EXCEEDED:
            return 4
        case Ending.TOO_MANY_FAILURES:
            return 5
        case Ending.SUSPENDED | Ending.TAKEN_OVER:
            return 128 + (caught or 2)


def result_json(result: RunResult, store: Store) -> dict[str, Any]:
    """The result for programs."""
    head = result.head
    return {
        "ending": result.ending.value,
        "message": SENTENCES[result.ending],
        "run": f"{store.uri}/{result.run.prefix}",
        "ledger": result.ledger.to_json(),
        "dataset": None if head is None else dataset_uri(store, result.run.prefix, head),
        "digest": None if head is None else head.dataset_digest,
        "damagedSegments": list(result.damaged),
    }


def describe(result: RunResult, store: Store, console: Console, paid: Tokens, wasted: Tokens) -> None:
    """Ledger, dataset and report, for a person. `paid` and `wasted` are this process's tokens."""
    console.print(SENTENCES[result.ending])
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
