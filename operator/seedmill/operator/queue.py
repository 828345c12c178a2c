"""Keys that wait for a reconcile: each at most once, one worker at a time for each, with a time to come back.

The queue holds keys, never what is to be done: losing it costs one listing. A key that is added while it is worked on
is worked on once more, so no wake-up is lost. A key that failed comes back after a pause that doubles (with jitter, so
that what failed together does not come back together) and is forgotten with the first success.
"""

import asyncio
import random
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 300.0


def _jitter() -> float:
    return random.uniform(0.5, 1.0)  # noqa: S311


class WorkQueue(Generic[K]):
    """Made and used inside one event loop. `jitter` gives the part of a pause that is waited, from 0 to 1."""

    def __init__(self, jitter: Callable[[], float] = _jitter) -> None:
        self._jitter = jitter
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._since: dict[K, float] = {}
        """When each key that is ready became so."""
        self._active: dict[K, float] = {}
        """When each key that is worked on was taken."""
        self._dirty: set[K] = set()
        self._later: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self.retries = 0

    def add(self, key: K) -> None:
        """Now."""
        if (timer := self._later.pop(key, None)) is not None:
            timer.cancel()
        if key in self._active:
            self._dirty.add(key)
        elif key not in self._since:
            self._since[key] = asyncio.get_running_loop().time()
            self._ready.put_nowait(key)

    def add_after(self, key: K, seconds: float) -> None:
        """So much later, or earlier where it is due anyway."""
        loop = asyncio.get_running_loop()
        if key in self._since or key in self._dirty:
            return
        due, known = loop.time() + seconds, self._later.get(key)
        if known is not None:
            if known.when() <= due:
                return
            known.cancel()
        self._later[key] = loop.call_at(due, self.add, key)

    async def get(self) -> K:
        """The next key, to be given back by `done` or `retry`."""
        key = await self._ready.get()
        del self._since[key]
        self._active[key] = asyncio.get_running_loop().time()
        return key

    def done(self, key: K, again_seconds: float | None = None) -> None:
        """It went well; look again after so long."""
        self._failures.pop(key, None)
        self._give_back(key, again_seconds)

    def retry(self, key: K) -> None:
        """It failed; look again after a pause."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self.retries += 1
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 20)) * self._jitter()
        # Not at once, even if it was added meanwhile: that would be a loop without pauses.
        self._dirty.discard(key)
        self._give_back(key, pause)

    @property
    def depth(self) -> int:
        """Keys that are ready."""
        return len(self._since)

    @property
    def oldest_seconds(self) -> float:
        """How long the key that waits longest has been ready; 0 without one."""
        return self._age(self._since)

    @property
    def longest_work_seconds(self) -> float:
        """How long the key that is worked on longest has been so; 0 without one."""
        return self._age(self._active)

    def _give_back(self, key: K, again_seconds: float | None) -> None:
        del self._active[key]
        if key in self._dirty:
            self._dirty.discard(key)
            self.add(key)
        elif again_seconds is not None:
            self.add_after(key, again_seconds)

    def _age(self, times: dict[K, float]) -> float:
        return asyncio.get_running_loop().time() - min(times.values()) if times else 0.0
