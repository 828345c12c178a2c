"""A journal's records by root sample, in order, for a journal of any size: it is sorted in scratch files.

Segments hold records in the order in which they became durable. Here their lines go to parts of a thousand root samples
each, a part is read back whole, and its records are put into an index of their own (`records/resolution.py`). What is
held is one part, and the lines that are not written yet.
"""

import struct
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import zstandard

from seedmill.records.journal import NO_ROOT, Position, RetryRecord, SegmentDamaged, decode_line
from seedmill.records.resolution import JournalIndex, PublishedEnds, RootRecords
from seedmill.storage.append_file import AppendFile
from seedmill.storage.journal import ReadSegment
from seedmill.storage.scratch import scratch_place
from seedmill.storage.store import StorageError

ROOTS_IN_PART = 1024
HELD_BYTES = 8 << 20
_HEAD = struct.Struct("<IIII")
"""Before each line: number of its attempt, segment, line, and the line's size in bytes."""


class RecordsByRoot:
    """Feed it whole segments with `add`, then read `roots`. Only records with the run's `cfg` are kept.

    Raises StorageError when the disk is full.
    """

    def __init__(self, folder: Path, cfg: str, *, roots_in_part: int = ROOTS_IN_PART) -> None:
        self._file = AppendFile(folder)
        self._cfg = cfg
        self._roots_in_part = roots_in_part
        self._attempts: dict[str, int] = {}
        self._waiting: defaultdict[int, bytearray] = defaultdict(bytearray)
        self._waiting_bytes = 0
        self._extents: defaultdict[int, list[tuple[int, int]]] = defaultdict(list[tuple[int, int]])
        self._retries: list[tuple[Position, RetryRecord]] = []
        self.highest_ended = -1
        """The highest root sample with an end, of itself or of a child; -1 when there is none."""

    def add(self, segment: ReadSegment, from_root: int = 0) -> None:
        """Take the lines of one segment, but for those of root samples below `from_root`."""
        ref = segment.ref
        attempt = self._attempts.setdefault(ref.attempt, len(self._attempts))
        for number, line in enumerate(segment.lines):
            if line.root == NO_ROOT:
                record = line.record()
                if isinstance(record, RetryRecord):
                    self.retry(Position(ref.attempt, ref.number, number), record)
            elif line.cfg == self._cfg and line.root >= from_root:
                part = self._waiting[line.root // self._roots_in_part]
                part += _HEAD.pack(attempt, ref.number, number, len(line.data))
                part += line.data
                self._waiting_bytes += len(line.data)
                if line.kind == "end":
                    self.highest_ended = max(self.highest_ended, line.root)
        if self._waiting_bytes >= HELD_BYTES:
            self._write()

    def retry(self, position: Position, record: RetryRecord) -> None:
        """Take a record that says which failed samples are to be tried anew."""
        self._retries.append((position, record))

    def roots(self, published: PublishedEnds | None = None) -> Iterator[RootRecords]:
        """Root samples with at least one counting record, in order; pins and retries are applied.

        Raises StorageError when a line is no record, which only another version can have written.
        """
        self._write()
        attempts = list(self._attempts)
        for part in sorted(self._extents):
            index = JournalIndex(self._cfg)
            for position, record in self._retries:
                index.add_record(position, record)
            for position, data in self._lines(part, attempts):
                try:
                    index.add_record(position, decode_line(data))
                except SegmentDamaged as error:
                    where = f"{position.attempt}, segment {position.segment}, line {position.line + 1}"
                    raise StorageError(f"the journal cannot be read: attempt {where}: {error}") from error
            index.finish(published)
            yield from index.roots()

    def close(self) -> None:
        self._file.close()

    def _write(self) -> None:
        compressor = zstandard.ZstdCompressor(level=1, write_content_size=True)
        for part, lines in self._waiting.items():
            packed = compressor.compress(lines)
            self._extents[part].append((self._file.size_bytes, len(packed)))
            self._file.append(packed)
        self._waiting.clear()
        self._waiting_bytes = 0

    def _lines(self, part: int, attempts: list[str]) -> Iterator[tuple[Position, bytes]]:
        decompressor = zstandard.ZstdDecompressor()
        for offset, size_bytes in self._extents[part]:
            lines = decompressor.decompress(self._file.read(offset, size_bytes))
            at = 0
            while at < len(lines):
                attempt, segment, line, length = _HEAD.unpack_from(lines, at)
                at += _HEAD.size + length
                yield Position(attempts[attempt], segment, line), lines[at - length : at]


@contextmanager
def records_by_root(cfg: str, folder: Path | None = None) -> Generator[RecordsByRoot]:
    """An empty one, in scratch files of a folder (the system's temporary one) until the context is left."""
    records = RecordsByRoot(scratch_place(folder), cfg)
    try:
        yield records
    finally:
        records.close()
