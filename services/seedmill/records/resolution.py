"""What a journal says of a sample: settled with its leaves, or the chain from which it goes on.

The rules are those of docs/journal.md; each closes a hole that a model of the journal found:

* only records with the run's cfg count, and an end counts when everything in its `uses` counts;
* of several ends of a sample a decided one beats `failed`, then the lowest position wins, with its whole chain; steps
  of different chains are never mixed, because every record names the record it was made from;
* what a publication holds of a sample stays: a pinned end beats every other one;
* `failed` settles a sample only with its third end, by one process or several.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from seedmill.records.journal import (
    EndRecord,
    Outcome,
    Position,
    Record,
    RetryRecord,
    StepRecord,
    root_index,
)
from seedmill.records.tokens import Tokens

FAILURES_THAT_SETTLE = 3


@dataclass(frozen=True, slots=True)
class Leaf:
    """A candidate that ended, and the records it rests on (`uses` holds `chain`)."""

    end: EndRecord
    chain: tuple[StepRecord, ...]
    uses: tuple[StepRecord, ...]


@dataclass(frozen=True, slots=True)
class SettledRoot:
    """A root sample all of whose candidates ended; `leaves` in order of their paths."""

    index: int
    leaves: tuple[Leaf, ...]

    @property
    def tokens(self) -> Tokens:
        """Each used record once."""
        used = {step.digest: step.tokens for leaf in self.leaves for step in leaf.uses}
        return sum(used.values(), Tokens())


@dataclass(slots=True)
class RootRecords:
    """All counting records of one root sample and its children, with their positions."""

    index: int
    pins: dict[str, str] = field(default_factory=dict[str, str])
    steps: dict[str, tuple[Position, StepRecord]] = field(default_factory=dict[str, tuple[Position, StepRecord]])
    ends: dict[str, list[tuple[Position, EndRecord]]] = field(
        default_factory=lambda: defaultdict[str, list[tuple[Position, EndRecord]]](list)
    )

    def add_step(self, position: Position, record: StepRecord) -> None:
        known = self.steps.get(record.digest)
        if known is None or position < known[0]:
            self.steps[record.digest] = (position, record)

    def add_end(self, position: Position, record: EndRecord) -> None:
        self.ends[record.sample].append((position, record))

    def failures(self, path: str) -> int:
        """How many counting `failed` ends the sample at this path has."""
        return sum(1 for _, end in self._counting(path) if end.outcome is Outcome.FAILED)

    def end(self, path: str, expansion: str | None = None) -> EndRecord | None:
        """The end of the sample at this path, or None while it is not settled.

        `expansion` is the digest of the Expand record that a child's end must rest on.
        """
        counting = [
            (position, end) for position, end in self._counting(path) if expansion is None or expansion in end.uses
        ]
        pinned = [end for _, end in counting if end.digest == self.pins.get(path)]
        if pinned:
            return pinned[0]
        decided = [each for each in counting if each[1].outcome is not Outcome.FAILED]
        if decided:
            return min(decided, key=lambda each: each[0])[1]
        if len(counting) >= FAILURES_THAT_SETTLE:
            return min(counting, key=lambda each: each[0])[1]
        return None

    def settled(self) -> SettledRoot | None:
        """The root with its leaves, or None while any candidate of it is not settled."""
        own = self.end(str(self.index))
        if own is not None:
            return SettledRoot(self.index, (self._leaf(own),))
        for expansion in self._expansions():
            ends = [self.end(f"{self.index}/{n}", expansion.digest) for n in range(len(expansion.output))]
            leaves = [self._leaf(end) for end in ends if end is not None]
            if len(leaves) == len(ends):
                return SettledRoot(self.index, tuple(leaves))
        return None

    def find(self, sample: str, step: str, part: int, try_: int, parent: str) -> StepRecord | None:
        """The finished step to go on with: of several, the one with the longest chain behind it, then the lowest."""
        found = [
            (-self._length_behind(record), position, record)
            for position, record in self.steps.values()
            if (record.sample, record.step, record.part, record.try_, record.parent)
            == (sample, step, part, try_, parent)
        ]
        return min(found, key=lambda each: each[:2])[2] if found else None

    def _counting(self, path: str) -> list[tuple[Position, EndRecord]]:
        return [
            (position, end)
            for position, end in self.ends.get(path, [])
            if all(digest in self.steps for digest in end.uses)
        ]

    def _expansions(self) -> list[StepRecord]:
        """Records of an Expand step that some child's end rests on, lowest position first."""
        used = {digest for path in self.ends if "/" in path for _, end in self._counting(path) for digest in end.uses}
        found = [self.steps[digest] for digest in used if isinstance(self.steps[digest][1].output, list)]
        return [record for _, record in sorted(found, key=lambda each: each[0])]

    def _leaf(self, end: EndRecord) -> Leaf:
        return Leaf(
            end,
            tuple(self.steps[digest][1] for digest in end.chain),
            tuple(self.steps[digest][1] for digest in end.uses),
        )

    def _length_behind(self, record: StepRecord) -> int:
        children = [step for _, step in self.steps.values() if step.parent == record.digest]
        return 1 + max((self._length_behind(child) for child in children), default=0)


class PublishedEnd(Protocol):
    """What a publication says of a sample, as far as it matters here."""

    @property
    def end(self) -> str:
        """The digest of its end; empty when a hard stop left it without one."""
        ...


class PublishedEnds(Protocol):
    """What a publication holds, by path."""

    def get(self, path: str, /) -> PublishedEnd | None: ...


class JournalIndex:
    """The counting records of a run, or of some of its root samples.

    Feed it whole segments with `add`, or record by record, then ask. `cfg` is the run's; records with another one are
    counted as `foreign`.
    """

    def __init__(self, cfg: str) -> None:
        self._cfg = cfg
        self._roots: dict[int, RootRecords] = {}
        self._retried_up_to = ""
        self.foreign = 0

    def add(self, attempt: str, segment: int, records: Iterable[Record]) -> None:
        """Take the records of one segment."""
        for line, record in enumerate(records):
            self.add_record(Position(attempt, segment, line), record)

    def add_record(self, position: Position, record: Record) -> None:
        """Take the record at a position."""
        match record:
            case RetryRecord():
                self._retried_up_to = max(self._retried_up_to, record.up_to)
            case StepRecord() | EndRecord() if record.cfg != self._cfg:
                self.foreign += 1
            case StepRecord():
                self._root(record.sample).add_step(position, record)
            case EndRecord():
                self._root(record.sample).add_end(position, record)

    def finish(self, published: PublishedEnds | None = None) -> None:
        """Apply pins and retries, once all segments are in.

        Published samples keep the ends that `published` says. Of all others, failed ends up to the last `retry` stop
        counting.
        """
        for root in self._roots.values():
            for path, ends in root.ends.items():
                outcome = None if published is None else published.get(path)
                if outcome is not None:
                    root.pins[path] = outcome.end
                elif self._retried_up_to:
                    ends[:] = [
                        (position, end)
                        for position, end in ends
                        if end.outcome is not Outcome.FAILED or position.attempt > self._retried_up_to
                    ]

    def roots(self) -> list[RootRecords]:
        """Root samples with at least one counting record, in order."""
        return [self._roots[index] for index in sorted(self._roots)]

    def _root(self, path: str) -> RootRecords:
        index = root_index(path)
        if index not in self._roots:
            self._roots[index] = RootRecords(index)
        return self._roots[index]
