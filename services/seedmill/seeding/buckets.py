"""Sorting and exact deduplication of any number of seeds in bounded memory: two passes over bucket files.

First seeds lie in buckets by duplicate key, so that all copies of one text meet in one bucket and the least (by id,
then by source) stays, whatever the order in which they came. Those then lie in buckets by id, each sorted in memory.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from seedmill.records.seed import Seed
from seedmill.seeding.frames import pack_seed, read_frame, unpack_seed, write_frame

_BUCKETS = 256


class SeedBuckets:
    """Buckets in an empty folder. `add` all seeds, then read `in_order` once. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._by_text = self._buckets("text")
        self.duplicates = 0

    def __enter__(self) -> "SeedBuckets":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, duplicate_key: str, seed: Seed) -> None:
        write_frame(self._by_text[int(duplicate_key[:2], 16)], [duplicate_key, pack_seed(seed)])

    def in_order(self) -> Iterator[Seed]:
        """Distinct seeds by id; `duplicates` counts the others once this has begun."""
        by_id = self._buckets("id")
        for bucket in self._by_text:
            least: dict[str, Any] = {}
            for key, packed in _drained(bucket):
                known = least.get(key)
                self.duplicates += known is not None
                if known is None or _rank(packed) < _rank(known):
                    least[key] = packed
            for packed in least.values():
                write_frame(by_id[int(packed[0][:2], 16)], packed)
        for bucket in by_id:
            yield from map(unpack_seed, sorted(_drained(bucket), key=_rank))

    def _buckets(self, name: str) -> list[BinaryIO]:
        files = (self._folder / f"{name}-{number:02x}" for number in range(_BUCKETS))
        return [self._open.enter_context(file.open("w+b")) for file in files]


def _drained(bucket: BinaryIO) -> Iterator[Any]:
    """All frames of a bucket, which is empty afterwards and gives its disk space back."""
    bucket.seek(0)
    while (value := read_frame(bucket)) is not None:
        yield value
    bucket.seek(0)
    bucket.truncate()


def _rank(packed: Any) -> Any:
    name, _, _, _, source, _ = packed
    return name, source
