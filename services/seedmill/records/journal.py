"""The journal: the only durable state of a run, as immutable records in segments.

A `StepRecord` says what one finished step of one sample gave, an `EndRecord` how a sample ended and which step records
it rests on, a `RetryRecord` that samples which failed are to be tried anew. Digests cover what a record says, never who
said it when: attempt, clock, endpoint and durations are in `notes`, outside the digest.

A segment is JSON lines in one zstd frame with a checksum: it counts whole or not at all. A roll-up is many closed
segments of one attempt behind each other, as they are, so that a resume reads few objects; every record keeps its
position. Before each stands a frame that zstd skips, with its number, its size and a hash: `zstd -dc` shows both alike.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
import zstandard
from xxhash import xxh3_64_intdigest

from seedmill.records.tokens import Tokens

JSON = Any
ROOT = ""
"""The parent of a sample's first step."""

MAX_SEGMENT_BYTES = 1 << 30

_FIELDS = {
    "step": {"sample", "step", "part", "try", "cfg", "parent", "output", "tokens", "notes"},
    "end": {"sample", "outcome", "cfg", "reason", "step", "tags", "chain", "uses", "notes"},
    "retry": {"upTo"},
}
_BEGINNING = re.compile(
    rb'\{"kind":"(step|end)","sample":"(\d+)(?:/\d+)*",'
    rb'"(?:step":"\w+","part":\d+,"try":\d+|outcome":"\w+"),"cfg":"(\w*)",'
)
"""How `encode_line` begins a line: what it belongs to can be told without reading it whole."""
_SKIPPED = struct.Struct("<IIIIQ")
"""Before a segment in a roll-up: zstd's mark of a frame to be skipped, the size of what follows in it, the segment's
number, its size in bytes, and a hash of number and segment."""
_SKIPPED_MARK, _SKIPPED_BYTES = 0x184D2A50, _SKIPPED.size - 8


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

NO_ROOT = -1
"""What a retry belongs to."""


class Line(NamedTuple):
    """A record as it is written, with what it belongs to: its root sample, its cfg (empty for a retry)."""

    data: bytes
    kind: str
    root: int
    cfg: str

    def record(self) -> Record:
        """The record. Raises SegmentDamaged when it is none."""
        return decode_line(self.data)


def digest_of(content: JSON) -> str:
    """32 hex digits of sha256 over canonical JSON (sorted keys)."""
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def root_index(path: str) -> int:
    """The number of the root sample that a path belongs to: 17 for `17` and for `17/3`."""
    return int(path.partition("/")[0])


def path_order(path: str) -> tuple[int, ...]:
    """Sort key of sample paths: by root, then by child, as numbers."""
    return tuple(int(part) for part in path.split("/"))


def root_of(record: Record) -> int:
    """The root sample that a record belongs to; NO_ROOT for a retry."""
    return NO_ROOT if isinstance(record, RetryRecord) else root_index(record.sample)


def encode_segment(records: Iterable[Record]) -> bytes:
    """The bytes of a segment that holds these records, one a line, in order."""
    return pack_segment(map(encode_line, records))


def pack_segment(lines: Iterable[bytes]) -> bytes:
    """The bytes of a segment with these lines, each as `encode_line` gives it."""
    return _compress(b"".join([line + b"\n" for line in lines]))


def encode_line(record: Record) -> bytes:
    """A record as it is written: the same bytes whenever it is asked."""
    return orjson.dumps(_to_json(record))


def decode_segment(data: bytes) -> Iterator[Record]:
    """The records of a segment. Raises SegmentDamaged before the first one if any byte is wrong."""
    return iter([line.record() for line in segment_lines(data)])


def segment_lines(data: bytes) -> tuple[Line, ...]:
    """The lines of a segment, unread but for what they belong to. Raises SegmentDamaged if any byte is wrong."""
    return tuple(_line(line) for line in _decompress(data).split(b"\n") if line)


def decode_line(data: bytes) -> Record:
    """The record of a line. Raises SegmentDamaged when it is none."""
    try:
        return _from_json(orjson.loads(data))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise SegmentDamaged(str(error)) from error


def pack_rollup(segments: Iterable[tuple[int, bytes]]) -> bytes:
    """The bytes of a roll-up of these segments, each with its number. Raises SegmentDamaged if one of them is."""
    packed = bytearray()
    for number, segment in segments:
        _decompress(segment)
        packed += _SKIPPED.pack(_SKIPPED_MARK, _SKIPPED_BYTES, number, len(segment), _rollup_hash(number, segment))
        packed += segment
    return bytes(packed)


def unpack_rollup(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments of a roll-up, with their numbers. Raises SegmentDamaged at the first one with a wrong byte."""
    at = 0
    while at < len(data):
        try:
            mark, skipped_bytes, number, size, told = _SKIPPED.unpack_from(data, at)
        except struct.error as error:
            raise SegmentDamaged("the roll-up is cut off") from error
        at += _SKIPPED.size
        segment = data[at : at + size]
        if (mark, skipped_bytes, told) != (_SKIPPED_MARK, _SKIPPED_BYTES, _rollup_hash(number, segment)):
            raise SegmentDamaged("the roll-up is damaged, or no roll-up")
        yield number, segment
        at += size


def _rollup_hash(number: int, segment: bytes) -> int:
    return xxh3_64_intdigest(segment, seed=number)


def _line(data: bytes) -> Line:
    found = _BEGINNING.match(data)
    if found is not None:
        kind, root, cfg = found.groups()
        return Line(data, kind.decode(), int(root), cfg.decode())
    try:
        content = orjson.loads(data)
        kind = content["kind"]
        if not _FIELDS[kind] <= content.keys():
            raise SegmentDamaged(f"a {kind} record without {', '.join(_FIELDS[kind] - content.keys())}")
        if kind == "retry":
            return Line(data, kind, NO_ROOT, "")
        return Line(data, kind, root_index(content["sample"]), content["cfg"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise SegmentDamaged(f"not a record: {error}") from error


def _compress(lines: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True, write_content_size=True).compress(lines)


def _decompress(data: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_SEGMENT_BYTES)
    except zstandard.ZstdError as error:
        raise SegmentDamaged(str(error)) from error


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
