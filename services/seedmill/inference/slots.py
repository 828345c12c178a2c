"""Who may send to an endpoint now: its limit, its pause, and the line of those who wait."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from seedmill.inference.limit import Limit


class Slots:
    """The slots of one endpoint, first come, first served. Cancelling a waiter frees its place in the line."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.in_flight = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0

    @property
    def load(self) -> float:
        """Requests under way and waiting, as a multiple of the limit."""
        return (self.in_flight + len(self._line)) / self.limit.size

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[int]:
        """A slot, once it is this caller's turn; gives the limit's generation, for `after_refusal`."""
        await self._enter()
        try:
            yield self.limit.generation
        finally:
            self.in_flight -= 1
            self._admit()

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

    def is_paused(self) -> bool:
        """Whether nothing is sent now, whatever the limit."""
        return asyncio.get_running_loop().time() < self._paused_until

    async def _enter(self) -> None:
        if not self._line and self.limit.admits(self.in_flight) and not self.is_paused():
            self.in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn came together with the cancellation
                self.in_flight -= 1
                self._admit()
            else:
                self._line.remove(turn)
            raise

    def _admit(self) -> None:
        while self._line and self.limit.admits(self.in_flight) and not self.is_paused():
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                self.in_flight += 1
