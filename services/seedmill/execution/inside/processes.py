"""The processes that tests start: which they are, what they use, how they end, and that none is left.

In the sandbox they are all that there is beside the warden: as pid 1 it kills everything, and waits until it has no
children. Natively other processes live on the machine, and the tests' are told by their users.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import struct
import time

from . import confinement

MOST_COPIES = 4
SETBACKS_FD = 200
"""Above what the warden has open, and below the limit that a program's processes have."""


class End:
    """How a process ended, and what it and the children it waited for had used by then."""

    def __init__(self, status, usage):
        self.exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.peak_bytes = usage.ru_maxrss << 10


class Processes:
    """Those of one warden. Where it is root, tests and solution run as users of their own, `first_uid` and the next."""

    def __init__(self, native, first_uid):
        self.native = native
        self.root = os.geteuid() == 0
        self.test_uid, self.solution_uid = first_uid, first_uid + 1
        self.copied_bytes = 0
        self.mounts = False  # whether the warden may mount what two processes of one test share
        self.setbacks_r, low = os.pipe()
        self.setbacks_fd = above(low, SETBACKS_FD)
        os.close(low)
        os.set_blocking(self.setbacks_r, False)
        self.setbacks = {}

    def report_setback(self, why):
        """In a child: that it could not be confined, so that nothing of the program has run."""
        data = why.encode("utf-8", "replace")[:500]
        os.write(self.setbacks_fd, struct.pack("<IH", os.getpid(), len(data)) + data)

    def setback(self, pid):
        """Why a child could not be confined; nothing where it was."""
        with contextlib.suppress(BlockingIOError):
            while header := os.read(self.setbacks_r, 6):
                child, size = struct.unpack("<IH", header)
                self.setbacks[child] = os.read(self.setbacks_r, size).decode("utf-8", "replace")
        return self.setbacks.pop(pid, "")

    @property
    def copies_bytes(self):
        """What `used_bytes` may rise by in a sandbox only because T and S write to pages that the warden has, too."""
        return 0 if self.native else 2 * self.copied_bytes

    def measure_copies(self):
        """Learn how much of this process a copy of it has, where that is much: after packages were imported."""
        if self.native:
            self.copied_bytes = resident_bytes(os.getpid())
            return
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        _, *how = os.wait4(pid, 0)
        self.copied_bytes = End(*how).peak_bytes

    def used_bytes(self):
        """Memory in use: of the whole sandbox, or natively of this warden's two users.

        Natively without what each process has from the warden, whose copy it is: of a few, for no more can be told.
        """
        if not self.native:
            return _sandbox_bytes()
        sizes = []
        for pid in self._own():
            try:
                sizes.append(resident_bytes(pid))
            except (OSError, IndexError):
                continue
        return max(0, sum(sizes) - min(len(sizes), MOST_COPIES) * self.copied_bytes)

    def sweep(self):
        """Kill everything that tests started, and wait until no child is left. Gives their ends by process."""
        ends = {}
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if self.native:
                for pid in self._own():
                    _kill(pid)
            else:
                _kill(-1)
            if not reap(ends) and (not self.native or not self._own()):
                return ends
            time.sleep(0.001)
        os._exit(98)  # what cannot be killed ends this sandbox: the host replaces it

    def _own(self):
        """Processes of this warden's tests, natively: by user where it is root, else its descendants.

        Those that have ended and that nobody has waited for are not: a parent that never does could keep them for ever.
        """
        found = []
        me = os.getpid()
        parents = {}
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == me:
                continue
            try:
                if self.root and os.stat(f"/proc/{name}").st_uid not in (self.test_uid, self.solution_uid):
                    continue
                with open(f"/proc/{name}/stat", "rb") as file:
                    state, parent = file.read().rpartition(b")")[2].split()[:2]
                if state in b"ZX":
                    continue
                if self.root:
                    found.append(int(name))
                else:
                    parents[int(name)] = int(parent)
            except (OSError, IndexError, ValueError):
                continue
        for pid in parents:
            at = pid
            while at in parents and at != me:
                at = parents[at]
            if at == me:
                found.append(pid)
        return found


def resident_bytes(pid):
    """Memory of a process now. Raises OSError, IndexError when it has ended."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def reap(ends):
    """Add the ends of the children that have ended, by process. False when there is no child any more."""
    try:
        while True:
            pid, *how = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return True
            ends[pid] = End(*how)
    except ChildProcessError:
        return False


def above(fd, least):
    """A copy of a descriptor, with a number of at least `least`."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


class _SysInfo(ctypes.Structure):
    _fields_ = (
        ("uptime", ctypes.c_long),
        ("loads", ctypes.c_ulong * 3),
        ("totalram", ctypes.c_ulong),
        ("freeram", ctypes.c_ulong),
        ("sharedram", ctypes.c_ulong),
        ("bufferram", ctypes.c_ulong),
        ("totalswap", ctypes.c_ulong),
        ("freeswap", ctypes.c_ulong),
        ("procs", ctypes.c_ushort),
        ("totalhigh", ctypes.c_ulong),
        ("freehigh", ctypes.c_ulong),
        ("mem_unit", ctypes.c_uint),
    )


def _sandbox_bytes():
    info = _SysInfo()
    confinement.check(confinement.libc.sysinfo(ctypes.byref(info)), "sysinfo")
    return (info.totalram - info.freeram) * (info.mem_unit or 1)
