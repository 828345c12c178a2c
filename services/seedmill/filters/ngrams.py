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
    """References by their n-grams. A document that shares none costs one pass in C."""

    def __init__(self, size: int, references: Sequence[Sequence[str]]) -> None:
        self._size = size
        self._references: dict[Gram, list[int]] = defaultdict(list)
        self._counts: list[int] = []
        for number, tokens in enumerate(references):
            different = dict.fromkeys(grams(tokens, size))
            self._counts.append(len(different))
            for gram in different:
                self._references[gram].append(number)

    def most_covered(self, tokens: Sequence[str]) -> Coverage | None:
        """The reference of which the document holds the largest part (the first of equals), or None."""
        if self._references.keys().isdisjoint(grams(tokens, self._size)):
            return None
        shared = [gram for gram in dict.fromkeys(grams(tokens, self._size)) if gram in self._references]
        found = Counter(number for gram in shared for number in self._references[gram])
        best = min(found, key=lambda number: (-found[number] / self._counts[number], number))
        gram = next(gram for gram in shared if best in self._references[gram])
        return Coverage(best, found[best] / self._counts[best], gram)
