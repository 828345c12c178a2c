"""Keeps a window of samples in flight until the cut is reached, the budget is spent or someone says stop.

Begun samples go before new ones, lower indices before higher. A sample that failed is issued again after a growing
pause, at most three times. Nothing is issued while the journal is blocked or another process has taken over, and no
more than the engines want: a sample that waits for them in a queue is one more that a kill would cost.

Where the fold finds no room for its scratch files it cannot go on, and how far it came is not known. What is in flight
is finished, since it is paid for and the journal takes it; then the fold must be made anew.
"""

import asyncio
import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from seedmill.pipeline.frontier import Frontier
from seedmill.pipeline.journal_writer import JournalWriter
from seedmill.pipeline.progress import Phase, Progress
from seedmill.pipeline.walker import Walker
from seedmill.records.resolution import RootRecords
from seedmill.records.seed import Seed
from seedmill.storage.store import StoreFull

FAILURE_PAUSE_SECONDS = (1.0, 10.0)
"""Before the second and the third try of a failed sample."""
POLL_SECONDS = 0.25
ROOM_POLL_SECONDS = 0.02
"""How soon it is seen that engines want more, while they have enough."""
JUDGE_FAILURES_FROM = 100


class RunnerEnd(StrEnum):
    """Why the runner stopped."""

    CUT = "cut"
    DRAINED = "drained"
    DEADLINE = "deadline"
    FENCED = "fenced"
    TOO_MANY_FAILURES = "too many failures"


class SeedSource(Protocol):
    """The run's seeds by index."""

    def get(self, index: int) -> Seed: ...


@dataclass(frozen=True, slots=True)
class RunnerLimits:
    """`deadline` is in seconds of time.monotonic, `max_failed_percent` of settled candidates."""

    window: int
    max_failed_percent: int
    deadline: float | None


class Runner:
    """One run's loop. `begun` are roots that the journal knows and that are not settled.

    `room()` is how many more prompts the engines want now, None when that is not known.
    """

    def __init__(
        self,
        frontier: Frontier,
        walker: Walker,
        journal: JournalWriter,
        seeds: SeedSource,
        limits: RunnerLimits,
        progress: Progress,
        begun: Sequence[RootRecords],
        room: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._frontier = frontier
        self._walker = walker
        self._journal = journal
        self._seeds = seeds
        self._limits = limits
        self._progress = progress
        self._begun = {root.index: root for root in begun}
        self._ready = [(0.0, root.index) for root in begun]
        heapq.heapify(self._ready)
        self._next_new = 0
        self._flying: dict[asyncio.Task[None], int] = {}
        self._ended: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self._room = room
        self._poll_seconds = POLL_SECONDS
        self._stopping = False
        self._no_room: StoreFull | None = None

    @property
    def begun_count(self) -> int:
        """Roots begun and not settled, in flight or waiting for their turn."""
        return len(self._begun)

    def stop(self) -> None:
        """Issue nothing new; `run` returns when what is in flight has ended."""
        self._stopping = True

    async def run(self) -> RunnerEnd:
        """Until there is an end. Raises StoreFull, and what makes the run impossible; nothing is in flight then."""
        try:
            while True:
                end = self._end()
                if end is not None:
                    return end
                self._issue()
                self._progress.in_flight = len(self._flying)
                await self._settle_some()
        finally:
            await self._cancel_all()

    def _end(self) -> RunnerEnd | None:
        if self._no_room is not None:
            self._progress.phase = Phase.DRAINING
            if not self._flying:
                raise self._no_room
            return None
        # Before the cut: behind one slow root hundreds may settle in one step, the last one with them, and what is
        # published must not depend on that.
        if self._too_many_failures():
            return RunnerEnd.TOO_MANY_FAILURES
        if self._frontier.done:
            return RunnerEnd.CUT
        closing = self._closing_reason()
        if closing is None:
            return None
        self._progress.phase = Phase.DRAINING
        return None if self._flying else closing

    def _closing_reason(self) -> RunnerEnd | None:
        if self._stopping:
            return RunnerEnd.DRAINED
        if self._journal.fenced_by:
            return RunnerEnd.FENCED
        if self._limits.deadline is not None and time.monotonic() >= self._limits.deadline:
            return RunnerEnd.DEADLINE
        return None

    def _too_many_failures(self) -> bool:
        ledger = self._frontier.ledger(0)
        failed = sum(ledger.failed.values())
        settled = ledger.settled
        return settled >= JUDGE_FAILURES_FROM and 100 * failed > self._limits.max_failed_percent * settled

    def _issue(self) -> None:
        if self._no_room is not None or self._closing_reason() is not None or self._journal.blocked:
            return
        for _ in range(self._free()):
            root = self._next()
            if root is None:
                return
            sight = self._frontier.sight(root.index)
            task = asyncio.create_task(self._walker.walk(root.index, self._seeds.get(root.index), root, sight))
            self._flying[task] = root.index
            task.add_done_callback(self._note_end)

    def _free(self) -> int:
        """How many samples to issue now: as the window allows, and the engines want."""
        free = self._frontier.enough_in_flight(self._limits.window) - len(self._flying)
        wanted = self._room()
        has_enough = wanted is not None and wanted < free
        self._poll_seconds = ROOM_POLL_SECONDS if has_enough else POLL_SECONDS
        return max(0, wanted) if wanted is not None and has_enough else free

    def _next(self) -> RootRecords | None:
        """The next root to issue: a begun one that is ready, else a new one that may be."""
        if self._ready and self._ready[0][0] <= time.monotonic():
            return self._begun[heapq.heappop(self._ready)[1]]
        while self._frontier.knows(self._next_new) or self._next_new in self._begun:
            self._next_new += 1
        index = self._next_new
        if not self._frontier.may_issue(index, len(self._begun)):
            return None
        self._next_new += 1
        self._begun[index] = RootRecords(index)
        return self._begun[index]

    async def _settle_some(self) -> None:
        """Wait until a sample ended, or for a moment; settle those that did."""
        timer = asyncio.get_running_loop().call_later(self._poll_seconds, self._news.set)
        await self._news.wait()
        timer.cancel()
        self._news.clear()
        ended, self._ended = self._ended, []
        for task in ended:
            index = self._flying.pop(task)
            task.result()
            if self._no_room is None:
                try:
                    self._settle(index)
                except StoreFull as error:
                    self._no_room = error

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        self._ended.append(task)
        self._news.set()

    def _settle(self, index: int) -> None:
        root = self._begun[index]
        settled = root.settled()
        if settled is not None:
            del self._begun[index]
            self._frontier.settle(settled)
            return
        failures = max((root.failures(path) for path in root.ends), default=1)
        pause = FAILURE_PAUSE_SECONDS[min(failures, len(FAILURE_PAUSE_SECONDS)) - 1]
        heapq.heappush(self._ready, (time.monotonic() + pause, index))

    async def _cancel_all(self) -> None:
        for task in self._flying:
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
        self._flying.clear()
        self._progress.in_flight = 0
