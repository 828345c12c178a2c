"""Limits that end a run: all finished rows are published, a SIGKILL changes nothing, and a raised limit goes on."""

import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.cli import result_of, seedmill, start
from support.specs import TAUGHT, write_spec
from support.teacher import TeacherServer

WINDOW = 8
SECONDS_EACH = 0.8
TARGET = 120


def limited(folder: Path, **budget: Any) -> Path:
    """A run with this budget."""
    text = TAUGHT.replace("acceptedSamples: 3", f"acceptedSamples: {TARGET}")
    return write_spec(folder, text + f"  budget: {json.dumps(budget)}\n", functions=300)


def run(spec: Path, workdir: Path, teacher: TeacherServer, *more: str) -> tuple[int, dict[str, Any]]:
    done = seedmill("run", spec, "--workdir", workdir, "--teacher", teacher.url, "--json", *more)
    assert done.stdout, done.stderr
    return done.returncode, result_of(done)


def outcomes(result: Mapping[str, Any]) -> dict[str, str]:
    """Of the latest publication, by sample."""
    import pyarrow.parquet as pq

    folder = Path(result["run"])
    head = orjson.loads((folder / "HEAD.json").read_bytes())
    table = pq.read_table(folder / head["publication"] / "outcomes.parquet").to_pylist()
    return {row["sample"]: row["end"] for row in table if row["outcome"] == "kept"}


def rows(result: Mapping[str, Any]) -> list[str]:
    import pyarrow.parquet as pq

    table = pq.read_table(sorted(Path(result["dataset"]).glob("data-*.parquet")), columns=["id"])
    return table.column("id").to_pylist()


def killed(spec: Path, workdir: Path, teacher: TeacherServer, answers: int) -> None:
    """SIGKILL after so many further answers, between two writes of the clock."""
    before = sum(teacher.paid.values())
    process = start("run", spec, "--workdir", workdir, "--teacher", teacher.url)
    deadline = time.monotonic() + 90
    while sum(teacher.paid.values()) < before + answers:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the teacher was not asked"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


HARD_STOPS = [
    ("activeDeadlineSeconds", 8, 16, (), "DeadlineExceeded", "The deadline"),
    ("maxGpuHours", "0.0178", "0.0356", ("--gpus", "8"), "BudgetExhausted", "budget.maxGpuHours"),
]
"""Eight seconds, then sixteen. Both have one clock, so kills are tried with the first alone."""


@pytest.mark.parametrize(("limit", "first", "more", "options", "reason", "words"), HARD_STOPS)
def test_a_hard_stop_keeps_all_finished_rows_and_a_raised_one_goes_on_also_with_a_kill_between(
    tmp_path: Path, limit: str, first: Any, more: Any, options: tuple[str, ...], reason: str, words: str
):
    workdir = tmp_path / "work"
    with TeacherServer(delay=lambda request: SECONDS_EACH) as teacher:
        spec = limited(tmp_path, **{limit: first})
        if not options:
            killed(spec, workdir, teacher, 2 * WINDOW)
        status, stopped = run(spec, workdir, teacher, *options)
        assert (status, stopped["ending"]) == (4, reason)
        assert words in stopped["message"]
        made = rows(stopped)
        progress = orjson.loads((Path(stopped["run"]) / "progress.json").read_bytes())
        assert 8 <= progress["activeSeconds"] < 60
        assert progress["gpuSeconds"] == pytest.approx(progress["activeSeconds"] * (8 if options else 0), rel=1e-3)
        assert WINDOW < len(made) < TARGET
        assert sum(teacher.paid.values()) - teacher.paid_twice <= stopped["ledger"]["requested"]
        assert teacher.paid_twice <= WINDOW
        assert "**Partial.**" in (Path(stopped["dataset"]) / "README.md").read_text()
        assert seedmill("replay", stopped["run"]).returncode == 0

        paid = sum(teacher.paid.values())
        again_status, again = run(spec, workdir, teacher, *options)
        assert (again_status, again) == (4, stopped)  # what is used up is used up
        assert sum(teacher.paid.values()) == paid

        spec = limited(tmp_path, **{limit: more})
        if not options:
            killed(spec, workdir, teacher, 2 * WINDOW)
        status, raised = run(spec, workdir, teacher, *options)
        assert (status, raised["ending"]) == (4, reason)
        assert rows(raised)[: len(made)] == made
        assert len(rows(raised)) > len(made)
        assert teacher.paid_twice <= 2 * WINDOW

        teacher.delay = lambda request: 0.0
        status, free = run(limited(tmp_path), workdir, teacher, *options)
        assert status == 0
        assert rows(free)[: len(rows(raised))] == rows(raised)
        assert outcomes(raised).items() <= outcomes(free).items()
        assert teacher.paid_twice <= 2 * WINDOW
        assert seedmill("replay", free["run"]).returncode == 0


def test_gpu_hours_without_a_number_of_gpus_are_refused_before_anything_is_paid(tmp_path: Path):
    spec = limited(tmp_path, maxGpuHours="1")
    with TeacherServer() as teacher:
        done = seedmill("run", spec, "--workdir", tmp_path / "work", "--teacher", teacher.url)
    assert done.returncode == 2
    assert done.stderr.count("\n") <= 5
    assert "seedmill: " in done.stderr
    assert "budget.maxGpuHours limits GPU hours, but nothing says how many GPUs" in done.stderr
    assert not teacher.paid


TOKENS = ({"maxTokens": 57_500}, {"maxTokens": 75_000})
PRICE = {"pricePerMillionTokens": {"input": "2", "output": "2"}}
MONEY = ({"maxCost": "0.115", **PRICE}, {"maxCost": "0.15", **PRICE})
"""The same in tokens and in money: 40,000 tokens and the 17,536 that one candidate may cost, then more."""


def test_a_budget_cuts_at_the_same_row_whatever_happens_and_a_raised_one_goes_on(tmp_path: Path):
    with TeacherServer() as teacher:
        status, calm = run(limited(tmp_path, **TOKENS[0]), tmp_path / "calm", teacher)
        assert (status, calm["ending"]) == (4, "BudgetExhausted")
        head = orjson.loads((Path(calm["run"]) / "HEAD.json").read_bytes())
        assert 20_000 < head["tokens"] <= 57_500
    with TeacherServer(delay=lambda request: 0.05) as teacher:
        workdir = tmp_path / "work"
        killed(limited(tmp_path, **MONEY[0]), workdir, teacher, 30)
        status, cut = run(limited(tmp_path, **MONEY[0]), workdir, teacher)
        assert (status, cut["ending"], cut["ledger"]) == (4, "BudgetExhausted", calm["ledger"])
        assert rows(cut) == rows(calm)
        killed(limited(tmp_path, **MONEY[1]), workdir, teacher, 10)
        status, raised = run(limited(tmp_path, **MONEY[1]), workdir, teacher)
        assert status == 4
        assert rows(raised)[: len(rows(cut))] == rows(cut)
        assert len(rows(raised)) > len(rows(cut))
        assert teacher.paid_twice <= 2 * WINDOW
