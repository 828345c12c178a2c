"""The other half of a batch: results go back in groups, as they finish.

A message for each result would cost more than the result, one message at the end would hold the first back for the
slowest. So whatever finished within a few milliseconds shares a message. Prompts take seconds, and a message costs as
much as the rest of a row: there 20 ms are well spent (benchmarks/pipeline.md). Programs take as long as that.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable
from typing import Any, TypeVar

Result = TypeVar("Result")


async def in_groups(
    work: Iterable[Coroutine[Any, Any, Result]], linger_seconds: float = 0.02
) -> AsyncGenerator[list[Result]]:
    """Run all of `work` at once; yield its results in groups of at least one, in the order they finish.

    An exception of one ends the whole and is raised after the results that were there before it. Whoever stops reading
    (a cancelled call) cancels what still runs.
    """
    finished: list[asyncio.Task[Result]] = []
    something = asyncio.Event()

    def note(task: "asyncio.Task[Result]") -> None:
        finished.append(task)
        something.set()

    tasks = [asyncio.create_task(each) for each in work]
    for task in tasks:
        task.add_done_callback(note)
    left = len(tasks)
    try:
        while left:
            await something.wait()
            if len(finished) < left:
                await asyncio.sleep(linger_seconds)
            group = finished.copy()
            finished.clear()
            something.clear()
            left -= len(group)
            failed = next((task for task in group if task.cancelled() or task.exception()), None)
            results = [task.result() for task in group if not (task.cancelled() or task.exception())]
            if results:
                yield results
            if failed is not None:
                failed.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
