"""What integration tests need from the machine, and the command that gets it.

`require(name)` returns the path of a program, or skips the test with the reason and that command. With
SEEDMILL_REQUIRE_ALL=1 (CI) it fails instead.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_CACHE = Path(os.environ.get("SEEDMILL_CACHE", "~/.cache/seedmill")).expanduser()


@dataclass(frozen=True, slots=True)
class Requirement:
    """`find` gives the program's path or None; `command` gets it."""

    find: Callable[[], Path | None]
    command: str


def _built(name: str) -> Path | None:
    """A program of tools/: where `tools/build` puts it."""
    answer = subprocess.run([_ROOT / "tools" / "build", "--path", name], capture_output=True, text=True, check=False)
    return Path(answer.stdout.strip()) if answer.returncode == 0 else None


def _runsc() -> Path | None:
    cached = _CACHE / "gv" / "runsc"
    if cached.exists():
        return cached
    found = shutil.which("runsc")
    return Path(found) if found else None


_REQUIREMENTS = {
    "versitygw": Requirement(lambda: _built("versitygw"), "tools/build versitygw"),
    "runsc": Requirement(_runsc, "seedmill setup sandbox"),
}


def require(name: str) -> Path:
    """The program's path. Skips (or fails, with SEEDMILL_REQUIRE_ALL=1) when this machine does not have it."""
    requirement = _REQUIREMENTS[name]
    path = requirement.find()
    if path is not None:
        return path
    reason = f"{name} is not there; get it with: {requirement.command}"
    if os.environ.get("SEEDMILL_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
