"""Where the segments of a run's journal lie, and how they are read.

`<run>/journal/<epoch>-<random>/open` and `<seq>.jsonl.zst`: one folder an attempt, one object a segment. Closed
segments are rolled up: `rollup-<first>-<last>.jsonl.zst` beside them holds segments first..last of that attempt, as its
name says. Originals are deleted by a later attempt, when nobody can still be reading them; until then they stand in for
a roll-up that turns out to be damaged.
"""

import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby

from seedmill.records.journal import Line, Record, SegmentDamaged, pack_rollup, segment_lines, unpack_rollup
from seedmill.storage.store import Store

ROLLUP_SEGMENTS = 64
"""A roll-up is held in one piece, as it is stored, so it must not be too large: 64 full segments are some 5 MB."""
FEWEST_TO_ROLL_UP = 32
_FETCHED_AHEAD = 8
_ROLLUP_COUNTS_AS = 4
"""A roll-up is as large as dozens of segments: few are fetched ahead."""

_ATTEMPT = re.compile(r"^\d{6,}-[0-9a-f]{8}$")
_SEGMENT = re.compile(r"^(\d{8})\.jsonl\.zst$")
_ROLLUP = re.compile(r"^rollup-(\d{8})-(\d{8})\.jsonl\.zst$")


@dataclass(frozen=True, slots=True, order=True)
class SegmentRef:
    """One segment: its attempt and its number there.

    `key` is the object that holds it alone, empty when it is gone; `rollup` the roll-up that holds it, or empty.
    """

    attempt: str
    number: int
    key: str
    rollup: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a journal held when it was listed: attempts and segments, both in order."""

    attempts: tuple[str, ...]
    segments: tuple[SegmentRef, ...]

    @property
    def highest_epoch(self) -> int:
        """0 when there is no attempt."""
        return max((epoch_of(attempt) for attempt in self.attempts), default=0)


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """A segment that was read: its lines, or why it does not count. `from_rollup`: out of one that is sound."""

    ref: SegmentRef
    lines: Sequence[Line]
    damage: str = ""
    from_rollup: bool = False

    @property
    def records(self) -> list[Record]:
        """What the lines say. Raises SegmentDamaged when one says nothing that this version understands."""
        return [line.record() for line in self.lines]


def epoch_of(attempt: str) -> int:
    return int(attempt.partition("-")[0])


def attempt_name(epoch: int, random: str) -> str:
    """`<epoch>-<random>`: six digits, so that names sort as epochs; eight hex digits, so that no two are equal."""
    return f"{epoch:06d}-{random}"


def open_key(run_prefix: str, attempt: str) -> str:
    return f"{run_prefix}/journal/{attempt}/open"


def segment_key(run_prefix: str, attempt: str, number: int) -> str:
    return f"{run_prefix}/journal/{attempt}/{number:08d}.jsonl.zst"


def rollup_key(run_prefix: str, attempt: str, first: int, last: int) -> str:
    return f"{run_prefix}/journal/{attempt}/rollup-{first:08d}-{last:08d}.jsonl.zst"


def newer_attempt(store: Store, run_prefix: str, attempt: str) -> str:
    """The next attempt behind this one, or empty. Raises StorageError. What this one and older ones wrote is not
    listed."""
    prefix = f"{run_prefix}/journal/"
    behind_the_slash = chr(ord("/") + 1)
    for entry in store.list(prefix, after=f"{prefix}{attempt}{behind_the_slash}"):
        name = entry.key.removeprefix(prefix).partition("/")[0]
        if _ATTEMPT.match(name):
            return name
    return ""


def list_journal(store: Store, run_prefix: str) -> Listing:
    """One listing. Objects that are no part of a journal are passed over. Raises StorageError."""
    prefix = f"{run_prefix}/journal/"
    attempts: set[str] = set()
    alone: dict[tuple[str, int], str] = {}
    rolled: dict[tuple[str, int], str] = {}
    for entry in store.list(prefix):
        attempt, _, name = entry.key.removeprefix(prefix).partition("/")
        if not _ATTEMPT.match(attempt):
            continue
        attempts.add(attempt)
        if found := _SEGMENT.match(name):
            alone[attempt, int(found[1])] = entry.key
        elif found := _ROLLUP.match(name):
            for number in range(int(found[1]), int(found[2]) + 1):
                rolled[attempt, number] = entry.key
    segments = (
        SegmentRef(attempt, number, alone.get((attempt, number), ""), rolled.get((attempt, number), ""))
        for attempt, number in alone.keys() | rolled.keys()
    )
    return Listing(tuple(sorted(attempts)), tuple(sorted(segments)))


def read_segments(store: Store, refs: Sequence[SegmentRef]) -> Iterator[ReadSegment]:
    """Each segment, in the order given; a damaged one without lines and with its damage. Raises StorageError.

    A few objects are fetched ahead, each by a thread of its own, because a store that is far away answers slowly.
    """
    groups = [(rollup, list(group)) for rollup, group in groupby(refs, key=lambda ref: ref.rollup)]
    objects = [
        each
        for rollup, group in groups
        for each in ([(rollup, _ROLLUP_COUNTS_AS)] if rollup else [(ref.key, 1) for ref in group])
    ]
    with closing(_fetched(store, objects)) as fetched:
        for rollup, group in groups:
            if rollup:
                yield from _from_rollup(store, rollup, next(fetched), group)
            else:
                yield from (_read(ref, next(fetched)) for ref in group)


def _from_rollup(store: Store, rollup: str, data: bytes, group: Sequence[SegmentRef]) -> Iterator[ReadSegment]:
    held: dict[int, bytes] = {}
    damage = ""
    try:
        held.update(unpack_rollup(data))
    except SegmentDamaged as error:
        damage = str(error)
    for ref in group:
        if ref.number in held:
            yield replace(_read(ref, held[ref.number]), from_rollup=not damage)
        elif ref.key:
            yield _read(ref, store.get(ref.key))
        else:
            yield ReadSegment(ref, (), damage or f"{rollup} does not hold segment {ref.number}")


def _read(ref: SegmentRef, data: bytes) -> ReadSegment:
    try:
        return ReadSegment(ref, segment_lines(data))
    except SegmentDamaged as error:
        return ReadSegment(ref, (), str(error))


def _fetched(store: Store, objects: Sequence[tuple[str, int]]) -> Generator[bytes]:
    """The objects in order; of what each counts as, `_FETCHED_AHEAD` is under way at most."""
    with ThreadPoolExecutor(_FETCHED_AHEAD, thread_name_prefix="journal") as threads:
        waiting: deque[tuple[Future[bytes], int]] = deque()
        ahead = 0
        try:
            for key, counts_as in objects:
                while waiting and ahead + counts_as > _FETCHED_AHEAD:
                    future, before = waiting.popleft()
                    ahead -= before
                    yield future.result()
                waiting.append((threads.submit(store.get, key), counts_as))
                ahead += counts_as
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            for future, _ in waiting:
                future.cancel()


def roll_up(store: Store, run_prefix: str, attempt: str, first: int, last: int) -> str:
    """Write a roll-up of closed segments first..last of an attempt; its key. Raises SegmentDamaged and StorageError."""
    segments = ((number, store.get(segment_key(run_prefix, attempt, number))) for number in range(first, last + 1))
    key = rollup_key(run_prefix, attempt, first, last)
    store.put(key, pack_rollup(segments))
    return key


def delete_rolled_up(store: Store, read: Iterable[ReadSegment]) -> None:
    """Delete originals that were just read from their roll-up. Only for the run's one writer. Raises StorageError."""
    for segment in read:
        if segment.from_rollup and segment.ref.key:
            store.delete(segment.ref.key)


def worth_rolling_up(segments: Sequence[SegmentRef]) -> list[tuple[str, int, int]]:
    """(attempt, first, last) of runs of consecutive segments that no roll-up holds and that are many."""
    found: list[tuple[str, int, int]] = []
    for attempt, group in groupby((ref for ref in segments if not ref.rollup), key=lambda ref: ref.attempt):
        numbers = [ref.number for ref in group]
        start = 0
        for at in range(1, len(numbers) + 1):
            ends = at == len(numbers) or numbers[at] != numbers[at - 1] + 1 or at - start == ROLLUP_SEGMENTS
            if ends:
                if at - start >= FEWEST_TO_ROLL_UP:
                    found.append((attempt, numbers[start], numbers[at - 1]))
                start = at
    return found
