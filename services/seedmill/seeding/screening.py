"""Which of a collection's distinct seeds stay: no near-duplicates, no type errors, no more than the quotas.

Seeds come and go by id. They are judged in chunks, the cheap check first; a seed beyond its language's quota counts as
that whatever a check says of it, so that the chunks' size changes neither seeds nor counts.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from seedmill.filters.near_duplicates import NearDuplicateIndex, signature
from seedmill.records.seed import Seed

NEAR_DUPLICATE = "near_duplicate"
SIMILARITY = 0.5
"""Jaccard similarity from which two functions are near-duplicates (SelfCodeAlign, seed gathering, near-dedup)."""
CHUNK_SEEDS = 2000

Judge = Callable[[Sequence[Seed]], Sequence[str | None]]
"""For each seed, in order, why it is left out, or None."""


def screened(
    seeds: Iterable[Seed],
    quotas: Mapping[str, int],
    judge: Judge,
    drop: Callable[[str, int], None],
    chunk_seeds: int = CHUNK_SEEDS,
) -> Iterator[Seed]:
    """The seeds that stay. `quotas` are seeds by language, 0 = no limit; `drop` takes a reason and how many."""
    taken: Counter[str] = Counter()

    def is_full(language: str) -> bool:
        return 0 < quotas[language] <= taken[language]

    rest = iter(seeds)
    while chunk := list(islice(rest, chunk_seeds)):
        wanted = [seed for seed in chunk if not is_full(seed.language)]
        drop("quota", len(chunk) - len(wanted))
        for seed, reason in zip(wanted, judge(wanted), strict=True):
            if is_full(seed.language):
                drop("quota", 1)
            elif reason is not None:
                drop(reason, 1)
            else:
                taken[seed.language] += 1
                yield seed


def nothing_wrong(seeds: Sequence[Seed]) -> Sequence[str | None]:
    """The judge of collections that have no check of this kind."""
    return [None] * len(seeds)


class FunctionJudge:
    """Near-duplicates first, then the type check of those that are none. Of near-duplicates the first by id stays.

    Holds about 1 KiB a function that stays.
    """

    def __init__(self, check_types: Callable[[Sequence[str]], Sequence[str | None]]) -> None:
        self._check_types = check_types
        self._seen = NearDuplicateIndex(SIMILARITY)
        self._count = 0

    def __call__(self, seeds: Sequence[Seed]) -> Sequence[str | None]:
        fresh = [seed for seed in seeds if self._is_fresh(seed)]
        reasons = dict(zip((seed.id for seed in fresh), self._check_types(list(map(_program, fresh))), strict=True))
        return [reasons.get(seed.id, NEAR_DUPLICATE) for seed in seeds]

    def _is_fresh(self, seed: Seed) -> bool:
        """Whether no function before was similar."""
        text = signature(seed.text)
        if self._seen.find(text) is not None:
            return False
        self._seen.add(text, self._count)
        self._count += 1
        return True


def _program(seed: Seed) -> str:
    """The function as it runs alone."""
    context = seed.extra["context"].strip("\n")
    return f"{context}\n\n\n{seed.text}" if context else seed.text
