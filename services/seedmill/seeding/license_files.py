"""The licence of a place in a tree: that of the nearest directory, going up, which has a licence file."""

from collections import defaultdict
from pathlib import PurePosixPath

from seedmill.seeding.license_text import LICENSE_FILE, recognise_license


class LicenseFiles:
    """Licence files of one tree, by directory (`/`-separated, empty = the root)."""

    def __init__(self) -> None:
        self._texts: defaultdict[str, list[str]] = defaultdict(list)

    @staticmethod
    def is_one(path: str) -> bool:
        return LICENSE_FILE.match(PurePosixPath(path).name) is not None

    def add(self, path: str, text: str) -> None:
        """Take in the licence file at this path."""
        self._texts[_parent(path)].append(recognise_license(text))

    def covers(self, path: str) -> bool:
        """Whether some licence file holds for the file at this path, recognised or not."""
        return self._directory(path) in self._texts

    def nearest(self, path: str) -> str:
        """The SPDX expression that holds for a file; empty when there is none, or none that is recognised.

        Several files of one directory hold together. An unknown licence hides those further up: it is the one that
        holds.
        """
        found = self._texts.get(self._directory(path), [])
        return " AND ".join(dict.fromkeys(sorted(found))) if found and all(found) else ""

    def _directory(self, path: str) -> str:
        """The nearest directory, going up, that has a licence file; the root when none has."""
        directory = _parent(path)
        while directory and directory not in self._texts:
            directory = _parent(directory)
        return directory


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
