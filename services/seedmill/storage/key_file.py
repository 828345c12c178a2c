"""Numbers by 64-bit keys, on disk (`filters/key_table.py`): memory does not grow with the number of entries.

New entries gather in a table in memory. When it is full it is sorted and merged into a sorted file, a part of some
thousand entries at a time, so that no `add` takes long, nor much memory; a new table takes what comes meanwhile. A
lookup reads one block of some hundred bytes a key, by position: keys are hashes, so blocks of equal key ranges are of
nearly equal size. The index in memory is one offset a block. Files are written from beginning to end and replaced
whole; changing single entries in place costs the file system thirty times as much.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seedmill.filters.key_table import Keys, Numbers, QuickTable
from seedmill.storage.append_file import AppendFile
from seedmill.storage.local_files import as_storage_error, write_at

ENTRIES_IN_MEMORY = 1 << 18
"""25 MiB in a full table, reached with some five thousand rows; 3 MiB when it is sorted."""
_BLOCK_ENTRIES = 128
_PART_ENTRIES = 1 << 15
_PART_BITS, _MOST_PART_BITS = 8, 11
"""A part holds the keys that share so many first bits. At most 2048 parts are merged while a table fills: each `add` of
some fifty entries merges one."""
_RUN_ENTRIES = 1 << 16


class KeyFile:
    """A `KeyTable` in scratch files of a folder. Raises StorageError when the disk is full."""

    def __init__(self, folder: Path, entries_in_memory: int = ENTRIES_IN_MEMORY) -> None:
        self._folder = folder
        self._entries_in_memory = entries_in_memory
        self._recent = QuickTable()
        self._sorted = _SortedFile(folder, 0)
        self._merge: _Merge | None = None
        self._runs: _Runs | None = None

    def numbers(self, keys: Keys) -> list[int]:
        self._combine()
        found = self._recent.numbers(keys)
        if self._merge is not None:
            return sorted({*found, *self._merge.numbers(keys)})
        older = self._sorted.numbers(keys) if len(self._sorted) else []
        return sorted({*found, *older}) if older else found

    def add(self, keys: Keys, numbers: Numbers) -> None:
        """Many entries at once become a sorted run of their own; all runs are combined before the next look-up."""
        if len(keys) >= min(_RUN_ENTRIES, self._entries_in_memory):
            if self._runs is None:
                self._runs = _Runs(self._folder)
            self._runs.append(keys, numbers)
            return
        self._recent.add(keys, numbers)
        if self._merge is not None:
            self._merge_on(1)
        if len(self._recent) >= self._entries_in_memory:
            self._merge_on()
            self._merge = _Merge(self._folder, self._sorted, self._recent)
            self._recent = QuickTable()

    def close(self) -> None:
        if self._runs is not None:
            self._runs.close()
        if self._merge is not None:
            self._merge.target.close()
        self._sorted.close()

    def _combine(self) -> None:
        runs = self._runs
        if runs is None:
            return
        self._merge_on()
        older = self._sorted
        target = _SortedFile(self._folder, len(older) + len(runs))
        for part in range(1 << _MOST_PART_BITS):
            parts = [older.part(part, _MOST_PART_BITS), *runs.parts(part)]
            keys = np.concatenate([keys for keys, _ in parts])
            numbers = np.concatenate([numbers for _, numbers in parts])
            order = keys.argsort(kind="stable")
            target.append_part(part, _MOST_PART_BITS, keys[order], numbers[order])
        older.close()
        runs.close()
        self._sorted, self._runs = target, None

    def _merge_on(self, parts: int | None = None) -> None:
        """Merge so many parts, or all that are left."""
        merge = self._merge
        if merge is None:
            return
        left = merge.parts - merge.done
        for _ in range(left if parts is None else min(parts, left)):
            merge.step()
        if merge.done == merge.parts:
            self._sorted.close()
            self._sorted = merge.target
            self._merge = None


class _SortedFile:
    """Entries in order of their keys: one file of keys, one of numbers beside it, and where each block begins.

    A block holds the keys that share their first `bits` bits. `entries` is how many there will be once all is written.
    """

    def __init__(self, folder: Path, entries: int) -> None:
        self._folder = folder
        self.bits = max(_MOST_PART_BITS, (entries // _BLOCK_ENTRIES).bit_length())
        self._shift = np.uint64(64 - self.bits)
        self._starts = np.zeros((1 << self.bits) + 1, np.uint32)
        self._written = 0
        try:
            self._keys = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  closed in `close`
            self._numbers = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  closed in `close`
        except OSError as error:
            raise as_storage_error(error, folder, writing=True) from error

    def numbers(self, keys: Keys) -> list[int]:
        """Numbers of these keys, in no order. Keys of parts that are not written yet have none."""
        blocks = (keys >> self._shift).astype(np.intp)
        first, behind = self._starts[blocks].astype(np.int64), self._starts[blocks + 1].astype(np.int64)
        sizes = behind - first
        handle = self._keys.fileno()
        try:
            read = [
                os.pread(handle, 8 * size, 8 * start)
                for start, size in zip(first.tolist(), sizes.tolist(), strict=True)
                if size > 0
            ]
            there = sizes > 0
            keys, first, sizes = keys[there], first[there], sizes[there]
            held = np.frombuffer(b"".join(read), np.uint64)
            hits = np.flatnonzero(held == np.repeat(keys, sizes))
            if not len(hits):
                return []
            places = np.repeat(first - (sizes.cumsum() - sizes), sizes)[hits] + hits
            return [self._number(place) for place in places.tolist()]
        except OSError as error:
            raise as_storage_error(error, self._folder, writing=False) from error

    def part(self, part: int, part_bits: int) -> tuple[Keys, Numbers]:
        """All entries whose keys begin with these bits."""
        width = self.bits - part_bits
        first, behind = int(self._starts[part << width]), int(self._starts[(part + 1) << width])
        try:
            keys = os.pread(self._keys.fileno(), 8 * (behind - first), 8 * first)
            numbers = os.pread(self._numbers.fileno(), 4 * (behind - first), 4 * first)
        except OSError as error:
            raise as_storage_error(error, self._folder, writing=False) from error
        return np.frombuffer(keys, np.uint64), np.frombuffer(numbers, np.uint32)

    def append_part(self, part: int, part_bits: int, keys: Keys, numbers: Numbers) -> None:
        """Write the entries whose keys begin with these bits, sorted by key. Parts come in order."""
        width = self.bits - part_bits
        begin = part << width
        blocks = (keys >> self._shift).astype(np.intp) - begin
        ends = self._written + np.bincount(blocks, minlength=1 << width).cumsum()
        try:
            write_at(self._keys.fileno(), 8 * self._written, keys.tobytes())
            write_at(self._numbers.fileno(), 4 * self._written, numbers.tobytes())
        except OSError as error:
            raise as_storage_error(error, self._folder, writing=True) from error
        self._starts[begin + 1 : begin + 1 + (1 << width)] = ends
        self._written += len(keys)

    def close(self) -> None:
        self._keys.close()
        self._numbers.close()

    def __len__(self) -> int:
        """Entries that are written."""
        return self._written

    def _number(self, place: int) -> int:
        return int.from_bytes(os.pread(self._numbers.fileno(), 4, 4 * place), "little")


class _Runs:
    """Many entries at a time, each time sorted by key, on disk until all are combined."""

    def __init__(self, folder: Path) -> None:
        self._keys, self._numbers = AppendFile(folder), AppendFile(folder)
        self._runs: list[tuple[int, NDArray[np.uint32]]] = []
        self._entries = 0

    def __len__(self) -> int:
        return self._entries

    def append(self, keys: Keys, numbers: Numbers) -> None:
        """Take one more run."""
        order = keys.argsort()
        keys = keys[order]
        self._keys.append(keys.tobytes())
        self._numbers.append(numbers[order].tobytes())
        self._runs.append((self._entries, _bounds(keys, _MOST_PART_BITS)))
        self._entries += len(keys)

    def parts(self, part: int) -> Iterator[tuple[Keys, Numbers]]:
        """Of each run, the entries whose keys begin with these `_MOST_PART_BITS` bits."""
        for begin, bounds in self._runs:
            first, size = begin + int(bounds[part]), int(bounds[part + 1] - bounds[part])
            keys, numbers = self._keys.read(8 * first, 8 * size), self._numbers.read(4 * first, 4 * size)
            yield np.frombuffer(keys, np.uint64), np.frombuffer(numbers, np.uint32)

    def close(self) -> None:
        self._keys.close()
        self._numbers.close()


def _bounds(keys: Keys, part_bits: int) -> NDArray[np.uint32]:
    """Where each part begins in sorted keys, and where the last one ends."""
    firsts = np.arange(1 << part_bits, dtype=np.uint64) << np.uint64(64 - part_bits)
    return np.append(keys.searchsorted(firsts), len(keys)).astype(np.uint32)


class _Merge:
    """The entries of a full table on their way into a new sorted file."""

    def __init__(self, folder: Path, source: _SortedFile, table: QuickTable) -> None:
        entries = len(source) + len(table)
        self.target = _SortedFile(folder, entries)
        self.done = 0
        self._part_bits = min(_MOST_PART_BITS, max(_PART_BITS, (entries // _PART_ENTRIES).bit_length()))
        self._source = source
        keys, numbers = table.entries()
        order = keys.argsort()
        self._keys, self._added = keys[order], numbers[order]
        self._bounds = _bounds(self._keys, self._part_bits)

    @property
    def parts(self) -> int:
        """How many parts there are; `done` of them are merged."""
        return 1 << self._part_bits

    def numbers(self, keys: Keys) -> list[int]:
        """Numbers of these keys, in no order: parts that are done lie in the new file, the others where they were."""
        done = (keys >> np.uint64(64 - self._part_bits)) < self.done
        moved, left = keys[done], keys[~done]
        return [*self.target.numbers(moved), *self._source.numbers(left), *self._numbers_added(left)]

    def step(self) -> None:
        """Merge the next part."""
        first, behind = self._bounds[self.done], self._bounds[self.done + 1]
        keys, numbers = self._source.part(self.done, self._part_bits)
        places = keys.searchsorted(self._keys[first:behind], side="right")
        self.target.append_part(
            self.done,
            self._part_bits,
            np.insert(keys, places, self._keys[first:behind]),
            np.insert(numbers, places, self._added[first:behind]),
        )
        self.done += 1

    def _numbers_added(self, keys: Keys) -> list[int]:
        first, behind = self._keys.searchsorted(keys), self._keys.searchsorted(keys, side="right")
        return [
            number
            for at in np.flatnonzero(behind > first).tolist()
            for number in self._added[first[at] : behind[at]].tolist()
        ]
