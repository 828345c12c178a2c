"""Installs a package set for the sandbox's Python with pip, once, beside those that are there.

pip is that of the Python which runs this, told to take wheels for the other one (`target`): nothing of a package runs
on this machine while it is installed. Bytecode is compiled by the sandbox's Python and trusted unseen ("unchecked"), so
that a read-only folder imports fast and nothing depends on times. A set is built in a temporary folder and renamed: a
failed build leaves nothing. Two at once do not disturb each other: the second waits for the first.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from seedmill.execution.package_sets.content import installed_packages, packages_digest
from seedmill.execution.package_sets.installed import (
    CURRENT,
    NAME,
    PACKAGES,
    PackageSet,
    place,
    read_set,
    sets_folder,
    write_description,
)
from seedmill.execution.package_sets.target import Target, target_of
from seedmill.execution.sandboxes.bundle import GUEST_PACKAGES, GuestPython
from seedmill.serving.errors import Misconfigured

OWN_SETS = {"python-data": ("numpy", "pandas", "scipy.optimize", "scipy.stats", "sympy", "networkx")}
"""Sets whose pins come with seedmill, as `<name>.txt` in this room, and what their sandboxes import beforehand."""

_FORMAT = "1"
_OTHER_PIP_SETTINGS = ("PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER")
_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|Max retries|ProxyError|SSLError|"
    r"Connection (?:refused|reset|broken)|Temporary failure in name resolution"
)
_BAD_REQUIREMENT = re.compile(r"Invalid (?:requirement|URL)|Could not open requirements file|no such option")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be built. `requirements` is None for one of seedmill's own sets."""

    name: str
    requirements: Path | None = None
    preload: tuple[str, ...] = ()


