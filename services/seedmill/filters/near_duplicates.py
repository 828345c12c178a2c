"""Near-duplicates of one kind of text: Jaccard similarity of word 5-grams of at least 0.7.

MinHash signatures (rensa) are cut into bands; texts that share a band are candidates, and a candidate counts only when
the Jaccard similarity of its shingles, computed exactly, reaches the threshold. So the banding decides what may be
missed (at 0.7: 1 %, at 0.8: 5 in 100,000), and never what is found: SelfCodeAlign's MinHash takes any collision.

Texts of fewer than five words have no shingle and no near-duplicates; they are left to the exact index (there they were
deleted). The index here is in memory, about 2 KiB for a text of 200 words; that of rows is `similarity.py`.
"""

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import rensa
from xxhash import xxh3_64_intdigest

from seedmill.filters.key_table import Keys, MemoryTable

SHINGLE_WORDS = 5
THRESHOLD = 0.7
BANDS = 26
_BAND_SIZE = 5
_PERMUTATIONS = BANDS * _BAND_SIZE
_SEED = 42
_LOW_32 = 0xFFFFFFFF
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Signature:
    """A text as the index sees it: 32-bit hashes of its shingles, without repeats, and one key per band."""

    shingles: "array[int]"
    bands: tuple[int, ...]

    @property
    def keys(self) -> Keys:
        """The bands, for a `KeyTable`."""
        return np.array(self.bands, np.uint64)


def signature(text: str) -> Signature | None:
    """None for a text of fewer than five words."""
    words = _WORD.findall(text.lower())
    if len(words) < SHINGLE_WORDS:
        return None
    shingles = list({" ".join(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1)})
    minima = array("I", _minima(shingles)).tobytes()
    width = 4 * _BAND_SIZE
    return Signature(
        array("I", sorted({xxh3_64_intdigest(shingle.encode()) & _LOW_32 for shingle in shingles})),
        tuple(xxh3_64_intdigest(minima[i * width : (i + 1) * width], seed=i) for i in range(BANDS)),
    )


def _minima(shingles: list[str]) -> list[int]:
    sketch = cast(Any, rensa).RMinHash(_PERMUTATIONS, _SEED)  # a compiled module without type stubs
    sketch.update(shingles)
    return sketch.digest()


def jaccard(first: Sequence[int], second: Sequence[int]) -> float:
    """Shared over all, of two sequences without repeats."""
    shared = len(set(first).intersection(second))
    return shared / (len(first) + len(second) - shared)


class NearDuplicateIndex:
    """Texts seen so far, by number; numbers are given by the caller and rise."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        self._numbers = MemoryTable()
        self._shingles: dict[int, array[int]] = {}

    def find(self, wanted: Signature | None, below: int | None = None) -> int | None:
        """The lowest number, under `below` where it is given, of a text similar to the wanted one; or None."""
        if wanted is None:
            return None
        for number in self._numbers.numbers(wanted.keys):
            if below is not None and number >= below:
                return None
            if jaccard(wanted.shingles, self._shingles[number]) >= self._threshold:
                return number
        return None

    def add(self, text: Signature | None, number: int) -> None:
        if text is None:
            return
        self._shingles[number] = text.shingles
        self._numbers.add(text.keys, np.full(len(text.bands), number, np.uint32))
