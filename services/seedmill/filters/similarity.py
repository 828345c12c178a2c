"""Which rows are like which: the index of kept rows that selection and the novelty gate search.

A row is an exact duplicate when its instruction or its response was seen before, a near-duplicate when its instruction
or its code is similar to one seen before (SelfCodeAlign §3.6 (8), (12) of the order of filters). The answer depends
only on the rows added, and their order: never on time, threads or hash seeds.
"""

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum

from seedmill.filters.exact import ExactIndex
from seedmill.filters.near_duplicates import NearDuplicateIndex, Signature, signature
from seedmill.records.row import Row

_ID_BYTES = 16


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
    """The rows kept so far. `add` them in the order of their root samples."""

    def __init__(self) -> None:
        self._ids = bytearray()
        self._roots = array("Q")
        self._exact = ExactIndex()
        self._instructions = NearDuplicateIndex()
        self._codes = NearDuplicateIndex()
        self._last: tuple[Row, _Signatures] | None = None

    def __len__(self) -> int:
        return len(self._roots)

    def find(self, row: Row) -> str | None:
        """`exact_duplicate` or `near_duplicate` when the row is like a kept one, else None."""
        found = self.match(row)
        return None if found is None else found.reason.value

    def match(self, row: Row, below: int | None = None) -> Match | None:
        """The first kept row that this one is like; with `below`, only rows of root samples under it are seen."""
        limit = self._numbers_below(below)
        if (found := self._find_exact((row.instruction, row.response), limit)) is not None:
            return Match(Likeness.EXACT_DUPLICATE, self._id(found))
        signatures = self._signatures(row)
        for index, wanted in ((self._instructions, signatures.instruction), (self._codes, signatures.code)):
            if (found := index.find(wanted, limit)) is not None:
                return Match(Likeness.NEAR_DUPLICATE, self._id(found))
        return None

    def find_instruction(self, instruction: str, below: int | None = None) -> str | None:
        """The id of the first kept row whose instruction this one is like, as `match` sees it; or None."""
        limit = self._numbers_below(below)
        found = self._find_exact((instruction,), limit)
        if found is None:
            found = self._instructions.find(signature(instruction), limit)
        return None if found is None else self._id(found)

    def add(self, row: Row, root_index: int) -> None:
        """Remember a kept row. Raises ValueError when a row of a later root sample is already in."""
        number = len(self._roots)
        if number and root_index < self._roots[-1]:
            raise ValueError(f"row of root sample {root_index} comes after one of {self._roots[-1]}")
        signatures = self._signatures(row)
        self._ids += bytes.fromhex(row.id)
        self._roots.append(root_index)
        self._exact.add(row.instruction, number)
        self._exact.add(row.response, number)
        self._instructions.add(signatures.instruction, number)
        self._codes.add(signatures.code, number)

    def _find_exact(self, texts: tuple[str, ...], limit: int) -> int | None:
        found = [number for text in texts if (number := self._exact.find(text)) is not None and number < limit]
        return min(found, default=None)

    def _signatures(self, row: Row) -> "_Signatures":
        """Remembered for the last row, because a row that is new is added next."""
        if self._last is None or self._last[0] is not row:
            self._last = (row, _Signatures(signature(row.instruction), signature(row.code or row.response)))
        return self._last[1]

    def _numbers_below(self, root_index: int | None) -> int:
        """How many rows belong to root samples under this one: their numbers are those below it."""
        if root_index is None:
            return len(self._roots)
        return bisect_left(self._roots, root_index)

    def _id(self, number: int) -> str:
        return self._ids[number * _ID_BYTES : (number + 1) * _ID_BYTES].hex()


@dataclass(frozen=True, slots=True)
class _Signatures:
    instruction: Signature | None
    code: Signature | None
