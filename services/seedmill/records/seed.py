"""A seed: a piece of real code that a recipe turns into rows, and where it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256


class SeedKind(StrEnum):
    """What the text of a seed is."""

    SNIPPET = "snippet"  # consecutive lines of a file (Magicoder §3.1)
    FUNCTION = "function"  # one documented top-level function (SelfCodeAlign, seed gathering)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a seed was found, for the attribution file and the row's lineage.

    `line` is the 1-based first line in `path`; `license` an SPDX expression, empty when unknown and allowed in words.
    """

    corpus: str
    path: str
    line: int
    project: str
    version: str
    license: str


@dataclass(frozen=True, slots=True)
class Seed:
    """One seed.

    `id` is 32 hex digits, a digest of kind, language, text and context; seeds of a corpus are ordered by it, which is a
    shuffle that no one has to store. A FUNCTION seed has in `extra`: `name`, `docstring` (cleaned) and `context` (the
    imports and top-level helpers that the function needs, as source; it may be empty).
    """

    id: str
    kind: SeedKind
    language: str
    text: str
    source: Source
    extra: Mapping[str, str] = field(default_factory=dict[str, str])


def seed_id(kind: SeedKind, language: str, text: str, context: str) -> str:
    """The id of a seed: where it was found does not enter, so the same code is the same seed everywhere."""
    return sha256("\0".join((kind.value, language, text, context)).encode()).hexdigest()[:32]
