"""Processes of a library that would outlive this one: a small process that waits for its end, and ends them.

vLLM's processes do not notice when the one that started them is killed, and would hold the GPU for ever. They cannot be
told to (PR_SET_PDEATHSIG is set by a child itself, and these run vLLM's code alone), so somebody must stay who sees the
end: a process that reads a pipe, which breaks when this process is no more, whatever ended it.
"""

import subprocess
import sys
from collections.abc import Iterable

_PROGRAM = """
import os, signal, sys

def began(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[19]
    except OSError:
        return None

watched = {}
for line in sys.stdin:
    watched[int(line)] = began(int(line))
for pid, start in watched.items():
    if start is not None and began(pid) == start:
        os.kill(pid, signal.SIGKILL)
"""


class Orphans:
    """Ends the processes that it was told of once this process has ended, or `close` was called."""

    def __init__(self) -> None:
        self._told: set[int] = set()
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C on a terminal is for the others
        )

    def watch(self, pids: Iterable[int]) -> None:
        """Tell it of processes; those that it knows are no news."""
        for pid in pids:
            if pid not in self._told and self._keeper.stdin is not None:
                self._told.add(pid)
                self._keeper.stdin.write(f"{pid}\n")
                self._keeper.stdin.flush()

    def close(self) -> None:
        """End what is left of them, and the one that waited."""
        self._keeper.communicate()
