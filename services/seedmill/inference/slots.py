"""Who may send to an endpoint now: its limit, its pause, and the line of those who wait.

Runs share an endpoint's slot-seconds by weight (stride scheduling): a free slot goes to the waiting run that had the
fewest for its weight. So a run of ten thousand prompts does not shut out one of ten, and long prompts count for as
long as they take. A prompt is charged when it is let in, with what those of its run took so far, and corrected when it
leaves. A run that was away begins with what those who are there have had: idleness saves nothing up.
Within a run the prompt with the lowest order goes first: those of samples that are nearly done before those of new
ones, so fewer samples are begun at a time and lost at a kill.
"""

import asyncio
import heapq
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from seedmill.inference.limit import Limit


class Moved(Exception):
    """The line of an endpoint was sent away: it does not answer, and others do."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants a slot: a run of some weight, and the prompt's order within the run, lowest first."""

    run: str = ""
    weight: int = 1
    order: int = 0


Turn = asyncio.Future[float]
FIRST_GUESS_SECONDS = 1.0
"""What a prompt takes, before one has left."""
SMOOTHING = 0.1


@dataclass(slots=True)
class _Run:
    """One run at one endpoint. `line` is a heap of (order, arrival, turn); turns that were given up stay in it.

    `had` are slot-seconds of prompts that left, `charged` what those in flight are expected to take, both by weight.
    `seconds` is what one prompt takes.
    """

    had: float
    seconds: float
    charged: float = 0.0
    weight: int = 1
    in_flight: int = 0
    line: list[tuple[int, int, Turn]] = field(default_factory=list[tuple[int, int, Turn]])

    @property
    def standing(self) -> float:
        """The run with the lowest is next."""
        return self.had + self.charged

    def enter(self) -> float:
        """A prompt is let in; what it is charged."""
        charge = self.seconds / self.weight
        self.in_flight += 1
        self.charged += charge
        return charge

    def leave(self, charge: float) -> None:
        """It is gone."""
        self.in_flight -= 1
        self.charged = self.charged - charge if self.in_flight else 0.0

    def took(self, seconds: float) -> None:
        """It held its slot for so long."""
        self.had += seconds / self.weight
        self.seconds += SMOOTHING * (seconds - self.seconds)

    def first(self) -> Turn | None:
        """Whose turn is next, or None when nobody of this run waits."""
        while self.line and self.line[0][2].done():
            heapq.heappop(self.line)
        return self.line[0][2] if self.line else None


class Slots:
    """The slots of one endpoint. Cancelling a waiter frees its place in the line."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.in_flight = 0
        self.waiting = 0
        self._runs: dict[str, _Run] = {}
        self._arrivals = 0
        self._seconds = FIRST_GUESS_SECONDS
        self._paused_until = 0.0

    def share(self, run: str, weight: int) -> float:
        """How many slots this run would hold, if it and all that are here wanted as many as they could get."""
        others = sum(each.weight for name, each in self._runs.items() if name != run)
        return self.limit.size * weight / (weight + others)

    @asynccontextmanager
    async def slot(self, claim: Claim) -> AsyncGenerator[int]:
        """A slot, once it is this caller's turn; gives the limit's generation, for `after_refusal`.

        Raises Moved when the line is sent away.
        """
        run = self._run(claim)
        loop = asyncio.get_running_loop()
        try:
            charge = await self._enter(run, claim.order)
            began = loop.time()
            try:
                yield self.limit.generation
            finally:
                run.took(loop.time() - began)
                self._leave(run, charge)
        finally:
            if not run.in_flight and run.first() is None:
                self._runs.pop(claim.run, None)

    def succeeded(self) -> None:
        """The request in a slot was answered."""
        self.limit = self.limit.after_success(self.in_flight)

    def refused(self, generation: int, pause_seconds: float | None) -> None:
        """The endpoint has too much to do; nothing is sent to it for as long as it asks."""
        self.limit = self.limit.after_refusal(generation)
        if pause_seconds is not None:
            loop = asyncio.get_running_loop()
            self._paused_until = max(self._paused_until, loop.time() + pause_seconds)
            loop.call_later(pause_seconds + 0.001, self._admit)

    def slowed(self) -> None:
        """Answers take much longer than they did with fewer requests in flight."""
        self.limit = self.limit.after_slowdown()

    def is_paused(self) -> bool:
        """Whether nothing is sent now, whatever the limit."""
        return asyncio.get_running_loop().time() < self._paused_until

    def send_away(self) -> None:
        """Everyone who waits leaves the line with Moved."""
        for run in self._runs.values():
            for _, _, turn in run.line:
                if not turn.done():
                    turn.set_exception(Moved())

    def _run(self, claim: Claim) -> _Run:
        run = self._runs.get(claim.run)
        if run is None:
            had = min((each.had for each in self._runs.values()), default=0.0)
            run = self._runs[claim.run] = _Run(had, self._seconds)
        run.weight = claim.weight
        return run

    async def _enter(self, run: _Run, order: int) -> float:
        """Wait for a slot; what is charged for it."""
        if not self.waiting and self.limit.admits(self.in_flight) and not self.is_paused():
            return self._take(run)
        turn: Turn = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        heapq.heappush(run.line, (order, self._arrivals, turn))
        self.waiting += 1
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._leave(run, turn.result())  # its turn came together with the cancellation
            else:
                turn.cancel()
                self.waiting -= 1
            raise
        except Moved:
            self.waiting -= 1
            raise

    def _take(self, run: _Run) -> float:
        self.in_flight += 1
        return run.enter()

    def _leave(self, run: _Run, charge: float) -> None:
        self.in_flight -= 1
        run.leave(charge)
        self._seconds = run.seconds
        self._admit()

    def _admit(self) -> None:
        while self.waiting and self.limit.admits(self.in_flight) and not self.is_paused():
            turns = [(run, turn) for run in self._runs.values() if (turn := run.first()) is not None]
            if not turns:
                return
            run, turn = min(turns, key=lambda each: each[0].standing)
            self.waiting -= 1
            turn.set_result(self._take(run))
