"""Waiting for a dependency that is away. Nothing fails meanwhile, and the user is told what the run waits for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ParamSpec, TypeVar

from seedmill.serving.errors import Busy, Unavailable
from seedmill.storage.store import StoreAway, StoreFull

P = ParamSpec("P")
T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0


class Dependency(StrEnum):
    """What a run can wait for, as people call it: the teacher is away, be it the engine or the service before it."""

    TEACHER = "teacher"
    SANDBOX = "sandbox"
    SEEDING = "seeding"
    AGGREGATION = "aggregation"
    STORE = "store"

    @property
    def service(self) -> str:
        """What programs know it by: a cluster has services, no teacher and no sandbox."""
        match self:
            case Dependency.TEACHER:
                return "inference"
            case Dependency.SANDBOX:
                return "execution"
            case Dependency.SEEDING | Dependency.AGGREGATION | Dependency.STORE:
                return self.value


@dataclass(frozen=True, slots=True)
class Awaited:
    """A dependency that is away, and why."""

    dependency: Dependency
    reason: str

    def __str__(self) -> str:
        return f"{self.dependency}: {self.reason}"


class Patience:
    """Calls that are repeated until their dependency answers. `waiting` maps each dependency that is away to why."""

    def __init__(self) -> None:
        self.waiting: dict[Dependency, str] = {}

    def awaited(self) -> list[Awaited]:
        """Each dependency that is away."""
        return [Awaited(dependency, reason) for dependency, reason in self.waiting.items()]

    async def call(self, dependency: Dependency, call: Callable[[], Awaitable[T]]) -> T:
        """The call's result. Unavailable and Busy are waited out; every other error is raised as it is."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                result = await call()
            except Busy as busy:
                await asyncio.sleep(busy.retry_after_seconds)
            except Unavailable as error:
                self.waiting[dependency] = error.message
                await asyncio.sleep(pause)
                pause = min(1.7 * pause, LONGEST_PAUSE_SECONDS)
            else:
                self.answers(dependency)
                return result

    def answers(self, dependency: Dependency) -> None:
        """It is not away any more, though the call that says so goes on."""
        self.waiting.pop(dependency, None)

    async def store(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """What blocking work on the store gives, in a thread. A store that is away or full is waited for."""
        return await self.storing(lambda: asyncio.to_thread(work, *args, **options))

    async def storing(self, work: Callable[[], Awaitable[T]]) -> T:
        """As `store`, for work that is asynchronous itself. It is begun anew, so it must not have begun anything."""

        async def call() -> T:
            try:
                return await work()
            except (StoreAway, StoreFull) as error:
                raise Unavailable("StoreUnavailable", str(error)) from error

        return await self.call(Dependency.STORE, call)
