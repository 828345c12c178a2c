"""A command that drives a run: until its end, or until SIGINT or SIGTERM.

The first signal drains, a second one stops at once. Nothing durable is lost either way.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from seedmill.pipeline.progress import Phase
from seedmill.pipeline.run import Run, RunResult


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of it: `result` is None when it was stopped at once; `caught` is the number of the last signal."""

    result: RunResult | None
    caught: int | None


async def drive(work: Run, say: Callable[[str], None], beside: Coroutine[None, None, None]) -> Driven:
    """Execute the run, with `beside` (which shows it) going on until it ends. `say` tells what the first signal does.

    Raises what `Run.execute` raises.
    """
    task = asyncio.create_task(work.execute())
    signals = _Signals(work, task, say)
    shower = asyncio.create_task(beside)
    try:
        return Driven(await task, signals.caught)
    except asyncio.CancelledError:
        if signals.caught is None:
            raise
        return Driven(None, signals.caught)
    finally:
        shower.cancel()
        await asyncio.gather(shower, return_exceptions=True)


class _Signals:
    """Watches both signals from now on; `caught` is the number of the last one."""

    def __init__(self, work: Run, task: "asyncio.Task[RunResult]", say: Callable[[str], None]) -> None:
        self._work = work
        self._task = task
        self._say = say
        self.caught: int | None = None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._handle, int(number))

    def _handle(self, number: int) -> None:
        first = self.caught is None
        self.caught = number
        if first and self._work.progress.phase in (Phase.GENERATING, Phase.DRAINING, Phase.DELETING):
            self._say("finishing what is in flight; once more to stop at once")
            self._work.stop()
        else:
            self._task.cancel()
