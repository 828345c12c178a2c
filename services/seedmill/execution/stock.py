"""The sandboxes that are there, and those being made: no program waits for a start that could have been made before.

Who has a turn takes an idle sandbox of the right environment, else the first that becomes ready. One that has ended its
service is ended and replaced behind its answer. Where all places are used by other environments, the sandbox that has
been idle longest makes room. While programs ask for fresh sandboxes, as many untouched ones are kept ready as there are
slots.

There are never more than `slots` programs at work, so one who waits always has a sandbox being made for it, or one of
another environment that can make room.
"""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from seedmill.execution import metrics
from seedmill.execution.orphans import reap_orphans
from seedmill.execution.place import Ending, Place
from seedmill.execution.sandboxes.checkpoint import Starter
from seedmill.execution.sandboxes.sandbox import SandboxKind
from seedmill.serving.errors import Unavailable

FRESH_SECONDS = 30.0
"""Spares are kept so long after the last program that asked for a fresh sandbox."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 15.0

log = structlog.get_logger("seedmill.execution")


@dataclass(slots=True, eq=False)
class _Waiter:
    kind: SandboxKind
    fresh: bool
    place: "asyncio.Future[Place]"


class Stock:
    """Sandboxes of any kinds for `slots` programs at a time."""

    def __init__(self, slots: int, starter: Starter) -> None:
        self._slots = slots
        self._starter = starter
        self._idle: list[Place] = []  # the one of last use is the last
        self._busy: set[Place] = set()
        self._starting: list[SandboxKind] = []
        self._ending = 0
        self._waiters: list[_Waiter] = []
        self._numbers = list(range(4 * slots + 4, -1, -1))
        self._starts: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.Task[None]] = set()
        self._usual: SandboxKind | None = None
        self._fresh: tuple[SandboxKind, float] | None = None
        self._pause_seconds = 0.0
        self._closed = False
        self.start_error: Unavailable | None = None
        """Why the last one could not be started; None after one that could."""

    async def open(self, kind: SandboxKind) -> None:
        """Make the first sandbox, and go on to make the others. Raises Unavailable."""
        self._usual = kind
        self._arrived(await self._start(kind))
        self._fill()

    async def close(self) -> None:
        """End them all."""
        self._closed = True
        for task in self._starts:
            task.cancel()
        await asyncio.gather(*self._starts, *self._ends, return_exceptions=True)
        places = [*self._idle, *self._busy]
        self._idle, self._busy = [], set()
        await asyncio.gather(*(place.sandbox.close() for place in places))
        await self._starter.close()
        self._show()

    async def take(self, kind: SandboxKind, *, fresh: bool) -> Place:
        """A sandbox of one's own; `fresh`: that has run nothing. Raises Unavailable when none can be started.

        It is given back by `give_back` or `end`.
        """
        if fresh:
            self._fresh = (kind, time.monotonic())
        else:
            self._usual = kind
        waiter = _Waiter(kind, fresh, asyncio.get_running_loop().create_future())
        place = self._suitable(waiter)
        if place is not None:
            self._hand_out(place)
            return place
        self._waiters.append(waiter)
        self._fill()
        try:
            return await waiter.place
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif not waiter.place.cancelled() and waiter.place.exception() is None:
                self.give_back(waiter.place.result())
            raise

    def give_back(self, place: Place) -> None:
        """It may serve on."""
        self._busy.discard(place)
        if place.old and self._alive > self._wanted:
            self._retire(place, Ending.AGE)
        else:
            self._arrived(place)
        self._fill()

    def end(self, place: Place, why: Ending) -> None:
        """It must not serve on: it is killed, and replaced behind the caller's back."""
        self._busy.discard(place)
        self._retire(place, why)
        self._fill()

    @property
    def _alive(self) -> int:
        return len(self._idle) + len(self._busy) + len(self._starting) + self._ending

    @property
    def _wanted(self) -> int:
        return self._slots + (self._slots if self._fresh_kind is not None else 0)

    @property
    def _fresh_kind(self) -> SandboxKind | None:
        if self._fresh is None or time.monotonic() - self._fresh[1] > FRESH_SECONDS:
            return None
        return self._fresh[0]

    def _suitable(self, waiter: _Waiter) -> Place | None:
        """An idle one; the youngest in use, so that old ones end, and an untouched one only where nothing else is."""
        fitting = [place for place in self._idle if place.environment == waiter.kind.environment.digest]
        if waiter.fresh:
            return next((place for place in fitting if place.served == 0), None)
        return next((place for place in reversed(fitting) if place.served), fitting[-1] if fitting else None)

    def _hand_out(self, place: Place) -> None:
        self._idle.remove(place)
        self._busy.add(place)
        self._fill()

    def _arrived(self, place: Place) -> None:
        """It is ready: for who has waited longest, or for whoever comes."""
        self._idle.append(place)
        for waiter in self._waiters:
            if self._suitable(waiter) is place:
                self._waiters.remove(waiter)
                self._idle.remove(place)
                self._busy.add(place)
                waiter.place.set_result(place)
                break
        else:
            self._retire_what_is_too_much()
        self._show()

    def _retire_what_is_too_much(self) -> None:
        """The successor of an old one came, or nobody asks for fresh ones any more."""
        while self._alive > self._wanted and self._idle:
            old = next((place for place in self._idle if place.old), None)
            place = old or self._idle[0]
            self._idle.remove(place)
            self._retire(place, Ending.AGE if old else Ending.EVICTED)

    def _fill(self) -> None:
        """Begin what is missing: first for those who wait, then the usual number, spares, successors."""
        if self._closed:
            return
        uncovered = self._uncovered()
        for waiter in uncovered:
            if self._alive >= self._wanted and not self._make_room(waiter):
                break
            self._begin(waiter.kind)
        if not uncovered and self._usual is not None:
            while self._alive < self._slots:
                self._begin(self._usual)
        self._spare()
        old = sum(place.old for place in (*self._idle, *self._busy))
        if self._usual is not None and old and not self._starting and not self._waiters and self._alive <= self._wanted:
            self._begin(self._usual)
        self._show()

    def _uncovered(self) -> list[_Waiter]:
        """Who waits and has none being made for it."""
        coming = [kind.environment.digest for kind in self._starting]
        uncovered: list[_Waiter] = []
        for waiter in self._waiters:
            if waiter.kind.environment.digest in coming:
                coming.remove(waiter.kind.environment.digest)
            else:
                uncovered.append(waiter)
        return uncovered

    def _make_room(self, waiter: _Waiter) -> bool:
        """End the one that has been idle longest and that `waiter` cannot use."""
        if not self._idle:
            return False
        place = self._idle.pop(0)
        self._retire(place, Ending.EVICTED)
        return waiter.kind.runsc is not None or self._alive < self._wanted

    def _spare(self) -> None:
        kind = self._fresh_kind
        if kind is None:
            return
        digest = kind.environment.digest
        ready = sum(place.served == 0 and place.environment == digest for place in self._idle)
        coming = sum(each.environment.digest == digest for each in self._starting) - len(self._waiters)
        for _ in range(self._slots - ready - max(0, coming)):
            if self._alive < self._wanted:
                self._begin(kind)

    def _begin(self, kind: SandboxKind) -> None:
        self._starting.append(kind)
        _spawn(self._make(kind), self._starts)

    async def _make(self, kind: SandboxKind) -> None:
        place: Place | None = None
        try:
            await asyncio.sleep(self._pause_seconds)
            place = await self._start(kind)
        except Unavailable as error:
            self._start_failed(kind, error)
        finally:
            self._starting.remove(kind)
        if place is not None:
            self._pause_seconds = 0.0
            self.start_error = None
            self._arrived(place)
        self._fill()
        await asyncio.to_thread(reap_orphans)  # what the new one's warden has ended

    def _start_failed(self, kind: SandboxKind, error: Unavailable) -> None:
        if self.start_error is None:
            log.warning("a sandbox could not be started", reason=error.message)
        self.start_error = error
        metrics.start_failures.inc()
        self._pause_seconds = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, 2 * self._pause_seconds))
        for waiter in [waiter for waiter in self._waiters if waiter.kind is kind]:
            self._waiters.remove(waiter)
            if not waiter.place.done():
                waiter.place.set_exception(Unavailable(error.reason, error.message))

    async def _start(self, kind: SandboxKind) -> Place:
        number = self._numbers.pop()
        try:
            sandbox = await self._starter.start(kind, number)
        except BaseException:
            self._numbers.append(number)
            raise
        return Place(sandbox, number)

    def _retire(self, place: Place, why: Ending) -> None:
        metrics.recycles.labels(why).inc()
        # Natively the next warden of the same users ends what this one's programs left, so it must come after it.
        counts = place.sandbox.kind.runsc is None
        self._ending += counts
        _spawn(self._end(place, counts), self._ends)

    async def _end(self, place: Place, counts: bool) -> None:
        try:
            await place.sandbox.close()
        finally:
            self._numbers.append(place.number)
            self._ending -= counts
        self._fill()

    def _show(self) -> None:
        for state, number in (
            ("idle", len(self._idle)),
            ("busy", len(self._busy)),
            ("starting", len(self._starting)),
        ):
            metrics.sandboxes.labels(state).set(number)


def _spawn(work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
    task = asyncio.create_task(work)
    among.add(task)
    task.add_done_callback(among.discard)
