"""The journal: the only durable state of a run, as immutable records in segments.

A `StepRecord` says what one finished step of one sample gave, an `EndRecord` how a sample ended and which step records
it rests on, a `RetryRecord` that samples which failed are to be tried anew. Digests cover what a record says, never who
said it when: attempt, clock, endpoint and durations are in `notes`, outside the digest.

A segment is JSON lines in one zstd frame with a checksum: it counts whole or not at all. A roll-up holds many closed
segments of one attempt, so that a resume reads few objects; every record keeps its position.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
import zstandard

from seedmill.records.tokens import Tokens

JSON = Any
ROOT = ""
"""The parent of a sample's first step."""

MAX_SEGMENT_BYTES = 1 << 30


class Outcome(StrEnum):
    """How a sample ended. ACCEPT and REJECT are decided; FAILED is not the sample's fault and may be tried anew."""

    ACCEPT = "accept"
    REJECT = "reject"
    FAILED = "failed"


class Position(NamedTuple):
    """Where a record stands: attempts are ordered by name, segments and lines by number."""

    attempt: str
    segment: int
    line: int


class SegmentDamaged(Exception):
    """A segment that does not count: its bytes are not what was written. Its samples are made again."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One finished step.

    `parent` is the digest of the record this one was made from (ROOT for the first), `cfg` the digest of what the run's
    records depend on. `output` is a completion, a verdict or a list of children's values, as JSON.
    """

    sample: str
    step: str
    part: int
    try_: int
    cfg: str
    parent: str
    output: JSON
    tokens: Tokens = Tokens()
    notes: Mapping[str, JSON] = field(default_factory=dict[str, JSON], compare=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        content = [
            self.sample, self.step, self.part, self.try_, self.cfg, self.parent, self.output,
            self.tokens.prompt, self.tokens.completion,
        ]  # fmt: skip
        object.__setattr__(self, "digest", digest_of(content))


@dataclass(frozen=True, slots=True)
class EndRecord:
    """How a sample ended.

    `chain` are the digests of the step records that made it, in order; `uses` those of all records it rests on: parts
    that were not taken are in it, and their tokens count. `step` is where it was rejected or failed, `reason` the word
    in the ledger.
    """

    sample: str
    outcome: Outcome
    cfg: str
    reason: str = ""
    step: str = ""
    tags: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    notes: Mapping[str, JSON] = field(default_factory=dict[str, JSON], compare=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        content = [
            self.sample, self.outcome, self.cfg, self.reason, self.step, self.tags, self.chain, self.uses,
        ]  # fmt: skip
        object.__setattr__(self, "digest", digest_of(content))


@dataclass(frozen=True, slots=True)
class RetryRecord:
    """Failed ends written by attempts up to and including `up_to` do not count, unless a publication holds them."""

    up_to: str


Record = StepRecord | EndRecord | RetryRecord


def digest_of(content: JSON) -> str:
    """32 hex digits of sha256 over canonical JSON (sorted keys)."""
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def root_index(path: str) -> int:
    """The number of the root sample that a path belongs to: 17 for `17` and for `17/3`."""
    return int(path.partition("/")[0])


def path_order(path: str) -> tuple[int, ...]:
    """Sort key of sample paths: by root, then by child, as numbers."""
    return tuple(int(part) for part in path.split("/"))


def encode_segment(records: Iterable[Record]) -> bytes:
    """The bytes of a segment that holds these records, one a line, in order."""
    return _compress(b"\n".join(orjson.dumps(_to_json(record)) for record in records))


def decode_segment(data: bytes) -> Iterator[Record]:
    """The records of a segment. Raises SegmentDamaged before the first one if any byte is wrong."""
    try:
        records = [_from_json(orjson.loads(line)) for line in _decompress(data).split(b"\n") if line]
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise SegmentDamaged(str(error)) from error
    return iter(records)


def encode_rollup(segments: Iterable[tuple[int, Iterable[Record]]]) -> bytes:
    """The bytes of a roll-up: whole segments of one attempt, each behind a line with its number."""
    lines: list[bytes] = []
    for number, records in segments:
        lines.append(orjson.dumps({"kind": "segment", "number": number}))
        lines.extend(orjson.dumps(_to_json(record)) for record in records)
    return _compress(b"\n".join(lines))


def decode_rollup(data: bytes) -> dict[int, tuple[Record, ...]]:
    """The segments of a roll-up by number. Raises SegmentDamaged if any byte is wrong."""
    segments: dict[int, list[Record]] = {}
    current: list[Record] | None = None
    try:
        for line in _decompress(data).split(b"\n"):
            content = orjson.loads(line)
            if content["kind"] == "segment":
                current = segments.setdefault(content["number"], [])
            elif current is not None:
                current.append(_from_json(content))
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise SegmentDamaged(str(error)) from error
    return {number: tuple(records) for number, records in segments.items()}


def _compress(lines: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True, write_content_size=True).compress(lines)


def _decompress(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_SEGMENT_BYTES)


def _to_json(record: Record) -> dict[str, JSON]:
    match record:
        case StepRecord():
            return {
                "kind": "step",
                "sample": record.sample,
                "step": record.step,
                "part": record.part,
                "try": record.try_,
                "cfg": record.cfg,
                "parent": record.parent,
                "output": record.output,
                "tokens": [record.tokens.prompt, record.tokens.completion],
                "notes": dict(record.notes),
            }
        case EndRecord():
            return {
                "kind": "end",
                "sample": record.sample,
                "outcome": record.outcome,
                "cfg": record.cfg,
                "reason": record.reason,
                "step": record.step,
                "tags": record.tags,
                "chain": record.chain,
                "uses": record.uses,
                "notes": dict(record.notes),
            }
        case RetryRecord():
            return {"kind": "retry", "upTo": record.up_to}


def _from_json(data: dict[str, JSON]) -> Record:
    match data["kind"]:
        case "step":
            prompt, completion = data["tokens"]
            return StepRecord(
                sample=data["sample"],
                step=data["step"],
                part=data["part"],
                try_=data["try"],
                cfg=data["cfg"],
                parent=data["parent"],
                output=data["output"],
                tokens=Tokens(prompt, completion),
                notes=data["notes"],
            )
        case "end":
            return EndRecord(
                sample=data["sample"],
                outcome=Outcome(data["outcome"]),
                cfg=data["cfg"],
                reason=data["reason"],
                step=data["step"],
                tags=tuple(data["tags"]),
                chain=tuple(data["chain"]),
                uses=tuple(data["uses"]),
                notes=data["notes"],
            )
        case "retry":
            return RetryRecord(data["upTo"])
        case kind:
            raise ValueError(f"unknown record kind {kind!r}")
