"""What rows are made from: a corpus under licences that are allowed, or what another resource published."""

import re
from typing import Annotated, ClassVar

from pydantic import Field

from seedmill.spec.rules import Rule, SpecModel
from seedmill.spec.shapes import AS_SET, SHARD, NoDuplicates, ObjectName, ShortText, Uri


class Licenses(SpecModel):
    """Which licences seeds may have."""

    allow: Annotated[list[ShortText], NoDuplicates, Field(max_length=200, json_schema_extra=AS_SET)] = Field(
        default_factory=lambda: [
            "MIT",
            "MIT-0",
            "Apache-2.0",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "0BSD",
            "ISC",
            "PSF-2.0",
            "Python-2.0",
            "Unlicense",
            "Zlib",
            "CC0-1.0",
            "BSL-1.0",
            "HPND",
        ]
    )
    """SPDX ids. A seed under `A OR B` may use either; under `A AND B` both must be allowed."""
    allow_unknown: bool = False
    """Also take seeds whose licence is not known. They are marked as such in the dataset card."""


class Corpus(SpecModel):
    """Source code to take seeds from."""

    uri: Uri
    """A directory, a file (.jsonl, .parquet, .tar, .zip, source), s3://bucket/prefix, or installed:NAME,… (Python
    packages installed beside seedmill; `stdlib` is the standard library, `*` all packages). A relative path is relative
    to the file that names it."""
    languages: Annotated[
        list[ShortText], NoDuplicates, Field(min_length=1, max_length=64, json_schema_extra=AS_SET)
    ] = Field(default_factory=lambda: ["python"])
    """Languages to take."""
    language_quotas: Annotated[
        dict[ShortText, Annotated[int, Field(ge=1, le=10_000_000_000)]], Field(max_length=64)
    ] = Field(default_factory=dict[str, int])
    """How many seeds to take at most of a language, as in {python: 40000, rust: 5000}."""
    licenses: Licenses = Field(default_factory=Licenses)
    """Which licences seeds may have."""
    license: ShortText | None = None
    """SPDX id of the whole corpus, where its files do not say one themselves."""
    text_field: ShortText | None = None
    """The column that holds the code in JSONL and Parquet; found by itself for `content`, `text`, `code`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "uri must be a path, s3://bucket/prefix, or installed:NAME",
            "!self.uri.contains('://') || self.uri.matches('^(file:///|s3://[^/])')",
            lambda self: "://" not in self.uri or re.match(r"file:///|s3://[^/]", self.uri) is not None,
        ),
        Rule(
            "uri installed: needs a package behind it, as in installed:more-itertools, installed:stdlib or installed:*",
            "self.uri != 'installed:'",
            lambda self: self.uri != "installed:",
        ),
        Rule(
            "uri names a corpus; rows that another DatasetGeneration published are named in seeds.dataset",
            "!self.uri.startsWith('dataset:')",
            lambda self: not self.uri.startswith("dataset:"),
        ),
        Rule(
            "languageQuotas may name only what languages lists",
            "!has(self.languageQuotas) || self.languageQuotas.all(name, name in self.languages)",
            lambda self: set(self.language_quotas) <= set(self.languages),
        ),
    )


class DatasetReference(SpecModel):
    """The published rows of another DatasetGeneration in the same namespace: the code of each row is a document.

    Rows keep licence and origin of the seeds they were made from. What is published when the run begins is pinned:
    what the other run publishes later changes nothing.
    """

    name: ObjectName
    """Its metadata.name."""


def _shard_in_range(shard: str | None) -> bool:
    if shard is None:
        return True
    index, count = map(int, shard.split("/"))
    return index <= count


class Seeds(SpecModel):
    """What the rows are made from. Exactly one of corpus and dataset."""

    corpus: Corpus | None = None
    """Source code."""
    dataset: DatasetReference | None = None
    """Rows that another DatasetGeneration published."""
    shard: Annotated[str, Field(pattern=SHARD, max_length=11)] | None = None
    """`2/8` = the second eighth of the seeds, by seed digest."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "exactly one of corpus, dataset must be given",
            "has(self.corpus) != has(self.dataset)",
            lambda self: (self.corpus is None) != (self.dataset is None),
        ),
        Rule(
            "shard: the first number must not be larger than the second",
            f"!has(self.shard) || !self.shard.matches(r'{SHARD}') || "
            "int(self.shard.split('/')[0]) <= int(self.shard.split('/')[1])",
            lambda self: _shard_in_range(self.shard),
        ),
    )
