"""What a run published: HEAD.json, and the outcomes that every later publication keeps.

`<run>/HEAD.json` names the latest publication; `<run>/publications/<n>-<random>/` holds segments.json,
outcomes.parquet and manifest.json, all immutable. Aggregation writes them; the pipeline reads them to go on behind what
was published.
"""

import io
from bisect import bisect_right
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from seedmill.records.journal import path_order
from seedmill.records.selection import Kept, PublishedOutcome
from seedmill.storage.arrow_table import arrow_table
from seedmill.storage.journal import SegmentRef, list_journal
from seedmill.storage.latest_used import LatestUsed
from seedmill.storage.store import ObjectMissing, Store

_OUTCOMES_IN_GROUP = 4096
_GROUPS_HELD = 3
_OUTCOMES = pa.schema(
    [
        pa.field("sample", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("end", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What became of one leaf; `tokens` are those of its root, on the root's first leaf, 0 on the others."""

    sample: str
    outcome: PublishedOutcome
    tokens: int


@dataclass(frozen=True, slots=True)
class Head:
    """The latest publication of a run.

    Prefixes are relative to the run's. `limits` are those it was cut with (`Limits.to_json`), `end` why the run ended,
    `ledger` the published one, `cut` the number of root samples walked, `tokens` what they used.
    """

    publication: str
    dataset_prefix: str
    dataset_digest: str
    rows: int
    end: str
    limits: Mapping[str, Any]
    ledger: Mapping[str, Any]
    cut: int
    tokens: int


def read_head(store: Store, run_prefix: str) -> Head | None:
    """None when nothing was published yet. Raises StorageError, and ValueError when HEAD.json is not readable."""
    try:
        data = store.get(f"{run_prefix}/HEAD.json")
    except ObjectMissing:
        return None
    return Head(**orjson.loads(data))


def dataset_uri(store: Store, run_prefix: str, head: Head) -> str:
    """Where the published dataset lies."""
    return f"{store.uri}/{run_prefix}/{head.dataset_prefix}".rstrip("/")


def encode_head(head: Head) -> bytes:
    fields = {name: getattr(head, name) for name in Head.__slots__}
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def encode_segments(segments: Iterable[SegmentRef]) -> bytes:
    """segments.json: which segments counted, by attempt and number (where they lie changes when they are rolled up)."""
    named = [{"attempt": ref.attempt, "number": ref.number} for ref in segments]
    return orjson.dumps(named, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def published_segments(store: Store, run_prefix: str, publication: str) -> list[SegmentRef]:
    """The segments that a publication counted, where they lie now.

    Raises ObjectMissing when one of them is gone, other StorageErrors, ValueError when segments.json is not readable.
    """
    named = orjson.loads(store.get(f"{run_prefix}/{publication}/segments.json"))
    there = {(ref.attempt, ref.number): ref for ref in list_journal(store, run_prefix).segments}
    found: list[SegmentRef] = []
    for each in named:
        ref = there.get((each["attempt"], each["number"]))
        if ref is None:
            raise ObjectMissing(f"{store.uri}/{run_prefix}: segment {each['attempt']}/{each['number']} is gone")
        found.append(ref)
    return found


def publications_up_to(store: Store, run_prefix: str, publication: str) -> list[str]:
    """A publication and those before it, the first one first, as far back as none was pruned. Raises StorageError."""
    found = [publication]
    with suppress(ObjectMissing):
        while before := orjson.loads(store.get(f"{run_prefix}/{found[0]}/manifest.json"))["predecessor"]:
            found.insert(0, before)
    return found


def published_dataset(store: Store, run_prefix: str, publication: str) -> str:
    """The prefix, relative to the run's, of the dataset that a publication made. Raises StorageError."""
    about = orjson.loads(store.get(f"{run_prefix}/{publication}/manifest.json"))
    return f"dataset/{about['datasetDigest']}"


class OutcomesFile:
    """outcomes.parquet being written: the same bytes for the same rows."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, _OUTCOMES, compression="zstd")
        self._held: list[OutcomeRow] = []

    def write(self, row: OutcomeRow) -> None:
        """Write the next row; rows come in order of their paths."""
        self._held.append(row)
        if len(self._held) == _OUTCOMES_IN_GROUP:
            self._flush()

    def close(self) -> None:
        if self._held:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        columns = {
            "sample": [row.sample for row in self._held],
            "outcome": [row.outcome.kept.value for row in self._held],
            "reason": [row.outcome.reason for row in self._held],
            "tokens": [row.tokens for row in self._held],
            "end": [row.outcome.end for row in self._held],
        }
        self._writer.write_table(arrow_table(columns, _OUTCOMES))
        self._held.clear()


class Outcomes:
    """What a publication says of each leaf below its cut, by path; a few groups of rows are held.

    Meant to be asked for paths in about their order.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._parquet = pq.ParquetFile(file)
        self._groups = LatestUsed[int, dict[str, PublishedOutcome]](_GROUPS_HELD)
        groups = self._parquet.num_row_groups if self._parquet.metadata.num_rows else 0
        self._first = [self._first_path(group) for group in range(groups)]

    def get(self, path: str, /) -> PublishedOutcome | None:
        """What became of the leaf, or None."""
        group = bisect_right(self._first, path_order(path)) - 1
        return None if group < 0 else self._group(group).get(path)

    def _group(self, number: int) -> dict[str, PublishedOutcome]:
        group = self._groups.get(number)
        if group is None:
            group = _by_path(self._parquet.read_row_group(number))
            self._groups.put(number, group)
        return group

    def _first_path(self, group: int) -> tuple[int, ...]:
        samples: pa.Table = self._parquet.read_row_group(group, columns=["sample"])
        return path_order(str(samples.column("sample")[0].as_py()))


@contextmanager
def open_outcomes(store: Store, run_prefix: str, publication: str) -> Generator[Outcomes]:
    """The outcomes of a publication, in a scratch file until the context is left. Raises StorageError."""
    with TemporaryDirectory(prefix="seedmill-outcomes-") as folder:
        path = Path(folder) / "outcomes.parquet"
        store.get_file(f"{run_prefix}/{publication}/outcomes.parquet", path)
        with path.open("rb") as file:
            yield Outcomes(file)


def read_outcomes(store: Store, run_prefix: str, publication: str) -> dict[str, PublishedOutcome]:
    """What a publication says of each sample below its cut, all in memory. Raises StorageError."""
    data = store.get(f"{run_prefix}/{publication}/outcomes.parquet")
    return _by_path(pq.read_table(io.BytesIO(data)))


def _by_path(table: pa.Table) -> dict[str, PublishedOutcome]:
    columns = [table.column(name).to_pylist() for name in ("sample", "outcome", "reason", "end")]
    return {
        sample: PublishedOutcome(Kept(outcome), reason, end)
        for sample, outcome, reason, end in zip(*columns, strict=True)
    }
