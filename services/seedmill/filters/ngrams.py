"""Token n-grams of reference strings, to see how much of one a document holds."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

Gram = tuple[str, ...]


def grams(tokens: Sequence[str], size: int) -> "zip[Gram]":
    """All runs of `size` tokens, in order."""
    return zip(*(tokens[start:] for start in range(size)), strict=False)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Reference `number` is in the document to this part (0 to 1] of its different n-grams; `gram` is one of them."""

    number: int
    part: float
    gram: Gram


class GramIndex:
    """References by their n-grams.

    Of a document only short runs (anchors) are looked up, so far apart that each n-gram holds one, and the n-grams
    around those that are some reference's.
    """

    def __init__(self, size: int, references: Sequence[Sequence[str]]) -> None:
        self._size = size
        self._anchor_size = (size + 1) // 2
        self._references: dict[Gram, list[int]] = defaultdict(list)
        self._anchors: set[Gram] = set()
        self._counts: list[int] = []
        for number, tokens in enumerate(references):
            different = dict.fromkeys(grams(tokens, size))
            self._counts.append(len(different))
            for gram in different:
                self._references[gram].append(number)
                self._anchors.update(grams(gram, self._anchor_size))

    def most_covered(self, tokens: Sequence[str]) -> Coverage | None:
        """The reference of which the document holds the largest part (the first of equals), or None."""
        shared = list(dict.fromkeys(gram for at in self._anchored(tokens) for gram in self._around(tokens, at)))
        if not shared:
            return None
        found = Counter(number for gram in shared for number in self._references[gram])
        best = min(found, key=lambda number: (-found[number] / self._counts[number], number))
        gram = next(gram for gram in shared if best in self._references[gram])
        return Coverage(best, found[best] / self._counts[best], gram)

    def _anchored(self, tokens: Sequence[str]) -> list[int]:
        """Where anchors of references stand, of those places of which each n-gram holds one."""
        size, anchors = self._anchor_size, self._anchors
        starts = range(0, len(tokens) - size + 1, self._size - size + 1)
        return [at for at in starts if tuple(tokens[at : at + size]) in anchors]

    def _around(self, tokens: Sequence[str], at: int) -> list[Gram]:
        """The references' n-grams among those that hold the anchor at this place."""
        first, last = max(0, at - self._size + self._anchor_size), min(at, len(tokens) - self._size)
        around = [tuple(tokens[start : start + self._size]) for start in range(first, last + 1)]
        return [gram for gram in around if gram in self._references]
