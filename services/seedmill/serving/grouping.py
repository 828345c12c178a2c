"""The other half of a batch: results go back in groups, as they finish.

A message for each result would cost more than the result, one message at the end would hold the first back for the
slowest. So whatever finished within a few milliseconds shares a message. Prompts take seconds, and a message costs as
much as the rest of a row: there 20 ms are well spent (benchmarks/pipeline.md). Programs take as long as that.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import aclosing
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")

LINGER_SECONDS = 0.02


class Grouping(Generic[Result]):
    """Work that is begun as it comes. `groups` gives the results; whoever stops reading cancels what still runs."""

    def __init__(self, linger_seconds: float = LINGER_SECONDS) -> None:
        self._linger_seconds = linger_seconds
        self._running: dict[str, asyncio.Task[Result]] = {}
        self._finished: list[asyncio.Task[Result]] = []
        self._news = asyncio.Event()
        self._complete = False
        self._broken: BaseException | None = None

    def begin(self, name: str, work: Coroutine[Any, Any, Result]) -> None:
        """Begin one piece of work. Raises ValueError when one of this name runs."""
        if name in self._running:
            work.close()
            raise ValueError(f"{name} is under way")
        task = asyncio.create_task(work, name=name)
        self._running[name] = task
        task.add_done_callback(self._note)

    def give_up(self, name: str) -> None:
        """Cancel a piece of work: it has no result. One that is not there, or not any more, is passed over."""
        task = self._running.pop(name, None)
        if task is not None:
            task.remove_done_callback(self._note)
            task.cancel()
            self._news.set()

    def complete(self, broken: BaseException | None = None) -> None:
        """Nothing more will be begun: groups end with the last result, or at once and with this exception."""
        self._complete, self._broken = True, broken
        self._news.set()

    def wake(self) -> None:
        """Give a group now, be it an empty one."""
        self._news.set()

    async def groups(self) -> AsyncGenerator[list[Result]]:
        """Results in the order they finish. An exception of one is raised after the results that were there before."""
        try:
            while self._running or self._finished or not self._complete:
                await self._news.wait()
                if self._finished and self._running:
                    await asyncio.sleep(self._linger_seconds)
                self._news.clear()
                finished, self._finished = self._finished, []
                failed = next((task for task in finished if task.cancelled() or task.exception()), None)
                yield [task.result() for task in finished if not (task.cancelled() or task.exception())]
                if failed is not None:
                    failed.result()
                if self._broken is not None:
                    break
            if self._broken is not None:
                raise self._broken
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _note(self, task: "asyncio.Task[Result]") -> None:
        if self._running.pop(task.get_name(), None) is not None:
            self._finished.append(task)
            self._news.set()


async def in_groups(
    work: Iterable[Coroutine[Any, Any, Result]], linger_seconds: float = LINGER_SECONDS
) -> AsyncGenerator[list[Result]]:
    """Run all of `work` at once; yield its results in groups of at least one, in the order they finish.

    Ends as `Grouping.groups` does.
    """
    grouping = Grouping[Result](linger_seconds)
    for number, each in enumerate(work):
        grouping.begin(str(number), each)
    grouping.complete()
    async with aclosing(grouping.groups()) as groups:
        async for group in groups:
            if group:
                yield group
