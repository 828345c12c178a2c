"""What stands between programs and the machine, and how a service knows that it stands there."""

import ctypes
import os
from enum import StrEnum
from pathlib import Path

from seedmill.records.verdict import Isolation
from seedmill.serving.errors import Misconfigured

POD_CAPABILITIES = {"KILL": 5, "SETGID": 6, "SETUID": 7, "SYS_ADMIN": 21}
"""What a service in a pod must hold, by name, and as the kernel numbers them (capability.h)."""
_READ_ALL = 3  # of syslog(2)
_LOG_BYTES = 1 << 16


class Level(StrEnum):
    """`GVISOR`: this service starts sandboxes. `POD`: it runs in one, a pod whose RuntimeClass is gVisor.

    `PROCESS`: nothing stands there.
    """

    GVISOR = "gvisor"
    POD = "pod"
    PROCESS = "process"

    @property
    def isolations(self) -> tuple[Isolation, ...]:
        """What programs may ask for. A pod is one sandbox for all its programs, so none of them is fresh."""
        match self:
            case Level.GVISOR:
                return (Isolation.POOLED, Isolation.FRESH)
            case Level.POD:
                return (Isolation.POOLED,)
            case Level.PROCESS:
                return (Isolation.PROCESS,)


def level_named(name: str) -> Level:
    """Raises Misconfigured for another one."""
    try:
        return Level(name)
    except ValueError:
        raise Misconfigured("IsolationUnknown", f"isolation {name!r} is none of {', '.join(Level)}") from None


def check_pod() -> None:
    """Raise Misconfigured unless this process is root in gVisor, with what it takes to wall programs off.

    Without CAP_SYS_ADMIN programs would share mounts, network and IPC, and nothing would say so; without the others
    they could not be given users, or would outlive their run.
    """
    if "gVisor" not in kernel_log():
        raise Misconfigured(
            "SandboxMissing",
            "this service was told that it runs in a gVisor pod, and its kernel is not gVisor: "
            "set the pod's runtimeClassName to one whose handler is runsc",
        )
    if os.geteuid() != 0:
        raise Misconfigured(
            "SandboxMissing",
            "in a gVisor pod this service must be root, which is root of the sandbox only: set runAsUser: 0",
        )
    if lacking := [name for name, number in POD_CAPABILITIES.items() if not held_capabilities() >> number & 1]:
        raise Misconfigured(
            "SandboxMissing",
            f"in a gVisor pod this service gives programs users and namespaces of their own and lacks "
            f"{', '.join(lacking)}: add them to securityContext.capabilities (they are the sandbox's, not the node's)",
        )


def held_capabilities() -> int:
    """The effective ones of this process, as a bit mask; none where the kernel does not say."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return int(value, 16)
    return 0


def kernel_log() -> str:
    """What dmesg would print; empty where that is not allowed. gVisor's begins with `Starting gVisor`."""
    buffer = ctypes.create_string_buffer(_LOG_BYTES)
    size = ctypes.CDLL(None).klogctl(_READ_ALL, buffer, _LOG_BYTES)
    return buffer.raw[: max(0, size)].decode("utf-8", "replace")
