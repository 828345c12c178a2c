"""Which of many strings a text holds, white space and case aside, without looking for each of them.

The rule is that of Magicoder's decontamination: a text that has a banned string as a plain substring is out. Asking for
thousands of strings one by one is what makes that slow. Here every string has an anchor: two neighbouring words in its
inside, a pair that is rare among the strings. The pairs of a text are looked up among the anchors, and only a string
whose anchor is there is searched for. The words at the ends of a string are no anchors, for in a text something may be
attached to them; a string that is too short to have an inside is looked for by its longest word.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

Pair = tuple[str, str]


class BannedStrings:
    """Strings to look for; answers are their numbers."""

    def __init__(self, strings: Sequence[str]) -> None:
        split = [string.lower().split() for string in strings]
        self._strings = [" ".join(words) for words in split]
        frequency = Counter(pair for words in split for pair in set(pairwise(words[1:-1])))
        self._anchored: dict[Pair, list[int]] = defaultdict(list)
        self._short: list[tuple[str, int]] = []
        for number, words in enumerate(split):
            pairs = list(pairwise(words[1:-1]))
            if pairs:
                rarest = min(pairs, key=lambda pair: (frequency[pair], -len(pair[0]) - len(pair[1]), pair))
                self._anchored[rarest].append(number)
            elif words:
                self._short.append((max(words, key=len), number))

    def find(self, lowered: str, words: Sequence[str]) -> int | None:
        """The lowest number of a string that is in the text, given in lower case, and split at white space; or None."""
        candidates = [number for longest, number in self._short if longest in lowered]
        if not self._anchored.keys().isdisjoint(pairwise(words)):
            for pair in self._anchored.keys() & set(pairwise(words)):
                candidates += self._anchored[pair]
        if not candidates:
            return None
        folded = " ".join(words)
        return min((number for number in candidates if self._strings[number] in folded), default=None)
