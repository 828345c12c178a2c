"""N-grams of references in a document: the short cut finds what looking at every n-gram finds."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedmill.filters.ngrams import Coverage, GramIndex, grams

TOKENS = st.lists(st.sampled_from("abc"), max_size=40)


def by_looking_at_all(size: int, references: list[list[str]], tokens: list[str]) -> Coverage | None:
    different = [set(grams(reference, size)) for reference in references]
    document = list(dict.fromkeys(grams(tokens, size)))
    found = Counter({n: sum(gram in each for gram in document) for n, each in enumerate(different)})
    if not any(found.values()):
        return None
    best = min(
        (number for number in found if found[number]),
        key=lambda number: (-found[number] / len(different[number]), number),
    )
    gram = next(gram for gram in document if gram in different[best])
    return Coverage(best, found[best] / len(different[best]), gram)


@given(references=st.lists(TOKENS, min_size=1, max_size=4), tokens=TOKENS, size=st.integers(1, 11))
@settings(max_examples=300)
def test_the_most_covered_reference_is_that_of_all_ngrams(
    references: list[list[str]], tokens: list[str], size: int
) -> None:
    index = GramIndex(size, references)
    copy = [*tokens[:3], *references[0], *tokens[3:]]
    for document in (tokens, references[0], copy):
        assert index.most_covered(document) == by_looking_at_all(size, references, document)


@pytest.mark.parametrize("length", range(12))
def test_a_document_shorter_than_an_ngram_covers_nothing(length: int) -> None:
    index = GramIndex(12, [["a"] * 20])
    assert index.most_covered(["a"] * length) is None
