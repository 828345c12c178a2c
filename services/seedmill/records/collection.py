"""What to collect from a corpus, as a value; its canonical bytes name the collection."""

from dataclasses import dataclass

from seedmill.records.seed import SeedKind


@dataclass(frozen=True, slots=True)
class LanguageQuota:
    """A language and how many seeds of it at most; 0 = no limit."""

    language: str
    max_seeds: int = 0


@dataclass(frozen=True, slots=True)
class Collection:
    """A corpus, and which seeds to take from it. The fields mean what `seeding.proto` says of them."""

    store_uri: str
    corpus_uri: str
    kind: SeedKind
    languages: tuple[LanguageQuota, ...] = (LanguageQuota("python"),)
    allowed_licenses: tuple[str, ...] = ()
    allow_unknown_license: bool = False
    corpus_license: str = ""
    text_field: str = ""
    max_lines: int = 15
    random_seed: int = 0
    require_doctests: bool = False
    self_oss_filters: bool = False
    max_files: int = 0
    decontaminate: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CollectedSeeds:
    """The seeds of a corpus in the store.

    `prefix` holds part-*.parquet and manifest.json, `digest` names their content; `skipped` counts what was left out,
    by reason.
    """

    prefix: str
    digest: str
    count: int
    skipped: dict[str, int]


@dataclass(frozen=True, slots=True)
class CollectionProgress:
    """How far a collection is: files read, and in all when known (else 0); seeds found."""

    files_read: int
    files_total: int
    seeds: int
