"""Services that `seedmill run` starts end with it, even when it is killed."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with(parent_pid: int) -> bool:
    """Have SIGTERM sent to this process when its parent ends. False when that parent is gone already.

    The parent says its pid, because one that died while this process was starting cannot be told from init. Systems
    other than Linux have no such signal; there the services stay until they are stopped.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"prctl(PR_SET_PDEATHSIG): {os.strerror(number)}")
    return os.getppid() == parent_pid
