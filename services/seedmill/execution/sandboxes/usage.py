"""What a sandbox costs the machine beside its programs: CPU time and memory of gVisor's own processes.

What programs use themselves is counted by the warden. The processes that gVisor runs them in are none of these: they
have no command line, and their memory is the sandbox's.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time until now, and memory that is resident now."""

    cpu_seconds: float = 0.0
    resident_bytes: int = 0


def gvisor_processes(pid: int) -> tuple[int, ...]:
    """`pid` and those it and its children started, as far as they are gVisor's own."""
    found: list[int] = []
    new = [pid]
    while new:
        found += new
        new = [child for parent in new for child in _children(parent) if _has_command(child)]
    return tuple(found)


def usage_of(pids: Sequence[int]) -> Usage:
    """Of these together; one that has ended counts nothing."""
    ticks, pages = 0, 0
    for pid in pids:
        with suppress(OSError, IndexError, ValueError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            pages += int(fields[21])
    return Usage(ticks / _TICKS, pages * _PAGE_BYTES)


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                yield from map(int, (thread / "children").read_text().split())


def _has_command(pid: int) -> bool:
    with suppress(OSError):
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    return False
