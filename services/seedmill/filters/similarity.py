"""Which rows are like which: the index of kept rows that selection and the novelty gate search.

A row is an exact duplicate when its instruction or its response was seen before, a near-duplicate when its instruction
or its code is similar to one seen before (SelfCodeAlign §3.6 (8), (12) of the order of filters). The answer depends
only on the rows added, and their order: never on time, threads or hash seeds.
"""

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np

from seedmill.filters.exact import exact_key
from seedmill.filters.key_table import Keys, KeyTable, MemoryTable, Numbers
from seedmill.filters.near_duplicates import BANDS, THRESHOLD, Signature, jaccard, signature
from seedmill.filters.row_log import MemoryLog, RowLog
from seedmill.records.row import Row

_HEAD = struct.Struct("<16s16s16sII")
"""A row in the log: id, exact keys of instruction and response, size in bytes of the shingles of instruction and code.
The shingles follow, 32 bits each, then the row's keys."""
_ROW = struct.Struct("<QI")
"""Before a row that is packed: its root sample, and its size in bytes."""
_NOTHING = bytes(16)
_EXACT, _INSTRUCTION, _CODE = 0, 1, 2
_KINDS = 4
"""An entry in the table is row number * _KINDS + kind of text."""
_SALTS = np.array([0, 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)
"""By kind of text, so that the keys of one kind do not meet those of another."""
_LIMITS_HELD = 8


class Likeness(StrEnum):
    """Why a row is not new; the words of the ledger."""

    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE = "near_duplicate"


@dataclass(frozen=True, slots=True)
class Match:
    """A row is like the earlier row with this id."""

    reason: Likeness
    row_id: str


class RowIndex:
    """The rows kept so far. `add` them in the order of their root samples.

    `table` and `log` are where they are kept: in memory, if nothing else is given.
    """

    def __init__(self, table: KeyTable | None = None, log: RowLog | None = None) -> None:
        self._table = MemoryTable() if table is None else table
        self._log = MemoryLog() if log is None else log
        self._last: tuple[Row, _Texts] | None = None
        self._last_root = 0
        self._limits: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._log)

    def find(self, row: Row) -> str | None:
        """`exact_duplicate` or `near_duplicate` when the row is like a kept one, else None."""
        found = self.match(row)
        return None if found is None else found.reason.value

    def match(self, row: Row, below: int | None = None) -> Match | None:
        """The first kept row that this one is like; with `below`, only rows of root samples under it are seen."""
        texts = self._texts(row)
        candidates = self._candidates(texts.keys, self._rows_below(below))
        found = self._first_equal(candidates[_EXACT], (texts.exact_instruction, texts.exact_response))
        if found is not None:
            return Match(Likeness.EXACT_DUPLICATE, found.id)
        for kind, wanted in ((_INSTRUCTION, texts.instruction), (_CODE, texts.code)):
            if (found := self._first_similar(candidates[kind], kind, wanted)) is not None:
                return Match(Likeness.NEAR_DUPLICATE, found.id)
        return None

    def find_instruction(self, instruction: str, below: int | None = None) -> str | None:
        """The id of the first kept row whose instruction this one is like, as `match` sees it; or None."""
        exact, mark = _exact_bytes(instruction), signature(instruction)
        keys, _ = _keys_and_kinds((exact,), ((_INSTRUCTION, mark),))
        candidates = self._candidates(keys, self._rows_below(below))
        found = self._first_equal(candidates[_EXACT], (exact,))
        if found is None:
            found = self._first_similar(candidates[_INSTRUCTION], _INSTRUCTION, mark)
        return None if found is None else found.id

    def add(self, row: Row, root_index: int) -> None:
        """Remember a kept row. Raises ValueError when a row of a later root sample is already in."""
        if root_index < self._last_root:
            raise ValueError(f"row of root sample {root_index} comes after one of {self._last_root}")
        number, texts = len(self._log), self._texts(row)
        self._last_root = root_index
        self._log.append(root_index, texts.packed(row.id))
        self._table.add(texts.keys, np.uint32(number * _KINDS) + texts.kinds)

    def packed(self, first: int, behind: int) -> bytes:
        """The rows with these numbers, for `restore`."""
        rows = [(self._log.rank(number), self._log.read(number)) for number in range(first, behind)]
        return b"".join(each for rank, content in rows for each in (_ROW.pack(rank, len(content)), content))

    def restore(self, packed: bytes) -> None:
        """Add rows as `packed` gave them; it takes a tenth of the time of adding the rows themselves."""
        keys, numbers, at = list[Keys](), list[Numbers](), 0
        while at < len(packed):
            rank, size = _ROW.unpack_from(packed, at)
            content = packed[at + _ROW.size : at + _ROW.size + size]
            at += _ROW.size + size
            row_keys, kinds = _keys_in(content)
            keys.append(row_keys)
            numbers.append(np.uint32(len(self._log) * _KINDS) + kinds)
            self._log.append(rank, content)
            self._last_root = rank
        if keys:
            self._table.add(np.concatenate(keys), np.concatenate(numbers))

    def _candidates(self, keys: Keys, limit: int) -> tuple[list[int], list[int], list[int]]:
        """Numbers of the rows, under the limit, that share a key: by kind of text, rising."""
        found: tuple[list[int], list[int], list[int]] = ([], [], [])
        for entry in self._table.numbers(keys):
            if entry < limit * _KINDS:
                found[entry % _KINDS].append(entry // _KINDS)
        return found

    def _first_equal(self, numbers: list[int], wanted: tuple[bytes, ...]) -> "_Logged | None":
        keys = {key for key in wanted if key != _NOTHING}
        for number in numbers:
            logged = _Logged.unpack(self._log.read(number))
            if logged.exact_instruction in keys or logged.exact_response in keys:
                return logged
        return None

    def _first_similar(self, numbers: list[int], kind: int, wanted: Signature | None) -> "_Logged | None":
        if wanted is None:
            return None
        for number in numbers:
            logged = _Logged.unpack(self._log.read(number))
            if jaccard(wanted.shingles, logged.marks[kind - _INSTRUCTION]) >= THRESHOLD:
                return logged
        return None

    def _texts(self, row: Row) -> "_Texts":
        """Remembered for the last row, because a row that is new is added next."""
        if self._last is None or self._last[0] is not row:
            self._last = (row, _Texts.of(row))
        return self._last[1]

    def _rows_below(self, root_index: int | None) -> int:
        """How many rows belong to root samples under this one: their numbers are those below it.

        The limits of samples in flight are few, and each is asked for a thousand times.
        """
        if root_index is None or root_index > self._last_root:
            return len(self._log)
        if root_index not in self._limits:
            if len(self._limits) == _LIMITS_HELD:
                del self._limits[next(iter(self._limits))]
            self._limits[root_index] = self._search(root_index)
        return self._limits[root_index]

    def _search(self, root_index: int) -> int:
        low, high = 0, len(self._log)
        while low < high:
            middle = (low + high) // 2
            if self._log.rank(middle) < root_index:
                low = middle + 1
            else:
                high = middle
        return low


@dataclass(frozen=True, slots=True)
class _Texts:
    """A row as the index sees it."""

    exact_instruction: bytes
    exact_response: bytes
    instruction: Signature | None
    code: Signature | None
    keys: Keys
    kinds: Numbers

    @staticmethod
    def of(row: Row) -> "_Texts":
        exact = (_exact_bytes(row.instruction), _exact_bytes(row.response))
        instruction, code = signature(row.instruction), signature(row.code or row.response)
        keys, kinds = _keys_and_kinds(exact, ((_INSTRUCTION, instruction), (_CODE, code)))
        return _Texts(*exact, instruction, code, keys, kinds)

    def packed(self, row_id: str) -> bytes:
        """What the log keeps of it."""
        marks = [b"" if mark is None else mark.shingles.tobytes() for mark in (self.instruction, self.code)]
        sizes = [len(mark) for mark in marks]
        head = _HEAD.pack(bytes.fromhex(row_id), self.exact_instruction, self.exact_response, *sizes)
        return b"".join((head, *marks, self.keys.tobytes()))


@dataclass(frozen=True, slots=True)
class _Logged:
    """A row as it is kept; `marks` are the shingles of its instruction and of its code."""

    id: str
    exact_instruction: bytes
    exact_response: bytes
    marks: tuple["array[int]", "array[int]"]

    @staticmethod
    def unpack(content: bytes) -> "_Logged":
        row_id, exact_instruction, exact_response, first, second = _HEAD.unpack_from(content)
        middle = _HEAD.size + first
        marks = array("I", content[_HEAD.size : middle]), array("I", content[middle : middle + second])
        return _Logged(row_id.hex(), exact_instruction, exact_response, marks)


def _keys_in(content: bytes) -> tuple[Keys, Numbers]:
    """The keys of a row in the log, and of which kind each is."""
    _, *exact, first, second = _HEAD.unpack_from(content)
    parts = [(_EXACT, sum(each != _NOTHING for each in exact))]
    parts += [(kind, BANDS) for kind, size in ((_INSTRUCTION, first), (_CODE, second)) if size]
    return np.frombuffer(content, np.uint64, offset=_HEAD.size + first + second), _layout(tuple(parts))[1]


def _exact_bytes(text: str) -> bytes:
    key = exact_key(text)
    return _NOTHING if key is None else key.to_bytes(16, "little")


def _keys_and_kinds(exact: Sequence[bytes], marks: Sequence[tuple[int, Signature | None]]) -> tuple[Keys, Numbers]:
    """The keys of some texts, and of which kind each is."""
    parts: list[tuple[int, Sequence[int]]] = [
        (_EXACT, [int.from_bytes(each[:8], "little") for each in exact if each != _NOTHING])
    ]
    parts += [(kind, mark.bands) for kind, mark in marks if mark is not None]
    salts, kinds = _layout(tuple((kind, len(keys)) for kind, keys in parts))
    return np.array([key for _, keys in parts for key in keys], np.uint64) ^ salts, kinds


@cache
def _layout(parts: tuple[tuple[int, int], ...]) -> tuple[Keys, Numbers]:
    """Salt and kind of each key, where so many keys of each kind stand behind each other."""
    kinds = np.repeat(np.array([kind for kind, _ in parts], np.uint32), [count for _, count in parts])
    return _SALTS[kinds], kinds
