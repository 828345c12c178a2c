"""From the warden's fork to the first line of a program: descriptors of its own, and the walls of `confinement`."""

import io
import os
import sys

from . import confinement
from .processes import above
from .reasons import one_line

SCRATCH = ("/tmp", "/dev/shm")  # noqa: S108 - these are mounted anew
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}  # noqa: S108
"""What programs find, and the warden itself has: each of its children begins with it, at no cost."""


def confined(work, uid, descriptors, limits, processes, scratch=SCRATCH, revealed=()):
    """Fork a child that does `work` and exits with what it gives. Returns the child's process id.

    `descriptors` become its 1, 2, 3, … and are all it has; `limits` are those of `confinement.limit`. `scratch` folders
    are its own and vanish with it; `revealed` are folders that it must see, as `confinement.reveal` has them.

    A child that the kernel does not let be confined says so to `processes`, by a descriptor that no program has: an
    exit status is the program's, whichever it is.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        try:
            os.setsid()
            _arrange(descriptors, processes.setbacks_fd)
            _confine(uid, limits, processes, scratch, revealed)
        except BaseException as error:
            processes.report_setback(_said(error))
            raise
        os.close(processes.setbacks_fd)
        code = work()
    except BaseException as error:
        os.write(2, f"seedmill: {_said(error)}\n".encode())
    finally:
        os._exit(code)


def _said(error):
    name = "" if isinstance(error, confinement.ConfinementError) else f"{type(error).__name__}: "
    return name + one_line(str(error))


def _arrange(descriptors, kept):
    high = [os.dup(fd) if fd > 40 else above(fd, 40) for fd in descriptors]
    for target, fd in enumerate(high, 1):
        os.dup2(fd, target, inheritable=target <= 2)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.closerange(1 + len(descriptors), kept)
    os.closerange(kept + 1, 2 * kept)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "wb", closefd=False), "utf-8", "replace", write_through=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "wb", closefd=False), "utf-8", "replace", write_through=True)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr


def _confine(uid, limits, processes, scratch, revealed):
    try:
        flags = confinement.NEWNS | confinement.NEWIPC | confinement.NEWUTS | confinement.NEWNET
        confinement.check(confinement.libc.unshare(flags), "unshare")
        if processes.native:
            private = confinement.MS_REC | confinement.MS_PRIVATE
            confinement.check(confinement.libc.mount(b"none", b"/", None, private, None), "make / private")
            confinement.make_read_only([path for path in SCRATCH if path not in scratch])
            confinement.raise_loopback()
        covered = {path: confinement.open_folder(path) for path in revealed if _below(path, scratch)}
        for path in scratch:
            confinement.mount_scratch(path, uid)
        for path, handle in covered.items():
            confinement.mount_again(handle, path)
            os.close(handle)
        confinement.reveal([path for path in revealed if path not in covered])
    except confinement.ConfinementError:
        if not processes.native:
            raise
    confinement.limit(*limits)
    if processes.root:
        confinement.become(uid)
    os.chdir("/tmp" if os.access("/tmp", os.W_OK) else "/")  # noqa: S108
    os.umask(0o077)
    confinement.seal(processes.native)


def _below(path, folders):
    return any(path.startswith(f"{folder}/") for folder in folders)
