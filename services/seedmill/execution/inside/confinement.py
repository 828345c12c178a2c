"""What a program is cut off from before its first line runs: in the child, after fork, in this order.

Its own IPC, network, UTS and mount namespaces; a private /tmp and /dev/shm that vanish with it, and natively nothing
else that can be written; limits; its own uid; no new privileges; a filter that refuses system calls no program needs.
The uid is the wall that matters most: without it a program can open the warden's files through /proc and write its own
verdict.
"""

import ctypes
import fcntl
import os
import signal
import struct
from _socket import AF_INET, SOCK_DGRAM, socket

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 0x20, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE = 1, 38, 22, 36, 4
PROCESSES = 64
FILES = 256
FILE_BYTES = 64 << 20
ADDRESS_BYTES = 4 << 30
SCRATCH_BYTES = 64 << 20

_MOUNT_SETATTR, _MOUNT_ATTR_RDONLY, _AT_FDCWD, _AT_RECURSIVE = 442, 1, -100, 0x8000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
# Not by the module `resource`: a library more in the warden is one more to map for each program.
_RLIMIT_CPU, _RLIMIT_FSIZE, _RLIMIT_CORE, _RLIMIT_NPROC, _RLIMIT_NOFILE, _RLIMIT_AS = 0, 1, 4, 6, 7, 9

libc = ctypes.CDLL(None, use_errno=True)


class ConfinementError(OSError):
    """The kernel refused a wall."""


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise ConfinementError(number, f"{what}: {os.strerror(number)}")


def own_mounts():
    """Natively: what this process mounts from now on is its own, and ends with it. False without the right to that."""
    return libc.unshare(NEWNS) == 0 and libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0


def mount_scratch(path, uid, size_bytes=SCRATCH_BYTES):
    options = f"size={size_bytes},mode=700,uid={uid},gid={uid}".encode()
    check(libc.mount(b"tmpfs", path.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, options), f"mount {path}")


def unmount(path):
    check(libc.umount2(path.encode(), MNT_DETACH), f"unmount {path}")


def reveal(paths):
    """Have folders seen at their places, read-only, although a folder above is closed to others.

    A closed folder gets an empty one mounted over it, so nothing else in it can be seen.
    """
    hidden = {path: closed for path in paths if (closed := _closed_above(path))}
    handles = {path: open_folder(path) for path in hidden}
    for closed in sorted(set(hidden.values())):
        check(libc.mount(b"tmpfs", closed.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, b"size=64k,mode=755"), "cover")
    for path, handle in handles.items():
        mount_again(handle, path)
        os.close(handle)


def open_folder(path):
    """A descriptor of a folder, for `mount_again` when something lies over its place."""
    return os.open(path, os.O_PATH | os.O_DIRECTORY)


def mount_again(handle, path):
    """Mount the folder of an open descriptor at `path`, which is made, read-only. It must be of this namespace."""
    os.makedirs(path, 0o755, exist_ok=True)
    check(libc.mount(f"/proc/self/fd/{handle}".encode(), path.encode(), None, MS_BIND | MS_REC, None), f"bind {path}")
    flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV
    check(libc.mount(b"none", path.encode(), None, flags, None), f"make {path} read-only")


def _closed_above(path):
    """The first folder above that others may not enter, or an empty string."""
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(2, len(parts)))
    return next((folder for folder in above if not os.stat(folder).st_mode & 0o001), "")


def make_read_only(but):
    """All that is mounted, in this process's own namespace, `but` these. Linux 5.12 or newer; elsewhere nothing is."""
    for path, flags, added, removed in (
        ("/", _AT_RECURSIVE, _MOUNT_ATTR_RDONLY, 0),
        *((path, 0, 0, _MOUNT_ATTR_RDONLY) for path in but),
    ):
        attributes = struct.pack("<QQQQ", added, removed, 0, 0)
        libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, attributes, len(attributes))


def raise_loopback():
    """Let a program talk to itself over 127.0.0.1, in its own network. gVisor's is up already."""
    try:
        any_socket = socket(AF_INET, SOCK_DGRAM)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
        any_socket.close()
    except OSError:
        return


