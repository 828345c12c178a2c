"""The one interface to where artifacts live. Implementations: `directory.py` and `s3.py`; one contract test for both.

Keys are `/`-separated relative paths without `..`, empty or absolute parts. Everything blocks; asyncio callers use
`asyncio.to_thread`. A key that was put is there for every later get and list (read after write).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class StorageError(Exception):
    """The store cannot be used: message says which store, what was tried, and what to do. Safe to retry."""


class ReadOnlyStore(StorageError):
    """Writing is not allowed. Retrying will not help."""


class StoreFull(StorageError):
    """No space (or quota) left. Works again once there is room."""


class StoreAway(StorageError):
    """It does not answer, or says that it cannot now. Works again by itself."""


class ObjectMissing(StorageError):
    """No object has this key."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object: its key, and its size in bytes.

    `stamp` changes when the object is written anew with other content (S3: its ETag; a directory: when it was written).
    `modified` is when that was, in seconds since 1970 by the store's clock; 0 where it does not say.
    """

    key: str
    size_bytes: int
    stamp: str = field(default="", compare=False)
    modified: float = field(default=0.0, compare=False)


class Store(Protocol):
    """Objects by key, under one root (`uri`)."""

    @property
    def uri(self) -> str:
        """Where it is, for people: an absolute path, or s3://bucket/prefix."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Write a whole object. When it returns the object is durable; before that, readers see the old one or none."""
        ...

    def put_file(self, key: str, path: Path) -> None:
        """As `put`, from a local file that may be large."""
        ...

    def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectMissing."""
        ...

    def get_file(self, key: str, path: Path) -> None:
        """Write the object to a local file. Raises ObjectMissing."""
        ...

    def exists(self, key: str) -> bool: ...

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        """All objects whose key starts with the prefix (a plain string prefix), by key in byte order; with `after`,
        those behind that key, at no cost for the others."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Copy one object within the store. Raises ObjectMissing."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens when there is none."""
        ...
