"""SIGINT and SIGTERM of a command that drives a run: the first one drains, a second one stops at once.

Nothing durable is lost either way.
"""

import asyncio
import signal
from collections.abc import Callable

from seedmill.pipeline.progress import Phase
from seedmill.pipeline.run import Run, RunResult


class Signals:
    """Watches both signals from now on; `caught` is the number of the last one. `say` tells what the first one does."""

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
        if first and self._work.progress.phase in (Phase.GENERATING, Phase.DRAINING):
            self._say("finishing what is in flight; once more to stop at once")
            self._work.stop()
        else:
            self._task.cancel()
