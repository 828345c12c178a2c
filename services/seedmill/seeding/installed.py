"""The Python packages installed beside seedmill as a corpus: real, licensed code that is on every machine.

`installed:NAME`, `installed:A,B`, `installed:*` (all but seedmill itself) and `installed:stdlib`, which may stand in a
list. Name, version and licence come from the package's metadata; a vendored part has the licence of its own file.
"""

import importlib.metadata
import os
import platform
import re
import sysconfig
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from seedmill.seeding.languages import language_of_path
from seedmill.seeding.license_files import LicenseFiles
from seedmill.seeding.package_license import package_license
from seedmill.seeding.reading import CorpusFile, Reading
from seedmill.seeding.tree import is_passed_over, stamp_of
from seedmill.seeding.unread import Unread
from seedmill.serving.errors import Misconfigured

_STDLIB = "stdlib"
_STDLIB_LICENSE = "PSF-2.0"
_OURSELVES = "seedmill"
_NOT_STDLIB = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test", "lib2to3"})


class InstalledCorpus:
    """Raises Misconfigured (CorpusMissing) when a named package is not installed."""

    def __init__(self, uri: str, reading: Reading) -> None:
        self._reading = reading
        self._roots: dict[str, Path] = {}
        names = [name.strip() for name in uri.removeprefix("installed:").split(",") if name.strip()]
        if not names:
            raise Misconfigured("CorpusMissing", f"corpus {uri}: no package is named; write installed:NAME")
        self._stdlib = _STDLIB in names
        present = _distributions()
        chosen = _chosen(uri, [name for name in names if name != _STDLIB], present)
        self._packages = [present[name] for name in sorted(chosen)]
        self._uri = "installed:" + ",".join(sorted(names))

    @property
    def name(self) -> str:
        return self._uri

    def files(self, unread: Unread) -> Iterator[CorpusFile]:
        seen: set[str] = set()
        if self._stdlib:
            yield from self._stdlib_files(Path(sysconfig.get_path("stdlib")), "", unread)
        for package in self._packages:
            for file in self._package_files(package, unread):
                if file.path not in seen:
                    seen.add(file.path)
                    yield file

    @contextmanager
    def local(self, file: CorpusFile) -> Generator[Path]:
        base, _, rest = file.path.partition("/")
        yield self._roots[base] / rest

    def _stdlib_files(self, directory: Path, prefix: str, unread: Unread) -> Iterator[CorpusFile]:
        version = platform.python_version()
        base = f"python-{version}"
        self._roots.setdefault(base, directory)
        for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
            path = f"{prefix}{entry.name}"
            if entry.is_dir():
                if entry.name not in _NOT_STDLIB and not is_passed_over(entry.name):
                    yield from self._stdlib_files(Path(entry.path), f"{path}/", unread)
            elif entry.is_file() and self._wanted(entry.name, unread):
                status = entry.stat()
                package = prefix.strip("/").replace("/", ".")
                yield CorpusFile(
                    f"{base}/{path}", status.st_size, stamp_of(status), "python", version, _STDLIB_LICENSE, package
                )

    def _package_files(self, package: importlib.metadata.Distribution, unread: Unread) -> Iterator[CorpusFile]:
        name, version = package.name, package.version  # each access parses the metadata again
        base = f"{_normal(name)}-{version}"
        self._roots[base] = Path(str(package.locate_file("")))
        own = package_license(package)
        licenses = LicenseFiles()
        files = sorted((PurePosixPath(file) for file in package.files or ()), key=str)
        for file in files:
            if licenses.is_one(str(file)) and not file.parts[0].endswith(".dist-info") and ".." not in file.parts:
                licenses.add(f"{base}/{file}", _text(self._roots[base] / file))
        for file in files:
            if ".." in file.parts or file.is_absolute() or any(is_passed_over(part) for part in file.parts[:-1]):
                continue
            if file.parts[0].endswith((".dist-info", ".data")) or not self._wanted(file.name, unread):
                continue
            try:
                status = (self._roots[base] / file).stat()
            except OSError:
                unread.reasons["unreadable"] += 1
                continue
            path = f"{base}/{file}"
            held = licenses.nearest(path) if licenses.covers(path) else own
            yield CorpusFile(path, status.st_size, stamp_of(status), name, version, held)

    def _wanted(self, name: str, unread: Unread) -> bool:
        language = language_of_path(name)
        if language in self._reading.languages:
            return True
        unread.languages.update([language] if language else [])
        return False


def _distributions() -> dict[str, importlib.metadata.Distribution]:
    """By normalised name; of several of one name the first on the path, which is the one that is imported."""
    found: dict[str, importlib.metadata.Distribution] = {}
    for package in importlib.metadata.distributions():
        if package.metadata["Name"]:
            found.setdefault(_normal(package.name), package)
    return found


def _chosen(uri: str, names: list[str], present: Mapping[str, importlib.metadata.Distribution]) -> set[str]:
    chosen: set[str] = set()
    for name in names:
        if name == "*":
            chosen |= present.keys() - {_OURSELVES}
        elif _normal(name) in present:
            chosen.add(_normal(name))
        else:
            near = get_close_matches(_normal(name), [*present, _STDLIB], n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else f"; install it with pip install {name}"
            raise Misconfigured("CorpusMissing", f"corpus {uri}: no package {name} is installed beside seedmill{hint}")
    return chosen


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
