"""The event loop of a run and of its services, and how Python's garbage collector treats them.

Both are about CPU a row (benchmarks/pipeline.md). Where the work is sockets the loop is uvloop; services that start
processes have asyncio's own, for uvloop lacks options of theirs (umask). Of what a row leaves behind hardly anything is
in a cycle, yet by default the collector looks at the youngest objects after every 700 new ones, and again and again at
all that was imported. So it looks later, and never at what was there before the work began.
"""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

COLLECT_AFTER = (20_000, 20, 20)
"""New objects before the youngest are looked at, and how many times each generation is before the next."""


def run_in_loop(main: Coroutine[Any, Any, T], *, sockets: bool) -> T:
    """As `asyncio.run`; `sockets` says that this is what the work is. It changes the process's garbage collector."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    try:
        loop_factory = _of_sockets() if sockets else None
    except ImportError:
        main.close()  # or its warning would be the last word, and hide why
        raise
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main)


def _of_sockets() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's, imported here: the image of the execution service does not hold it."""
    import uvloop

    return uvloop.new_event_loop
