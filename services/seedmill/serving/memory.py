"""How much of the memory that was freed a process keeps.

A run and its services hold what a window of samples needs, whatever the size of the run. But glibc learns from the
largest piece that was ever freed to keep pieces of that size, and gives every thread a heap of its own: what was needed
for a moment, here and there, stays with the process for hours. Arrow has an allocator of its own that keeps as much.
benchmarks/scale.py shows what that comes to.
"""

import ctypes
import os
from contextlib import suppress

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
"""Numbers of mallopt(3)."""
_LARGE_BYTES = 256 << 10
_HEAPS = 2


def keep_little() -> None:
    """From now on large pieces go back to the system when they are freed, and threads share two heaps.

    For the beginning of a process, before there are threads and before pyarrow is imported. What the environment says
    of Arrow stays. Where the C library is not glibc its own ways stay, too.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_ARENA_MAX, _HEAPS)
