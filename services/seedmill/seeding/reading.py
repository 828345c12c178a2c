"""What all readers know of a collection: which languages are wanted, what the caller says of licence and columns."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from seedmill.filters.license import canonical_expression
from seedmill.seeding.license_text import license_tag
from seedmill.seeding.limits import Limits


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One file of a corpus, before it is read.

    `path` is relative to the corpus, `stamp` changes when the file does (as far as a listing tells). `license` is what
    its surroundings say (the nearest licence file, the package's metadata), empty when they say nothing.
    """

    path: str
    size_bytes: int
    stamp: str
    project: str
    version: str = ""
    license: str = ""
    package: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How documents are read."""

    languages: frozenset[str]
    corpus_license: str = ""
    text_field: str = ""
    limits: Limits = field(default_factory=Limits)

    def license_of(self, text: str, nearest: str) -> str:
        """The file's own tag, else what is near it, else what the caller says of the whole corpus."""
        return license_tag(text) or nearest or canonical_expression(self.corpus_license)


def is_unsafe_path(path: str) -> bool:
    """Whether a member's name points out of its archive."""
    parts = PurePosixPath(path).parts
    return not parts or path.startswith(("/", "\\")) or ".." in parts or "\\" in path or "\0" in path or ":" in parts[0]
