"""The folder a sandbox lives in, and how what a killed owner left behind is found and removed.

A process that is killed tidies up nothing, so the next one that starts sandboxes does it. Each folder holds a file that
its owner keeps locked as long as it lives; a lock that nobody holds says that the owner is gone, whatever its pid says.
The file is locked before it gets its name: a folder without it is somebody else's, or just being made, and is left
alone. It has a name of its own, so that those who merely delete abandoned folders leave these to `sweep_abandoned`,
which first ends the processes and takes off the mount in them.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

PREFIX = "seedmill-sandbox-"
IMAGE_PREFIX = "seedmill-checkpoint-"
LOCK = "sandbox.lock"
_NAMESPACE = Path("state") / "null-netns"


class SandboxFolder:
    """A private folder, ours until `remove`."""

    def __init__(self, prefix: str = PREFIX) -> None:
        """Make it. Raises OSError."""
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self._lock = _locked(self.path)

    def remove(self) -> None:
        """Remove it and what is in it. Its sandbox has ended."""
        _remove(self.path)
        self._lock.close()


def sweep_abandoned() -> list[Path]:
    """Remove this user's folders whose owner is gone, and end the processes that live in them; returns them."""
    swept: list[Path] = []
    temporary = Path(tempfile.gettempdir())
    for folder in (*temporary.glob(f"{PREFIX}*"), *temporary.glob(f"{IMAGE_PREFIX}*")):
        with contextlib.suppress(OSError):  # held by its owner, gone meanwhile, or not ours to look into
            _sweep(folder)
            swept.append(folder)
    return swept


def _locked(folder: Path) -> IO[bytes]:
    unnamed = folder / f"{LOCK}.new"
    lock = unnamed.open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    unnamed.rename(folder / LOCK)
    return lock


def _sweep(folder: Path) -> None:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError(str(folder))
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _end_processes(folder)
        _remove(folder)
    finally:
        os.close(handle)


def _remove(folder: Path) -> None:
    namespace = folder / _NAMESPACE
    if namespace.exists():  # runsc pins it by a bind mount
        subprocess.run(["umount", str(namespace)], capture_output=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _end_processes(folder: Path) -> None:
    """runsc and what it started carry the folder, whose name is random, in their arguments."""
    for pid in _processes():
        with contextlib.suppress(OSError):
            process = os.pidfd_open(pid)  # from here on the pid cannot come to mean another process
            try:
                if _lives_in(pid, folder):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
            finally:
                os.close(process)


def _processes() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            yield int(name)


def _lives_in(pid: int, folder: Path) -> bool:
    if os.stat(f"/proc/{pid}").st_uid != os.geteuid():
        return False
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    inside = os.fsencode(folder)
    return any(argument.rpartition(b"=")[2] == inside or inside + b"/" in argument for argument in arguments)
