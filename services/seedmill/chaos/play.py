"""One tool through one scenario: start it, make trouble, start it again where it has died, and look what came out.

A tool that dies of the trouble is started again by the same command, once the trouble is over, as a person would: what
counts is what was lost and paid in the end, and how often somebody had to come.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from seedmill.chaos.disks import NoSmallDisk, SmallDisk, running_small_disk
from seedmill.chaos.processes import Ended, Engine, Started
from seedmill.chaos.scenarios import PATIENCE_SECONDS, Deed, Scenario
from seedmill.chaos.scorecard import Outcome
from seedmill.chaos.store import BUCKET, S3Server, find_versitygw, running_s3_server
from seedmill.chaos.tools import SEEDMILL, Job, Tool

KILL_AT, TROUBLE_AT = 0.55, 0.40
AWAY_SECONDS = 6.0
LOOK_SECONDS = 0.05
MOST_STARTS = 3
CAP_SHARE = 4


_ROBUST = {"DATATROVE_REMOTE": "1"}
"""Of datatrove's two ways to a server this is the one that tries again."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is asked of each tool: `rows` rows, `at_once` in flight, within `limit_seconds`."""

    rows: int = 600
    at_once: int = 64
    limit_seconds: float = 120.0


def play(tool: Tool, scenario: Scenario, engine: Engine, folder: Path, size: Size) -> Outcome:
    """What came of it. `folder` is empty, and may be thrown away afterwards."""
    cap = max(1, size.at_once // CAP_SHARE) if scenario.capped else 0
    job = Job(folder, engine.url, size.rows, size.at_once, PATIENCE_SECONDS, state=folder / "state", variables=_ROBUST)
    outcome = Outcome(tool.name, scenario, size.rows, size.at_once)
    with ExitStack() as stack:
        disk: SmallDisk | None = None
        store: S3Server | None = None
        if scenario.deed is Deed.FILL_DISK:
            try:
                disk = stack.enter_context(running_small_disk(job.state))
            except NoSmallDisk as error:
                return replace(outcome, skipped=str(error))
            job = replace(job, prefix=disk.prefix)
        else:
            job.state.mkdir()
        if scenario.deed is Deed.STOP_STORE:
            if tool.name != SEEDMILL:
                return replace(outcome, skipped="keeps its state on the local disk only")
            if (binary := find_versitygw()) is None:
                return replace(outcome, skipped="no S3 server is here: versitygw on the PATH, or `make s3-server`")
            store = stack.enter_context(running_s3_server(binary, folder))
            job = replace(job, workdir=f"s3://{BUCKET}/work", variables=dict(store.environment))
        engine.play(replace(scenario.script, cap=cap))
        tool.prepare(job)
        began = time.monotonic()
        run = _Playing(tool, job, engine, began + size.limit_seconds)
        try:
            ended = run.through(scenario.deed, disk, store)
        finally:
            run.started.kill()
        return _outcome(outcome, engine.stats(), run, ended, time.monotonic() - began)


class _Playing:
    """The tool's processes, one after the other, until `deadline` (of time.monotonic)."""

    def __init__(self, tool: Tool, job: Job, engine: Engine, deadline: float) -> None:
        self._tool = tool
        self._job = job
        self._engine = engine
        self._deadline = deadline
        self.starts = 1
        self.started = Started(tool, job)

    def through(self, deed: Deed, disk: SmallDisk | None, store: S3Server | None) -> Ended | None:
        """Do the deed, then let it end; None when it did not in time."""
        match deed:
            case Deed.KILL:
                if self._until_paid(KILL_AT):
                    self.started.kill()
                    self._again()
            case Deed.FILL_DISK if disk is not None:
                self._until_paid(TROUBLE_AT)
                disk.fill()
                time.sleep(AWAY_SECONDS)
                disk.free()
            case Deed.STOP_STORE if store is not None:
                self._until_paid(TROUBLE_AT)
                store.stop()
                time.sleep(AWAY_SECONDS)
                store.start()
            case _:
                pass
        while True:
            ended = self.started.wait(max(0.0, self._deadline - time.monotonic()))
            if ended is None or ended.status == 0 or self.starts >= MOST_STARTS:
                return ended
            self._again()

    def _until_paid(self, share: float) -> bool:
        """Whether it lived until the engine had given so large a part of the answers."""
        while time.monotonic() < self._deadline and self.started.poll() is None:
            if self._engine.stats()["paid"] >= share * self._job.rows:
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def _again(self) -> None:
        self.starts += 1
        self.started = Started(self._tool, self._job)


def _outcome(outcome: Outcome, stats: Mapping[str, int], run: _Playing, ended: Ended | None, seconds: float) -> Outcome:
    made = None if ended is None else run.started.tool.rows_made(ended.stdout)
    return replace(
        outcome,
        refused=stats["refused_prompts"],
        made=made,
        paid=stats["paid"],
        paid_twice=stats["paid_twice"],
        seconds=seconds,
        ended=ended is not None,
        starts=run.starts,
        note=_note(ended),
    )


def _note(ended: Ended | None) -> str:
    if ended is None:
        return "did not end"
    return "" if ended.status == 0 else f"exit status {ended.status}"
