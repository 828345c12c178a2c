"""What integration tests need from the machine, and the command that gets it.

`require(name)` returns where it is, or skips the test with the reason and that command; tests/conftest.py lists them at
the end. With SEEDMILL_REQUIRE_ALL=1 (CI) a test fails instead, except for what no machine can be asked to have.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

MISSING = "is missing; get it with:"
"""Stands in each reason between the requirement's name and the command."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """`find` gives the path or None, `command` gets it; `everywhere`: CI must have it."""

    find: Callable[[], Path | None]
    command: str
    everywhere: bool = True


def require(name: str) -> Path:
    """Where it is: a program's or file's path. Skips, or fails, when this machine does not have it."""
    requirement = _REQUIREMENTS[name]
    if (path := requirement.find()) is not None:
        return path
    reason = f"{name} {MISSING} {requirement.command}"
    if requirement.everywhere and os.environ.get("SEEDMILL_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _built(name: str) -> Path | None:
    """A program of tools/, or a folder of several: where `tools/build` puts it."""
    answer = subprocess.run([ROOT / "tools" / "build", "--path", name], capture_output=True, text=True, check=False)
    return Path(answer.stdout.strip()) if answer.returncode == 0 else None


def _on_path(*names: str) -> Path | None:
    found = next((found for name in names if (found := shutil.which(name))), None)
    return Path(found) if found else None


def _runsc() -> Path | None:
    from seedmill.execution.sandboxes.runsc_build import find_runsc

    return find_runsc()


def _python_data() -> Path | None:
    """Its packages, for the Python that programs run under here."""
    from seedmill.execution.package_sets.installed import current_set
    from seedmill.execution.package_sets.target import target_of
    from seedmill.execution.sandboxes.bundle import guest_python

    found = current_set("python-data", target_of(guest_python()))
    return found.folder if found else None


def _mount() -> Path | None:
    """`mount`, if this process may use it (root may not always)."""
    program = shutil.which("mount")
    if program is None or os.geteuid() != 0:
        return None
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run([program, "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False).returncode:
            return None
        subprocess.run(["umount", folder], check=True)
    return Path(program)


def _language(name: str) -> Path | None:
    """The folder that says how its programs are run, if this machine has what they need."""
    from seedmill.execution.languages import Languages

    toolchain = next(each for each in Languages().toolchains if each.name == name)
    return None if toolchain.missing else toolchain.folder


def _embedded_model() -> Path | None:
    from seedmill.inference.weights import find_model

    return find_model() if importlib.util.find_spec("xllamacpp") else None


def _node() -> Path | None:
    """Any path, if all is there that a node of Kubernetes needs of a machine."""
    programs = ("buildah", "debootstrap", "ip", "nft", "nsenter", "openssl", "runc", "unshare")
    tools = (_built(name) for name in ("kubernetes", "node", "containerd", "gvisor-shim"))
    if any(shutil.which(name) is None for name in programs) or None in tools or _runsc() is None:
        return None
    return _mount()


_LANGUAGES = {
    "bash": "apt-get install bash",
    "cpp": "apt-get install g++",
    "go": "a Go of 1.22 or newer on the PATH",
    "java": "apt-get install openjdk-17-jdk-headless",
    "javascript": "a Node.js of 18 or newer on the PATH",
    "rust": "a Rust of 1.70 or newer on the PATH",
    "typescript": "make languages",
}

_REQUIREMENTS = {
    **{f"the language {name}": Requirement(partial(_language, name), command) for name, command in _LANGUAGES.items()},
    "runsc": Requirement(_runsc, "make sandbox"),
    "python-data": Requirement(_python_data, "make python-data"),
    "versitygw": Requirement(lambda: _built("versitygw"), "make s3-server"),
    "minio": Requirement(lambda: _built("minio"), "make tools-minio", everywhere=False),
    "helm": Requirement(lambda: _built("helm"), "make helm"),
    "kubernetes": Requirement(lambda: _built("kubernetes"), "make cluster-tools"),
    "node": Requirement(lambda: _built("node"), "make node-tools"),
    "containerd": Requirement(lambda: _built("containerd"), "make node-tools"),
    "gvisor-shim": Requirement(lambda: _built("gvisor-shim"), "make node-tools"),
    "a node of Kubernetes": Requirement(_node, "make node-tools, as root"),
    "kubectl": Requirement(lambda: _on_path("kubectl"), "apt-get install kubernetes-client"),
    "openssl": Requirement(lambda: _on_path("openssl"), "apt-get install openssl"),
    "the right to mount": Requirement(_mount, "sudo -E make test, on a machine of your own", everywhere=False),
    "embedded model": Requirement(_embedded_model, "make model"),
    "chromium": Requirement(
        lambda: _on_path("chromium", "chromium-browser", "google-chrome"), "apt-get install chromium", everywhere=False
    ),
}
