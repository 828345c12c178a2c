"""Which wheels fit the Python that programs run under. It need not be the one that runs this, nor have pip."""

import json
import subprocess
from dataclasses import dataclass

from seedmill.execution.sandboxes.bundle import GuestPython
from seedmill.serving.errors import Misconfigured

_OLDEST_MANYLINUX = 5  # manylinux1
_ASK = """
import json, platform, sys
print(json.dumps([*sys.version_info[:2], platform.machine(), *platform.libc_ver(), sys.implementation.name]))
"""


@dataclass(frozen=True, slots=True)
class Target:
    """`major`, `minor` of a CPython on Linux, `machine` such as x86_64, and the minor version of its glibc 2."""

    major: int
    minor: int
    machine: str
    glibc_minor: int

    @property
    def tag(self) -> str:
        """`cp311-x86_64`: packages of one tag run under any Python of it."""
        return f"cp{self.major}{self.minor}-{self.machine}"

    @property
    def pip_options(self) -> tuple[str, ...]:
        """How pip is told to take wheels for it: never a source package, whose building would run its code here."""
        newest_first = range(self.glibc_minor, _OLDEST_MANYLINUX - 1, -1)
        platforms = [f"manylinux_2_{minor}_{self.machine}" for minor in newest_first]
        platforms += [f"{name}_{self.machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1", "linux")]
        return (
            *("--python-version", f"{self.major}.{self.minor}"),
            *("--implementation", "cp", "--abi", f"cp{self.major}{self.minor}", "--abi", "abi3", "--abi", "none"),
            *(word for name in platforms for word in ("--platform", name)),
            "--only-binary=:all:",
        )


def target_of(python: GuestPython) -> Target:
    """Raises Misconfigured when it does not answer, or is no CPython with glibc."""
    command = [python.path, "-I", "-S", "-c", _ASK]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        major, minor, machine, libc, version, implementation = json.loads(said)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise Misconfigured("GuestPythonUnusable", f"{python.path} does not say what it is: {error}") from error
    if libc != "glibc" or implementation != "cpython":
        raise Misconfigured(
            "GuestPythonUnusable",
            f"{python.path} is {implementation} with {libc or 'an unknown C library'}; packages are installed for "
            "CPython with glibc only",
        )
    return Target(int(major), int(minor), str(machine), int(str(version).split(".")[1]))