def build_set(wanted: Wanted, python: GuestPython, say: Callable[[str], None], *, anew: bool = False) -> PackageSet:
    """Build it, unless it is there and not wanted anew; `say` gets a line now and then. Raises Misconfigured."""
    lines, preload = _asked(wanted)
    target = target_of(python)
    home = place(wanted.name, target)
    key = sha256("\0".join([_FORMAT, *preload, "", *lines]).encode()).hexdigest()[:16]
    try:
        home.mkdir(parents=True, exist_ok=True)
        with (home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder = home / key
            if anew or not (folder / PACKAGES).is_dir():
                _build(wanted, lines, preload, python, target, folder, say)
            _make_current(home, folder)
            return read_set(wanted.name, folder)
    except OSError as error:
        raise Misconfigured(
            "EnvironmentNotBuilt", f"{wanted.name} cannot be built in {sets_folder()}: {error.strerror or error}"
        ) from error


def _asked(wanted: Wanted) -> tuple[list[str], tuple[str, ...]]:
    """Lines of requirements, and modules to import beforehand."""
    if not NAME.fullmatch(wanted.name) or wanted.name == "python-std":
        raise Misconfigured(
            "EnvironmentName",
            f"{wanted.name!r} cannot name a package set: small letters, digits and hyphens, and not python-std",
        )
    own = OWN_SETS.get(wanted.name)
    if own is not None and (wanted.requirements is not None or wanted.preload):
        raise Misconfigured(
            "EnvironmentName",
            f"{wanted.name} is a set of seedmill's own; give yours another name",
        )
    if own is None and wanted.requirements is None:
        raise Misconfigured(
            "RequirementsMissing",
            f"{wanted.name} is none of seedmill's own sets ({', '.join(OWN_SETS)}); say what is in yours: "
            f"seedmill setup environment {wanted.name} --requirements FILE",
        )
    file = wanted.requirements or Path(__file__).parent / f"{wanted.name}.txt"
    try:
        lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured("RequirementsMissing", f"--requirements {file}: {error}") from error
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise Misconfigured("RequirementInvalid", f"{file} names no package")
    return lines, own or wanted.preload


def _build(
    wanted: Wanted,
    lines: Sequence[str],
    preload: Sequence[str],
    python: GuestPython,
    target: Target,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    say(f"installing {wanted.name} for Python {python.version} ({target.tag}): some minutes, once")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="build-", dir=folder.parent) as scratch:
        built = Path(scratch) / "set"
        packages = built / PACKAGES
        packages.mkdir(parents=True)
        requirements = Path(scratch) / "requirements.txt"
        requirements.write_text("\n".join(lines) + "\n")
        _install(wanted, requirements, packages, target)
        _tidy(packages)
        _try(wanted, preload, packages, python)
        _compile(packages, python)
        found = PackageSet(
            wanted.name, packages, packages_digest(packages), installed_packages(packages), tuple(preload)
        )
        write_description(built, found)
        _open_to_all(built)
        shutil.rmtree(folder, ignore_errors=True)
        built.rename(folder)
    say(f"{len(found.packages)} packages in {time.monotonic() - started:.0f} s: {folder}")


def _install(wanted: Wanted, requirements: Path, packages: Path, target: Target) -> None:
    command = [_python_with_pip(), "-m", "pip", "install", "--quiet", "--no-input", "--no-compile"]
    command += ["--disable-pip-version-check", "--target", str(packages), *target.pip_options]
    if wanted.requirements is None:
        command.append("--no-deps")
    environment = {name: value for name, value in os.environ.items() if name not in _OTHER_PIP_SETTINGS}
    where = requirements.parent if wanted.requirements is None else wanted.requirements.resolve().parent
    done = subprocess.run(
        [*command, "--requirement", str(requirements)],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise _refusal(wanted, target, done.stderr)


def _refusal(wanted: Wanted, target: Target, said: str) -> Misconfigured:
    """One clear line of what pip said."""
    errors = [line.partition("ERROR: ")[2].strip() for line in said.splitlines() if "ERROR: " in line]
    why = next(iter(errors), (said.strip().splitlines() or ["pip said nothing"])[-1])
    if _NETWORK.search(said):
        return Misconfigured(
            "RegistryUnreachable", f"{wanted.name} cannot be installed: pip reaches no package registry ({why})"
        )
    if _BAD_REQUIREMENT.search(said):
        return Misconfigured("RequirementInvalid", f"{wanted.name} cannot be installed: {why}")
    if "No matching distribution" in said or "Could not find a version" in said:
        wanted_by = f"Python {target.major}.{target.minor} on {target.machine} with glibc 2.{target.glibc_minor}"
        return Misconfigured("NoWheel", f"{wanted.name} cannot be installed: no wheel for {wanted_by}: {why}")
    return Misconfigured("EnvironmentNotBuilt", f"{wanted.name} cannot be installed: {why}")


def _python_with_pip() -> str:
    """This Python, or the one that its virtual environment was made from."""
    base = str(getattr(sys, "_base_executable", None) or sys.executable)
    for python in (sys.executable, base):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return python
    raise Misconfigured("PipMissing", f"packages are installed with pip, which {sys.executable} has not: add it to it")


def _tidy(packages: Path) -> None:
    """Away with what is only of this machine: commands for its Python, and where a package came from."""
    for name in ("bin", "share", "include"):
        shutil.rmtree(packages / name, ignore_errors=True)
    for file in packages.glob("*.dist-info/direct_url.json"):
        file.unlink()


def _try(wanted: Wanted, preload: Sequence[str], packages: Path, python: GuestPython) -> None:
    code = f"import sys; sys.path.append({str(packages)!r})\nfor name in {list(preload)!r}: __import__(name)"
    done = subprocess.run([python.path, "-I", "-S", "-B", "-c", code], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise Misconfigured("EnvironmentNotBuilt", f"{wanted.name} was installed, but cannot be imported: {last}")


def _compile(packages: Path, python: GuestPython) -> None:
    """Files that are no Python of this version, as some packages have among their tests, are left as they are."""
    command = [python.path, "-I", "-S", "-m", "compileall", "-q", "-f", "-j", "0", "-s", str(packages)]
    command += ["-p", GUEST_PACKAGES, "--invalidation-mode", "unchecked-hash", str(packages)]
    subprocess.run(command, capture_output=True, check=False)


def _open_to_all(folder: Path) -> None:
    """Programs run as other users: whatever the umask was, they may read it, and nobody writes."""
    for top, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = os.path.join(top, name)
            if not os.path.islink(path):
                os.chmod(path, 0o755 if os.path.isdir(path) or os.access(path, os.X_OK) else 0o644)
    folder.chmod(0o755)


def _make_current(home: Path, folder: Path) -> None:
    link = home / CURRENT
    if link.is_symlink() and os.readlink(link) == folder.name:
        return
    with tempfile.TemporaryDirectory(prefix="link-", dir=home) as scratch:
        fresh = Path(scratch) / CURRENT
        fresh.symlink_to(folder.name)
        fresh.rename(link)
