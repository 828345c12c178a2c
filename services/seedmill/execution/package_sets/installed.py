"""Where package sets lie, and which there are.

`<root>/<name>/<tag>/current` leads to the folder of the set as it was built last; that folder is named by what was
asked for, holds `packages/` and `set.json`, and never changes. A set that is built anew becomes current by one rename:
a service that runs goes on with the folder it began with, which stays.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from seedmill.execution.package_sets.target import Target
from seedmill.serving.errors import Misconfigured
from seedmill.storage.cache import cache_folder

VARIABLE = "SEEDMILL_ENVIRONMENTS"
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
CURRENT = "current"
DESCRIPTION = "set.json"
PACKAGES = "packages"


@dataclass(frozen=True, slots=True)
class PackageSet:
    """An installed one. `folder` holds the packages; `digest` covers them, `packages` names them with versions."""

    name: str
    folder: Path
    digest: str
    packages: tuple[str, ...]
    preload: tuple[str, ...]


def sets_folder() -> Path:
    """$SEEDMILL_ENVIRONMENTS, which an image or a volume may give, or a folder in the cache."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else cache_folder() / "environments"


def place(name: str, target: Target) -> Path:
    """Where all builds of one set for one Python lie."""
    return sets_folder() / name / target.tag


def current_set(name: str, target: Target) -> PackageSet | None:
    """The set of that name; None when there is none for this Python. Raises Misconfigured for one that is broken."""
    link = place(name, target) / CURRENT
    return read_set(name, link.resolve()) if link.exists() else None


def current_sets(target: Target) -> Iterator[PackageSet]:
    """All of them for this Python, by name. Raises Misconfigured for one that is broken."""
    root = sets_folder()
    for name in sorted(os.listdir(root)) if root.is_dir() else ():
        if NAME.fullmatch(name) and (found := current_set(name, target)) is not None:
            yield found


def read_set(name: str, folder: Path) -> PackageSet:
    """The set in its own folder. Raises Misconfigured."""
    try:
        content = json.loads((folder / DESCRIPTION).read_bytes())
        found = PackageSet(
            name,
            folder / PACKAGES,
            str(content["digest"]),
            tuple(map(str, content["packages"])),
            tuple(map(str, content["preload"])),
        )
        os.listdir(found.folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        again = f"seedmill setup environment {name} --force"
        raise Misconfigured(
            "EnvironmentBroken", f"{folder} is no package set ({error}); build it again: {again}"
        ) from error
    return found


def write_description(folder: Path, described: PackageSet) -> None:
    """Beside the packages. Raises OSError."""
    content = asdict(described)
    del content["folder"]
    (folder / DESCRIPTION).write_text(json.dumps(content, indent=1) + "\n")
