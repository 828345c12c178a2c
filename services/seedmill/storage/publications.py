"""What a run published: HEAD.json, and the outcomes that every later publication keeps.

`<run>/HEAD.json` names the latest publication; `<run>/publications/<n>-<random>/` holds segments.json,
outcomes.parquet and manifest.json, all immutable. Aggregation writes them; the pipeline reads them to go on behind what
was published.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from seedmill.records.selection import Kept, PublishedOutcome
from seedmill.storage.journal import SegmentRef, list_journal
from seedmill.storage.store import ObjectMissing, Store

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


def published_dataset(store: Store, run_prefix: str, publication: str) -> str:
    """The prefix, relative to the run's, of the dataset that a publication made. Raises StorageError."""
    about = orjson.loads(store.get(f"{run_prefix}/{publication}/manifest.json"))
    return f"dataset/{about['datasetDigest']}"


def encode_outcomes(rows: Iterable[OutcomeRow]) -> bytes:
    """outcomes.parquet, the same bytes for the same rows."""
    table = pa.Table.from_pylist(
        [
            {
                "sample": row.sample,
                "outcome": row.outcome.kept.value,
                "reason": row.outcome.reason,
                "tokens": row.tokens,
                "end": row.outcome.end,
            }
            for row in rows
        ],
        schema=_OUTCOMES,
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def read_outcomes(store: Store, run_prefix: str, publication: str) -> dict[str, PublishedOutcome]:
    """What a publication says of each sample below its cut. Raises StorageError."""
    data = store.get(f"{run_prefix}/{publication}/outcomes.parquet")
    table: pa.Table = pq.read_table(io.BytesIO(data))
    columns = [table.column(name).to_pylist() for name in ("sample", "outcome", "reason", "end")]
    return {
        sample: PublishedOutcome(Kept(outcome), reason, end)
        for sample, outcome, reason, end in zip(*columns, strict=True)
    }
