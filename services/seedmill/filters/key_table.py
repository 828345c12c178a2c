"""Numbers by 64-bit keys: which texts share a key with this one. Keys are hashes, so they are spread evenly.

A text has dozens of keys, and all of them are looked up or added in one call.
"""

from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Numbers = NDArray[np.uint32]

_PLACES = 16
_FIRST_BUCKETS = 1 << 4


class KeyTable(Protocol):
    """A key may be added with many numbers, and a number with many keys. Numbers are below 2^32 - 1."""

    def numbers(self, keys: Keys) -> list[int]:
        """The numbers that were added with any of these keys, rising, each once."""
        ...

    def add(self, keys: Keys, numbers: Numbers) -> None:
        """Remember each number under the key in its place."""
        ...


class QuickTable:
    """A `KeyTable` in memory for so many entries that 100 bytes each do not matter. The few dozen keys of one row are
    looked up and added in a tenth of the time that a `MemoryTable` takes."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._others: dict[int, list[int]] = {}
        self._entries = 0

    def __len__(self) -> int:
        return self._entries

    def numbers(self, keys: Keys) -> list[int]:
        first, wanted = self._first, keys.tolist()
        found = {first[key] for key in wanted if key in first}
        if self._others and found:
            for key in wanted:
                found.update(self._others.get(key, ()))
        return sorted(found)

    def add(self, keys: Keys, numbers: Numbers) -> None:
        first = self._first
        for key, number in zip(keys.tolist(), numbers.tolist(), strict=True):
            if first.setdefault(key, number) != number:
                self._others.setdefault(key, []).append(number)
        self._entries += len(keys)

    def entries(self) -> tuple[Keys, Numbers]:
        """All keys and their numbers, in no order."""
        others = [(key, number) for key, numbers in self._others.items() for number in numbers]
        keys = chain(self._first, (key for key, _ in others))
        numbers = chain(self._first.values(), (number for _, number in others))
        count = len(self._first) + len(others)
        return np.fromiter(keys, np.uint64, count), np.fromiter(numbers, np.uint32, count)


class MemoryTable:
    """A `KeyTable` in memory: 24 to 48 bytes an entry.

    A hash table of buckets with 16 places each. A bucket that is full (one key with many numbers, or bad luck) runs
    over into a dict.
    """

    def __init__(self) -> None:
        self._entries = 0
        self._make_buckets(_FIRST_BUCKETS)

    def __len__(self) -> int:
        return self._entries

    def numbers(self, keys: Keys) -> list[int]:
        buckets = (keys & self._mask).astype(np.intp)
        hits = self._keys[buckets] == keys[:, None]
        found = set((self._numbers[buckets][hits]).tolist()) if hits.any() else set[int]()
        if self._overflow:
            for key in keys.tolist():
                found.update(self._overflow.get(key, ()))
        return sorted(number - 1 for number in found if number)

    def add(self, keys: Keys, numbers: Numbers) -> None:
        wanted = self._entries + len(keys)
        buckets = len(self._filled)
        if 2 * wanted > _PLACES * buckets:
            held = self.entries()
            while 2 * wanted > _PLACES * buckets:
                buckets *= 2
            self._entries = 0
            self._make_buckets(buckets)
            self._put(held[0], held[1] + np.uint32(1))
        self._put(keys, numbers + np.uint32(1))

    def entries(self) -> tuple[Keys, Numbers]:
        """All keys and their numbers, in no order."""
        used = self._numbers > 0
        over = [(key, number) for key, numbers in self._overflow.items() for number in numbers]
        keys = np.concatenate((self._keys[used], np.array([key for key, _ in over], np.uint64)))
        numbers = np.concatenate((self._numbers[used], np.array([number for _, number in over], np.uint32)))
        return keys, numbers - np.uint32(1)

    def _make_buckets(self, buckets: int) -> None:
        self._mask = np.uint64(buckets - 1)
        self._keys = np.zeros((buckets, _PLACES), np.uint64)
        self._numbers = np.zeros((buckets, _PLACES), np.uint32)  # 0: the place is free; else the number + 1
        self._filled = np.zeros(buckets, np.int64)
        self._overflow: dict[int, list[int]] = {}

    def _put(self, keys: Keys, stored: Numbers) -> None:
        buckets = (keys & self._mask).astype(np.intp)
        order = buckets.argsort(kind="stable")
        buckets, keys, stored = buckets[order], keys[order], stored[order]
        # Of those that go to one bucket, the first gets its first free place, the next one the place behind it, ...
        places = self._filled[buckets] + np.arange(len(keys)) - buckets.searchsorted(buckets)
        self._entries += len(keys)
        fits = places < _PLACES
        if not fits.all():
            for key, number in zip(keys[~fits].tolist(), stored[~fits].tolist(), strict=True):
                self._overflow.setdefault(key, []).append(number)
            buckets, keys, stored, places = buckets[fits], keys[fits], stored[fits], places[fits]
        self._keys[buckets, places] = keys
        self._numbers[buckets, places] = stored
        self._filled[buckets] = places + 1  # of equal indices the last one counts, and that is the highest place
