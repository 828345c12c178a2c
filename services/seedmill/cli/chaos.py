"""`seedmill chaos`: the fault scorecard, for seedmill and for the tools that people compare it with."""

import json as json_module
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from seedmill.chaos.play import Size
    from seedmill.chaos.scenarios import Scenario
    from seedmill.chaos.scorecard import Outcome
    from seedmill.chaos.tools import Tool


def chaos(
    only: Annotated[
        str | None, typer.Option(help="Scenarios to play, such as kill,429; all without it.", show_default=False)
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            help="Another tool to put through the same: NAME=/path/to/python, or NAME where `make peers` has it. "
            "curator, datatrove, datadesigner, distilabel, or all. May be repeated.",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=50, max=100_000, help="Rows to make in each scenario.")] = 600,
    at_once: Annotated[int, typer.Option(min=1, max=4096, help="Requests in flight.")] = 64,
    limit_seconds: Annotated[float, typer.Option(min=10, help="Seconds that a tool has for a scenario.")] = 120.0,
    json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON on stdout.")] = False,
) -> None:
    """Break things, and see what is lost and what is paid twice.

    A scripted engine on this machine plays the teacher; nothing is sent anywhere else. Exit status: 0 seedmill lost
    nothing and paid nothing twice beyond its window; 1 it did; 2 wrong options.
    """
    from rich.console import Console

    from seedmill.chaos.play import Size
    from seedmill.chaos.scenarios import scenarios_named
    from seedmill.chaos.scorecard import passed
    from seedmill.chaos.tools import SEEDMILL, Seedmill

    try:
        scenarios = scenarios_named(only)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--only") from None
    tools: list[Tool] = [Seedmill(), *_peers(peer or [])]
    console = Console(stderr=True)
    outcomes = _play_all(tools, scenarios, Size(rows, at_once, limit_seconds), console)
    if json:
        typer.echo(json_module.dumps([outcome.to_json() for outcome in outcomes], indent=2))
    else:
        for tool in tools:
            console.print(scorecard([outcome for outcome in outcomes if outcome.tool == tool.name], tool.name))
    raise typer.Exit(0 if passed(outcomes, SEEDMILL) else 1)


def _peers(given: Sequence[str]) -> "list[Tool]":
    from seedmill.chaos.peers import peer_python
    from seedmill.chaos.tools import PEERS, Peer

    found: list[Tool] = []
    for each in PEERS if "all" in given else given:
        name, _, path = each.partition("=")
        python = Path(path) if path else peer_python(name)
        if name not in PEERS:
            raise typer.BadParameter(f"no peer {name!r}; there are {', '.join(PEERS)}", param_hint="--peer")
        if python is None:
            if "all" in given:
                continue
            raise typer.BadParameter(f"{name} is not installed: give {name}=/path/to/python", param_hint="--peer")
        if not python.is_file():
            raise typer.BadParameter(f"{python} is no Python", param_hint="--peer")
        found.append(Peer(name, python.absolute()))
    return found


def _play_all(
    tools: "Sequence[Tool]", scenarios: "Sequence[Scenario]", size: "Size", console: "Console"
) -> "list[Outcome]":
    """Every scenario with every tool, one after the other, with a line for each."""
    from seedmill.chaos.play import play
    from seedmill.chaos.processes import running_engine
    from seedmill.chaos.script import Script

    signal.signal(signal.SIGTERM, _leave)  # so that what was started is ended
    outcomes: list[Outcome] = []
    with running_engine(Script()) as engine:
        for scenario in scenarios:
            for tool in tools:
                words = f"{tool.name}: {scenario.title}"
                with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
                    if console.is_terminal:
                        with console.status(f"{words} ({len(outcomes) + 1} of {len(scenarios) * len(tools)})"):
                            outcome = play(tool, scenario, engine, Path(folder), size)
                    else:
                        outcome = play(tool, scenario, engine, Path(folder), size)
                outcomes.append(outcome)
                console.print(f"{_mark(outcome)} {words}: {in_words(outcome)}", highlight=False, soft_wrap=True)
    return outcomes


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def in_words(outcome: "Outcome") -> str:
    """`600 of 600 rows, 12 paid twice, 7 s`."""
    if outcome.skipped:
        return f"skipped: {outcome.skipped}"
    made = "no word of its rows" if outcome.made is None else f"{outcome.made} of {outcome.rows - outcome.refused} rows"
    parts = [made, f"{outcome.paid_twice} paid twice", f"{outcome.seconds:.0f} s"]
    if outcome.starts > 1:
        parts.append(f"started {outcome.starts} times")
    return ", ".join([*parts, outcome.note] if outcome.note else parts)


def scorecard(outcomes: "Sequence[Outcome]", name: str) -> object:
    """The table of one tool."""
    from rich.table import Table

    table = Table(title=name, title_justify="left", title_style="bold")
    table.add_column("trouble", no_wrap=True)
    for column in ("made", "lost", "paid twice", "seconds", "starts"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    for outcome in outcomes:
        title = outcome.scenario.title
        if outcome.skipped:
            table.add_row(f"[dim]{title}[/dim]", "", "", "", "", "", f"[dim]skipped: {outcome.skipped}[/dim]")
            continue
        lost = f"[red]{outcome.lost}[/red]" if outcome.lost else "0"
        twice = str(outcome.paid_twice)
        if outcome.paid_twice > outcome.may_pay_twice:
            twice = f"[red]{twice}[/red]"
        elif outcome.may_pay_twice:
            twice = f"{twice} [dim]<= {outcome.may_pay_twice}[/dim]"
        made = "?" if outcome.made is None else str(outcome.made)
        seconds, starts = f"{outcome.seconds:.0f}", str(outcome.starts)
        table.add_row(title, made, lost, twice, seconds, starts, f"{_mark(outcome)} {outcome.note}".strip())
    return table


def _mark(outcome: "Outcome") -> str:
    if outcome.skipped:
        return "[dim]-[/dim]"
    return "[green]ok[/green]" if outcome.good else "[red]bad[/red]"
