"""The digest of installed packages: the same set gives the same digest wherever and whenever it is installed."""

import os
import re
from collections.abc import Iterator
from email.parser import HeaderParser
from hashlib import file_digest, sha256
from pathlib import Path

_OF_THE_INSTALLATION = frozenset(["RECORD", "INSTALLER", "REQUESTED", "direct_url.json"])
_NAME_RUNS = re.compile(r"[-_.]+")


def installed_packages(folder: Path) -> tuple[str, ...]:
    """`numpy==2.4.6`, …, sorted, of a folder that pip installed into."""
    found: list[str] = []
    for metadata in folder.glob("*.dist-info/METADATA"):
        headers = HeaderParser().parsestr(metadata.read_text("utf-8", "replace"))
        found.append(f"{_NAME_RUNS.sub('-', headers['Name']).lower()}=={headers['Version']}")
    return tuple(sorted(found))


def packages_digest(folder: Path) -> str:
    """32 hexadecimal digits over names, versions and all files.

    Left out are bytecode, which follows from its source, and what only tells of the installation.
    """
    digest = sha256("\n".join(installed_packages(folder)).encode())
    for path in sorted(_files(folder)):
        with (folder / path).open("rb") as file:
            digest.update(b"\0" + path.encode() + b"\0" + file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]


def _files(folder: Path) -> Iterator[str]:
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if not (top.endswith(".dist-info") and name in _OF_THE_INSTALLATION):
                yield os.path.relpath(os.path.join(top, name), folder)
