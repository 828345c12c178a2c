"""Where the segments of a run's journal lie, and how they are read.

`<run>/journal/<epoch>-<random>/open` and `<seq>.jsonl.zst`: one folder an attempt, one object a segment.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seedmill.records.journal import Record, SegmentDamaged, decode_segment
from seedmill.storage.store import Store

_ATTEMPT = re.compile(r"^\d{6,}-[0-9a-f]{8}$")
_SEGMENT = re.compile(r"^(\d{8})\.jsonl\.zst$")


@dataclass(frozen=True, slots=True, order=True)
class SegmentRef:
    """One segment: its attempt, its number there, its key in the store, its size in bytes."""

    attempt: str
    number: int
    key: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What a journal held when it was listed: attempts and segments, both in order."""

    attempts: tuple[str, ...]
    segments: tuple[SegmentRef, ...]

    @property
    def highest_epoch(self) -> int:
        """0 when there is no attempt."""
        return max((epoch_of(attempt) for attempt in self.attempts), default=0)


def epoch_of(attempt: str) -> int:
    return int(attempt.partition("-")[0])


def attempt_name(epoch: int, random: str) -> str:
    """`<epoch>-<random>`: six digits, so that names sort as epochs; eight hex digits, so that no two are equal."""
    return f"{epoch:06d}-{random}"


def open_key(run_prefix: str, attempt: str) -> str:
    return f"{run_prefix}/journal/{attempt}/open"


def segment_key(run_prefix: str, attempt: str, number: int) -> str:
    return f"{run_prefix}/journal/{attempt}/{number:08d}.jsonl.zst"


def list_journal(store: Store, run_prefix: str) -> Listing:
    """One listing. Objects that are no part of a journal are passed over. Raises StorageError."""
    prefix = f"{run_prefix}/journal/"
    attempts: set[str] = set()
    segments: list[SegmentRef] = []
    for entry in store.list(prefix):
        attempt, _, name = entry.key.removeprefix(prefix).partition("/")
        if not _ATTEMPT.match(attempt):
            continue
        attempts.add(attempt)
        if found := _SEGMENT.match(name):
            segments.append(SegmentRef(attempt, int(found[1]), entry.key, entry.size_bytes))
    return Listing(tuple(sorted(attempts)), tuple(sorted(segments)))


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """A segment that was read: its records, or why it does not count."""

    ref: SegmentRef
    records: tuple[Record, ...]
    damage: str = ""


def read_segments(store: Store, refs: Sequence[SegmentRef]) -> Iterator[ReadSegment]:
    """Each segment, in the order given; a damaged one without records and with its damage. Raises StorageError."""
    for ref in refs:
        try:
            yield ReadSegment(ref, tuple(decode_segment(store.get(ref.key))))
        except SegmentDamaged as damage:
            yield ReadSegment(ref, (), str(damage))
