"""The event loop of a run and of its services, and how Python's garbage collector treats them.

Both are about CPU a row (benchmarks/pipeline.md). The loop is uvloop. Of what a row leaves behind hardly anything is in
a cycle, yet by default the collector looks at the youngest objects after every 700 new ones, and again and again at all
that was imported. So it looks later, and never at what was there before the work began.
"""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")

COLLECT_AFTER = (20_000, 20, 20)
"""New objects before the youngest are looked at, and how many times each generation is before the next."""


def run_in_loop(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, in uvloop. For the process's own work: it changes the process's garbage collector."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
