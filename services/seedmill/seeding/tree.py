"""A corpus in the file system: one file, or a directory tree.

Symbolic links are never followed: what they point to inside the tree is read anyway, and outside it is not the corpus.
Devices, pipes and sockets are never opened. Folders of version control, caches and installed dependencies are no part
of a source tree.
"""

import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from seedmill.seeding.containers import CONTAINER_SUFFIXES, is_container
from seedmill.seeding.languages import language_of_path
from seedmill.seeding.license_files import LicenseFiles
from seedmill.seeding.reading import CorpusFile, Reading
from seedmill.seeding.unread import Unread
from seedmill.serving.errors import Misconfigured

_PASSED_OVER = re.compile(
    r"^(?:\.git|\.hg|\.svn|\.bzr|CVS|__pycache__|node_modules|\.[a-z_]*cache|\.?venv|\.tox|\.nox|\.eggs|.*\.egg-info)$"
)


def is_passed_over(directory: str) -> bool:
    """Whether a folder of this name holds no sources of the tree it stands in."""
    return _PASSED_OVER.match(directory) is not None


def stamp_of(status: os.stat_result) -> str:
    """What changes when a file is written again, as far as the file system tells."""
    return str(status.st_mtime_ns)


class TreeCorpus:
    """A file or a directory. Raises Misconfigured: CorpusMissing, or CorpusUnreadable."""

    def __init__(self, root: Path, reading: Reading) -> None:
        self._reading = reading
        try:
            self._root = root.resolve(strict=True)
            self._is_file = self._root.is_file()
            if not self._is_file:
                os.scandir(self._root).close()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Misconfigured(
                "CorpusMissing", f"corpus {root}: no such file or directory; correct seeds.corpus.uri"
            ) from error
        except OSError as error:
            raise Misconfigured(
                "CorpusUnreadable", f"corpus {root}: {error.strerror}; make it readable for this user"
            ) from error
        if self._is_file and not (is_container(root.name) or language_of_path(root.name)):
            raise Misconfigured(
                "CorpusUnreadable",
                f"corpus {root}: not a kind of file that is known here; give source code or one of "
                + ", ".join(CONTAINER_SUFFIXES),
            )
        self._base = self._root.parent if self._is_file else self._root

    @property
    def name(self) -> str:
        return self._root.name or "root"

    def files(self, unread: Unread) -> Iterator[CorpusFile]:
        if self._is_file:
            licenses = LicenseFiles()
            for entry in os.scandir(self._base):
                self._learn(licenses, entry, entry.name)
            if (file := self._file(self._root.name, self._root.stat(), licenses, unread)) is not None:
                yield file
            return
        yield from self._below(self._root, "", LicenseFiles(), unread)

    @contextmanager
    def local(self, file: CorpusFile) -> Generator[Path]:
        yield self._base / os.fsdecode(file.path.encode("utf-8", "surrogateescape"))

    def _below(self, directory: Path, prefix: str, licenses: LicenseFiles, unread: Unread) -> Iterator[CorpusFile]:
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError:
            unread.reasons["unreadable"] += 1
            return
        for entry in entries:
            self._learn(licenses, entry, prefix + entry.name)
        for entry in entries:
            path = prefix + entry.name
            if entry.is_symlink():
                if self._wanted(entry.name):
                    unread.reasons["link"] += 1
            elif entry.is_dir():
                if not is_passed_over(entry.name):
                    yield from self._below(directory / entry.name, path + "/", licenses, unread)
            elif not entry.is_file():
                unread.reasons["special_file"] += 1
            elif (file := self._file(path, entry.stat(), licenses, unread)) is not None:
                yield file

    def _learn(self, licenses: LicenseFiles, entry: "os.DirEntry[str]", path: str) -> None:
        if licenses.is_one(entry.name) and entry.is_file(follow_symlinks=False):
            try:
                with Path(entry.path).open("rb") as file:
                    licenses.add(path, file.read(self._reading.limits.document_bytes).decode("utf-8", "replace"))
            except OSError:
                licenses.add(path, "")

    def _file(self, path: str, status: os.stat_result, licenses: LicenseFiles, unread: Unread) -> CorpusFile | None:
        if not self._wanted(path):
            if language := language_of_path(path):
                unread.languages[language] += 1
            return None
        return CorpusFile(path, status.st_size, stamp_of(status), self.name, license=licenses.nearest(path))

    def _wanted(self, path: str) -> bool:
        return is_container(path) or language_of_path(path) in self._reading.languages
