"""Whose turn it is: so many programs at once, the others wait in a bounded queue, and runs take turns.

A run that sends ten thousand programs must not make another one wait for all of them: the next turn goes to the run
that has waited longest for one. Who finds the queue full is told when it will have moved on, from what was measured.
"""

import asyncio
import statistics
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from seedmill.execution import metrics
from seedmill.serving.errors import Busy

REMEMBERED = 256
FIRST_GUESS_SECONDS = 0.1
SHORTEST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.1, 60.0

_Waiter = asyncio.Future[None]


class Turns:
    """`slots` turns at a time, and at most `longest` waiters."""

    def __init__(self, slots: int, longest: int) -> None:
        self._slots = slots
        self._longest = longest
        self._taken = 0
        self._waiting: OrderedDict[str, deque[_Waiter]] = OrderedDict()
        self._recent: deque[float] = deque(maxlen=REMEMBERED)
        self.waiting = 0

    @asynccontextmanager
    async def turn(self, run: str) -> AsyncGenerator[None]:
        """Held while this is open. Raises Busy at once when the queue is full."""
        began = time.monotonic()
        await self._enter(run)
        entered = time.monotonic()
        metrics.seconds.labels("queue").observe(entered - began)
        try:
            yield
        finally:
            self._recent.append(time.monotonic() - entered)
            self._leave()

    @property
    def delay_seconds(self) -> float:
        """When a queue as long as this one will have been worked off."""
        median = statistics.median(self._recent) if self._recent else FIRST_GUESS_SECONDS
        return min(LONGEST_DELAY_SECONDS, max(SHORTEST_DELAY_SECONDS, self.waiting * median / self._slots))

    async def _enter(self, run: str) -> None:
        if self._taken < self._slots:
            self._taken += 1
            return
        if self.waiting >= self._longest:
            metrics.rejected.inc()
            raise Busy("QueueFull", f"{self.waiting} programs wait", retry_after_seconds=self.delay_seconds)
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run, deque()).append(waiter)
        self._count(1)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # it was given a turn in the moment it was cancelled
                self._leave()
            else:
                self._forget(run, waiter)
            raise

    def _leave(self) -> None:
        while self._waiting:
            run, waiters = self._waiting.popitem(last=False)
            waiter = waiters.popleft()
            if waiters:
                self._waiting[run] = waiters  # to the end: the others first
            self._count(-1)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._taken -= 1

    def _forget(self, run: str, waiter: _Waiter) -> None:
        waiters = self._waiting.get(run)
        if waiters is None or waiter not in waiters:
            return
        waiters.remove(waiter)
        self._count(-1)
        if not waiters:
            del self._waiting[run]

    def _count(self, change: int) -> None:
        self.waiting += change
        metrics.waiting.set(self.waiting)
