"""How many writes the API server gets from us: a token bucket over all of them.

A thousand runs that report every 15 seconds would be 67 writes a second, each of them sent on to every watcher.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic


class WriteBudget:
    """`burst` writes at once, then `per_second`. Who comes first is served first."""

    def __init__(
        self,
        per_second: float,
        burst: int,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._per_second, self._burst = per_second, float(burst)
        self._clock, self._sleep = clock, sleep
        self._left, self._at = float(burst), clock()

    async def take(self) -> None:
        """Wait for one write. The place in the row is taken at once, so waiters cannot overtake one another."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second) - 1
        self._at = now
        if self._left < 0:
            await self._sleep(-self._left / self._per_second)
