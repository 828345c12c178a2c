"""What programs leave behind when their warden is killed, in a pod where this service is process 1 and inherits it.

The next warden kills it (`inside/processes.py`), and then somebody has to wait for it: asyncio waits only for processes
that it started. Those are root's, and programs never are; so the two cannot be taken for each other.
"""

import contextlib
import os
from pathlib import Path


def reap_orphans() -> int:
    """Wait for the ended children of this process that belong to programs' users; gives how many there were."""
    if os.getpid() != 1:
        return 0
    return sum(_reap(int(name)) for name in os.listdir("/proc") if name.isdigit())


def _reap(pid: int) -> bool:
    with contextlib.suppress(OSError, ValueError):  # it is gone, or it is no child of ours
        if os.stat(f"/proc/{pid}").st_uid == 0:
            return False
        state, parent = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[:2]
        if state == b"Z" and int(parent) == os.getpid():
            return os.waitpid(pid, os.WNOHANG)[0] == pid
    return False
