"""What a person reads while a run goes on."""

import asyncio
import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from seedmill.cli.display import Display, duration, is_due
from seedmill.pipeline.patience import Awaited, Dependency
from seedmill.pipeline.progress import Phase, Progress, Snapshot
from seedmill.records.collection import CollectionProgress
from seedmill.records.ledger import Ledger
from seedmill.records.row import Row
from seedmill.records.tokens import Tokens

TEACHER_AWAY = Awaited(Dependency.TEACHER, "connection refused")


def snapshot(phase: Phase = Phase.GENERATING, accepted: int = 10, **changes) -> Snapshot:
    progress = Progress(phase=phase, target=100, candidates=1000, in_flight=4, paid_tokens=Tokens(900, 100))
    progress.begin_generating()
    progress.phase = phase
    progress.ledger = lambda: Ledger(accepted, {"verdict_fail": 30}, {}, 4)
    for name, value in changes.items():
        setattr(progress, name, value)
    return progress.snapshot()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (42.4, "42 s"), (180, "3 min"), (7500, "2 h 05 min"), (90_000, "25 h 00 min")]
)
def test_durations_are_said_in_two_units_at_most(seconds, text):
    assert duration(seconds) == text


async def lines(console: Console, taken: Iterator[Snapshot]) -> None:
    display = Display(console, "my-run", lambda: next(taken))
    with pytest.raises((StopIteration, RuntimeError)):
        await display.show()


async def test_without_a_terminal_news_come_as_plain_lines(monkeypatch):
    monkeypatch.setattr("seedmill.cli.display.LIVE_SECONDS", 0.0)
    out = io.StringIO()
    moments = [
        snapshot(Phase.COLLECTING, collection=CollectionProgress(1200, 0, 300)),
        snapshot(),
        snapshot(),
        snapshot(waiting=lambda: [TEACHER_AWAY]),
    ]
    await lines(Console(file=out, width=60), iter(moments))
    said = out.getvalue().splitlines()
    assert said[0] == "collecting seeds: 1,200 files read, 300 seeds"
    assert said[1].startswith("generating: 10/100 rows, yield 25 %, rejected 30, failed 0, in flight 4, tokens/s")
    assert said[2].endswith("; waiting (goes on by itself, Ctrl-C stops): teacher: connection refused")
    assert len(said) == 3  # a moment that says nothing new is not repeated


WAITS = {"waiting": lambda: [TEACHER_AWAY]}


@pytest.mark.parametrize(
    ("now", "silent_seconds", "due"),
    [
        (snapshot(Phase.PUBLISHING), 0.5, True),
        (snapshot(**WAITS), 0.5, True),
        (snapshot(accepted=11), 0.5, False),
        (snapshot(accepted=11), 5.0, True),
        (snapshot(), 5.0, False),
        (snapshot(), 29.5, False),
        (snapshot(), 30.0, True),
    ],
    ids=["phase", "waiting", "figures, soon", "figures, later", "nothing new", "for long", "for very long"],
)
def test_a_plain_line_tells_news_at_once_figures_now_and_then_and_nothing_new_hardly_ever(now, silent_seconds, due):
    assert is_due(now, snapshot(), silent_seconds) is due


async def test_in_a_terminal_the_panel_names_the_newest_rows_and_why_it_waits(monkeypatch):
    out = io.StringIO()
    console = Console(file=out, width=80, height=20, force_terminal=True)
    row = Row("Write a function\nthat counts words.", "", "", "", "python")
    moment = snapshot(recent=[row], waiting=lambda: [Awaited(Dependency.SANDBOX, "none can be started")])
    shower = asyncio.create_task(Display(console, "my-run", lambda: moment).show())
    for _ in range(200):  # a busy machine may need long for the first picture
        await asyncio.sleep(0.05)
        if "verdict_fail" in out.getvalue():
            break
    shower.cancel()
    await asyncio.gather(shower, return_exceptions=True)
    seen = out.getvalue()
    for expected in (
        "my-run",
        "10/100 rows",
        "Write a function that counts words.",
        "sandbox: none",
        "verdict_fail 30",
    ):
        assert expected in seen
