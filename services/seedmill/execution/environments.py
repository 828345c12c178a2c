"""What programs find beside the standard library: named sets of packages, each with a digest for its verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from seedmill.execution.package_sets.installed import PackageSet, current_sets
from seedmill.execution.package_sets.target import target_of
from seedmill.execution.sandboxes.bundle import GUEST, GuestPython
from seedmill.serving.errors import Misconfigured

STANDARD = "python-std"


@dataclass(frozen=True, slots=True)
class Environment:
    """A named set of packages for one interpreter.

    `digest` covers all that a verdict depends on beside the program: interpreter, guest program, packages. `packages`
    is the folder they lie in, read-only in the sandbox; None for the standard library alone. `preload` names modules
    that a sandbox imports before it takes its first program.
    """

    name: str
    digest: str
    packages: Path | None = None
    preload: tuple[str, ...] = ()


def environments(python: GuestPython) -> Mapping[str, Environment]:
    """Those that there are for this interpreter, by name: the standard library, and what `setup environment` built.

    Raises Misconfigured for a package set that is broken.
    """
    found = {STANDARD: standard_environment(python)}
    try:
        target = target_of(python)
    except Misconfigured:  # no packages are built for it either
        return found
    for each in current_sets(target):
        if each.name != STANDARD:
            found[each.name] = environment_of(each, python)
    return found


def environment_of(packages: PackageSet, python: GuestPython) -> Environment:
    """An installed package set as an environment."""
    return Environment(packages.name, digest_of(python, packages.digest), packages.folder, packages.preload)


def standard_environment(python: GuestPython) -> Environment:
    """The interpreter and its standard library."""
    return Environment(STANDARD, digest_of(python))


def digest_of(python: GuestPython, packages_digest: str = "") -> str:
    """32 hexadecimal digits for interpreter, guest program and the packages that `packages_digest` stands for."""
    digest = sha256(f"{STANDARD} {python.version}\0".encode())
    for path in sorted(path for path in GUEST.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        digest.update(str(path.relative_to(GUEST)).encode() + b"\0" + path.read_bytes())
    if packages_digest:
        digest.update(b"\0packages\0" + packages_digest.encode())
    return digest.hexdigest()[:32]