def cpu_limit(cpu_seconds):
    """The kernel's limit counts whole seconds."""
    return max(1, int(cpu_seconds + 0.999))


def limit(cpu_seconds, memory_bytes, address_bytes=ADDRESS_BYTES, processes=PROCESSES):
    """Resource limits of one process. The memory watch covers what many processes hold together.

    `address_bytes`, if that is more than twice the memory: some runtimes reserve far more than they use.
    """
    cpu = cpu_limit(cpu_seconds)
    space = max(address_bytes, 2 * memory_bytes)
    for which, soft, hard in (
        (_RLIMIT_CPU, cpu, cpu + 1),
        (_RLIMIT_AS, space, space),
        (_RLIMIT_FSIZE, FILE_BYTES, FILE_BYTES),
        (_RLIMIT_NOFILE, FILES, FILES),
        (_RLIMIT_NPROC, processes, processes),
        (_RLIMIT_CORE, 0, 0),
    ):
        check(libc.setrlimit(which, struct.pack("QQ", soft, hard)), "limits")


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def seal(native):
    """No way back: no new privileges, and the filter. Ends with the warden."""
    libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    if _FILTERS is not None:
        check(libc.prctl(PR_SET_SECCOMP, 2, _FILTERS[native], 0, 0), "seccomp")


# The filter: deny what opens namespaces, looks into other processes, or reaches the kernel's rarely used corners.
# `unseen` makes memory that need not be mapped: natively it is in no resident set, and there the memory watch looks.

_CALLS = {
    "x86_64": (
        0xC000003E,
        {
            "clone": 56,
            "clone3": 435,
            "deny": (
                101, 155, 161, 163, 165, 166, 167, 168, 169, 175, 176, 246, 248, 249, 250, 272, 298, 304, 308, 310, 311,
                312, 313, 321, 323, 425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 440, 442, 447,
            ),
            "unseen": (29, 319),
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "clone": 220,
            "clone3": 435,
            "deny": (
                39, 40, 41, 51, 89, 97, 104, 105, 106, 117, 142, 217, 218, 219, 224, 225, 241, 265, 268, 270, 271, 273,
                280, 282, 425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 440, 442, 447,
            ),
            "unseen": (194, 279),
        },
    ),
}  # fmt: skip
_OTHER_NUMBERS = 0x40000000  # the same calls again, as x32 numbers them
_ALLOW, _EPERM, _ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
_NEW = NEWNS | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET | 0x02000000


def _filter(native):
    architecture, calls = _CALLS[os.uname().machine]
    denied = calls["deny"] + (calls["unseen"] if native else ())

    def instruction(code, value, yes=0, no=0):
        return struct.pack("<HBBI", code, yes, no, value)

    load, jump_equal, jump_set, jump_at_least, give = 0x20, 0x15, 0x45, 0x35, 0x06
    program = [
        instruction(load, 4),
        instruction(jump_equal, architecture, 1, 0),
        instruction(give, _EPERM),
        instruction(load, 0),
        instruction(jump_at_least, _OTHER_NUMBERS, 0, 1),
        instruction(give, _ENOSYS),
        instruction(jump_equal, calls["clone3"], 0, 1),
        instruction(give, _ENOSYS),  # the C library then uses clone, whose flags can be seen
    ]
    for number in denied:
        program += [instruction(jump_equal, number, 0, 1), instruction(give, _EPERM)]
    program += [
        instruction(jump_equal, calls["clone"], 0, 3),
        instruction(load, 16),
        instruction(jump_set, _NEW, 0, 1),
        instruction(give, _EPERM),
        instruction(give, _ALLOW),
    ]
    code = b"".join(program)

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(code, len(code))
    made = Program(len(program), ctypes.cast(buffer, ctypes.c_void_p))
    made.keep = buffer
    return ctypes.byref(made)


_FILTERS = {native: _filter(native) for native in (False, True)} if os.uname().machine in _CALLS else None
