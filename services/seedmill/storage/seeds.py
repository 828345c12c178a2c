"""Seeds in a store: `<prefix>/part-00000.parquet` … of `PART_SEEDS` seeds each, by id, and `<prefix>/manifest.json`.

The manifest is written last and names every part's sha256, so what it names is whole. Seeding writes them; the run's
process and aggregation read them.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seedmill.records.seed import Seed, SeedKind, Source
from seedmill.storage.arrow_table import arrow_table
from seedmill.storage.latest_used import LatestUsed
from seedmill.storage.store import ObjectMissing, StorageError, Store

PART_SEEDS = 10_000
_ROW_GROUP_SEEDS = 1_000
_PARTS_HELD = 3
_GROUPS_HELD = 8

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("corpus", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("project", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("license", pa.string(), nullable=False),
        pa.field("extra", pa.map_(pa.string(), pa.string()), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class SeedsPart:
    """One Parquet file of seeds."""

    key: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class SeedsManifest:
    """What a collection gave.

    `licenses` counts seeds by SPDX expression, `excluded_licenses` documents that were left out for theirs (empty =
    unknown), `skipped` what was left out by reason, `changed` what was altered in seeds that were kept. `collection`
    holds what was asked, without the places of store and corpus.
    """

    parts: tuple[SeedsPart, ...]
    count: int
    skipped: Mapping[str, int]
    changed: Mapping[str, int]
    licenses: Mapping[str, int]
    excluded_licenses: Mapping[str, int]
    collection: Mapping[str, Any]
    corpus_digest: str

    def encode(self) -> bytes:
        """Canonical bytes: equal manifests are equal bytes."""
        value = {
            "parts": [{"key": part.key, "sha256": part.sha256, "rows": part.rows} for part in self.parts],
            "count": self.count,
            "skipped": dict(self.skipped),
            "changed": dict(self.changed),
            "licenses": dict(self.licenses),
            "excluded_licenses": dict(self.excluded_licenses),
            "collection": dict(self.collection),
            "corpus_digest": self.corpus_digest,
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    @staticmethod
    def decode(data: bytes) -> "SeedsManifest":
        """Raises ValueError when this is no manifest."""
        try:
            value = json.loads(data)
            parts = tuple(SeedsPart(part["key"], part["sha256"], part["rows"]) for part in value.pop("parts"))
            return SeedsManifest(parts, **value)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a manifest of seeds: {error!r}") from error

    @property
    def digest(self) -> str:
        """Names the content of all parts."""
        return sha256(self.encode()).hexdigest()


def manifest_key(prefix: str) -> str:
    return f"{prefix}/manifest.json"


def part_key(prefix: str, number: int) -> str:
    return f"{prefix}/part-{number:05d}.parquet"


def read_manifest(store: Store, prefix: str) -> SeedsManifest:
    """Raises ObjectMissing when the collection is not complete, StorageError when its manifest is damaged."""
    try:
        return SeedsManifest.decode(store.get(manifest_key(prefix)))
    except ValueError as error:
        raise StorageError(f"{store.uri}/{manifest_key(prefix)}: {error}; delete it and collect again") from error


def write_part(path: Path, seeds: Sequence[Seed]) -> None:
    """Write seeds, in the order given, as one Parquet file; the same seeds give the same bytes."""
    columns = {name: [_column(seed, name) for seed in seeds] for name in SCHEMA.names}
    pq.write_table(arrow_table(columns, SCHEMA), path, compression="zstd", row_group_size=_ROW_GROUP_SEEDS)


class SeedReader:
    """The seeds of a finished collection, by index. Parts are fetched when they are asked for, a few are held.

    Meant for reading in order from any index; blocks while it fetches. May be used from several threads. Raises
    ObjectMissing when the collection is not complete, StorageError when a part is damaged.
    """

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self.manifest = read_manifest(store, prefix)
        self._first: list[int] = []
        total = 0
        for part in self.manifest.parts:
            self._first.append(total)
            total += part.rows
        self._count = total
        self._parts = LatestUsed[int, pq.ParquetFile](_PARTS_HELD)
        self._groups = LatestUsed[tuple[int, int], list[Seed]](_GROUPS_HELD)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def get(self, index: int) -> Seed:
        """The seed at an index. Raises IndexError outside of [0, len)."""
        if not 0 <= index < self._count:
            raise IndexError(f"seed {index} of {self._count}")
        number = self._part_of(index)
        group, at = divmod(index - self._first[number], _ROW_GROUP_SEEDS)
        with self._lock:
            seeds = self._groups.get((number, group))
            if seeds is None:
                seeds = _decoded(self._part(number).read_row_group(group, use_threads=False))
                self._groups.put((number, group), seeds)
        return seeds[at]

    def iterate(self, start: int = 0) -> Iterator[Seed]:
        """All seeds from an index on."""
        for index in range(start, self._count):
            yield self.get(index)

    def _part_of(self, index: int) -> int:
        number = index // PART_SEEDS  # all parts but the last are full
        return min(number, len(self._first) - 1)

    def _part(self, number: int) -> pq.ParquetFile:
        part = self._parts.get(number)
        if part is None:
            part = _open_part(self._store, self.manifest.parts[number])
            self._parts.put(number, part)
        return part


def _open_part(store: Store, part: SeedsPart) -> pq.ParquetFile:
    """A part, in memory as it is stored: a tenth of what its seeds take."""
    try:
        data = store.get(part.key)
    except ObjectMissing as error:
        raise StorageError(
            f"{store.uri}/{part.key} is gone; delete the manifest beside it and collect again"
        ) from error
    if sha256(data).hexdigest() != part.sha256:
        raise StorageError(
            f"{store.uri}/{part.key} is damaged (its sha256 is not the manifest's); delete the manifest beside it and "
            "collect again"
        )
    return pq.ParquetFile(pa.BufferReader(data))


def _decoded(table: pa.Table) -> list[Seed]:
    return [_seed(row) for row in table.to_pylist()]


def _seed(row: Mapping[str, Any]) -> Seed:
    source = Source(row["corpus"], row["path"], row["line"], row["project"], row["version"], row["license"])
    return Seed(row["id"], SeedKind(row["kind"]), row["language"], row["text"], source, dict(row["extra"]))


def _column(seed: Seed, name: str) -> Any:
    match name:
        case "id" | "language" | "text":
            return getattr(seed, name)
        case "kind":
            return seed.kind.value
        case "extra":
            return sorted(seed.extra.items())
        case _:
            return getattr(seed.source, name)
