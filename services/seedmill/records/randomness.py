"""Randomness as a function of a counter, so that it depends on nothing that a restart or a replica could change.

A `Draw` is named by (random seed, sample path, step, part, try) and gives the same numbers whenever and wherever it is
made. A try is a deliberate new sampling, never a restart (journal rule 9).
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """A stream of random numbers for one counter. Not for secrets."""

    __slots__ = ("_block", "_key")

    def __init__(self, *counter: int | str) -> None:
        self._key = "\0".join(str(part) for part in counter).encode()
        self._block = 0

    def bits64(self) -> int:
        """The next 64 random bits."""
        digest = blake2b(self._key + b"\0\0" + str(self._block).encode(), digest_size=8).digest()
        self._block += 1
        return int.from_bytes(digest, "big")

    def below(self, bound: int) -> int:
        """A uniform integer in [0, bound); rejection sampling, so no value is favoured."""
        if bound < 1:
            raise ValueError(f"bound must be at least 1, not {bound}")
        limit = (1 << 64) - (1 << 64) % bound
        while (bits := self.bits64()) >= limit:
            pass
        return bits % bound

    def uniform(self) -> float:
        """A float in [0, 1) of 53 random bits."""
        return (self.bits64() >> 11) / (1 << 53)

    def choice(self, items: Sequence[T]) -> T:
        """One of the items, uniformly."""
        return items[self.below(len(items))]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different items in random order (Fisher-Yates from the front)."""
        pool = list(items)
        for i in range(count):
            j = i + self.below(len(pool) - i)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:count]
