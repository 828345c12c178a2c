"""The clocks that end a run: deadline and GPU hours, across processes, and whatever somebody does to the calendar."""

import time
from decimal import Decimal
from typing import Any

import orjson
import pytest

from seedmill.pipeline.hard_stop import HardStop, gpus_of, hard_stops
from seedmill.pipeline.progress import Progress
from seedmill.pipeline.report import RunReport
from seedmill.pipeline.run import Ending
from seedmill.recipes.build import build
from seedmill.records.generation import Served
from seedmill.records.ledger import Ledger
from seedmill.records.publication import End
from seedmill.serving.errors import Misconfigured
from seedmill.spec.limits import Budget
from support.memory_store import MemoryStore
from support.recipe_values import spec

PREFIX = "runs/local/test-00000000"


class Clock:
    """Seconds that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def process(store: MemoryStore, clock: Clock, gpus: float = 0.0) -> RunReport:
    """A process of the run that begins now."""
    report = RunReport(store, PREFIX, Progress(), gpus, clock)
    report.load()
    return report


def budget(**fields: Any) -> Budget:
    return Budget.model_validate(fields)


def test_the_time_of_earlier_processes_counts_and_the_time_between_does_not() -> None:
    store, clock = MemoryStore(), Clock()
    first = process(store, clock, gpus=4)
    clock.now += 100
    first.write("", Ledger())
    clock.now += 1.9  # a SIGKILL: what it worked since it last wrote is lost
    clock.now += 5000
    second = process(store, clock, gpus=2)
    assert (second.active_before, second.gpu_seconds_before) == (100, 400)
    clock.now += 10
    assert (second.active_seconds, second.gpu_seconds) == (110, 420)
    assert hard_stops(budget(activeDeadlineSeconds=150), second) == [
        HardStop(second.started + 50, End.DEADLINE_EXCEEDED)
    ]  # fmt: skip
    assert hard_stops(budget(maxGpuHours="0.25"), second) == [
        HardStop(second.started + (900 - 400) / 2, End.GPU_HOURS_EXHAUSTED)
    ]  # fmt: skip


def test_the_earlier_of_two_clocks_ends_the_run() -> None:
    report = process(MemoryStore(), Clock(), gpus=8)
    both = hard_stops(budget(activeDeadlineSeconds=3600, maxGpuHours="4"), report)
    assert [stop.end for stop in both] == [End.GPU_HOURS_EXHAUSTED, End.DEADLINE_EXCEEDED]
    assert both[0].at == report.started + 1800


def test_what_is_used_up_stops_at_once_and_no_limit_stops_never() -> None:
    store, clock = MemoryStore(), Clock()
    first = process(store, clock, gpus=1)
    clock.now += 7200
    first.write(Ending.GPU_HOURS_EXHAUSTED.value, Ledger())
    second = process(store, clock, gpus=1)
    assert hard_stops(budget(maxGpuHours="1"), second) == [HardStop(second.started, End.GPU_HOURS_EXHAUSTED)]
    assert hard_stops(budget(), second) == []
    assert second.last_ending == "GpuHoursExhausted"


def test_a_calendar_that_goes_back_and_forth_changes_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As NTP, a resumed laptop or an operator may do to it; a deadline counted with it would be passed, or never."""
    store = MemoryStore()
    calendar = [1_700_000_000.0]
    monkeypatch.setattr(time, "time", lambda: calendar[0])
    report = RunReport(store, PREFIX, Progress())
    before = report.active_seconds
    for jump in (-86_400.0 * 400, 86_400.0 * 4000, -1.0):
        calendar[0] += jump
        report.write("", Ledger())
        assert before <= report.active_seconds < before + 60
        [stop] = hard_stops(budget(activeDeadlineSeconds=60), report)
        assert stop.at == report.started + 60
    later = RunReport(store, PREFIX, Progress())
    later.load()
    assert 0 <= later.active_before < 60


def test_a_progress_file_of_an_older_version_keeps_its_clock() -> None:
    store = MemoryStore()
    old = {"phase": "generating", "ending": None, "activeSeconds": 12.5}
    store.put(f"{PREFIX}/progress.json", orjson.dumps(old))
    report = process(store, Clock(), gpus=2)
    assert (report.active_before, report.gpu_seconds_before) == (12.5, 0)


def test_gpu_hours_without_a_count_are_refused_with_what_to_do() -> None:
    teacher = {"teacher": {"model": "m"}}
    recipe = build(spec({"ossInstruct": {}}, **teacher))
    with pytest.raises(Misconfigured, match=r"maxGpuHours .* give --gpus N"):
        gpus_of(Decimal(1), recipe, Served(("openai x",)))
    assert gpus_of(Decimal(1), recipe, Served(("openai x",), 0.5)) == 0.5
    assert gpus_of(None, recipe, Served(("openai x",))) == 0
    assert gpus_of(Decimal(1), build(spec({"commentFunction": {}})), Served()) == 0
