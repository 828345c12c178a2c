"""What a journal holds, as sums that do not depend on the order of reading: equal sums, equal records.

A sum is taken of every line with its position, by parts of root samples. Whoever folded the roots below some number
notes the sums of those parts; if they are the same later, nothing was added below, and nothing is gone or damaged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xxhash import xxh3_128_intdigest

from seedmill.records.journal import NO_ROOT, Position

ROOTS_IN_PART = 1024
_ALL_BITS = (1 << 128) - 1


@dataclass(slots=True)
class JournalSums:
    """Sums by number of the part; what belongs to no root sample is in the part -1."""

    roots_in_part: int = ROOTS_IN_PART
    parts: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, root: int, position: Position, line: bytes) -> None:
        """Count a line in. Each position is counted once."""
        part = NO_ROOT if root == NO_ROOT else root // self.roots_in_part
        where = f"{position.attempt}/{position.segment}/{position.line}/".encode()
        self.parts[part] = (self.parts.get(part, 0) + xxh3_128_intdigest(where + line)) & _ALL_BITS

    def same_below(self, noted: Mapping[int, int]) -> int:
        """The first root sample from which on this journal may not be the one whose sums were noted; 0 if it is not
        the same journal at all."""
        if self.parts.get(NO_ROOT, 0) != noted.get(NO_ROOT, 0):
            return 0
        part = 0
        while part in noted and self.parts.get(part, 0) == noted[part]:
            part += 1
        return part * self.roots_in_part

    def below(self, root: int) -> dict[int, int]:
        """The sums of all parts below a root sample, which is the first of its part."""
        last = root // self.roots_in_part
        return {part: self.parts.get(part, 0) for part in (NO_ROOT, *range(last))}
