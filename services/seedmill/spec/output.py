"""What is published, and where."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from seedmill.spec.rules import SpecModel
from seedmill.spec.shapes import AS_SET, NoDuplicates, ObjectName, Uri


class Format(StrEnum):
    PARQUET = "Parquet"
    MESSAGES = "Messages"


class SecretRef(SpecModel):
    """A Secret in the resource's namespace."""

    name: ObjectName
    """Its name."""


class OutputStore(SpecModel):
    """A store of the run's own, where it is not the release's."""

    uri: Uri
    """s3://bucket/prefix, or a directory that all services see."""
    endpoint: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """http(s)://host:port of an S3 store; SEEDMILL_S3_ENDPOINT in the Secret when left out."""
    region: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Of the bucket; AWS_REGION in the Secret, or what the server says, when left out."""
    secret_ref: SecretRef | None = None
    """The Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of an S3 store."""


class Retention(SpecModel):
    """Which publications of the run stay. Others are deleted, with their datasets, when the run ends published; those
    that other runs follow stay. Without it all stay, until `seedmill prune`."""

    publications: Annotated[int, Field(ge=1, le=10_000)]
    """The latest ones, with their datasets."""
    ttl_seconds_after_superseded: Annotated[int, Field(ge=0, le=315_360_000)] = 86_400
    """Others stay for so long after a later one took their place: longer than anybody takes to read a dataset, and
    than runs that follow this one take to collect their seeds."""


class Output(SpecModel):
    """What is published, and where."""

    formats: Annotated[list[Format], NoDuplicates, Field(min_length=1, max_length=8, json_schema_extra=AS_SET)] = Field(
        default_factory=lambda: [Format.PARQUET, Format.MESSAGES]
    )
    """Parquet: all columns with lineage. Messages: JSONL of chats, as trainers take it."""
    store: OutputStore | None = None
    """Where, if not in the release's store."""
    retention: Retention | None = None
    """Which publications stay; all of them when left out."""
