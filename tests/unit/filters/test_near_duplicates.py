"""The MinHash index against brute force over exact Jaccard similarity."""

import random
import re
import tracemalloc

import pytest

from seedmill.filters.near_duplicates import NearDuplicateIndex, signature

VOCABULARY = [f"word{i}" for i in range(300)]


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def brute_jaccard(first: set[tuple[str, ...]], second: set[tuple[str, ...]]) -> float:
    return len(first & second) / len(first | second)


def edited(random_: random.Random, text: str, edits: int) -> str:
    words = text.split()
    for _ in range(edits):
        words[random_.randrange(len(words))] = random_.choice(VOCABULARY)
    return " ".join(words)


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    """300 texts: 100 of 60 to 180 words, each with two copies that have one to five words changed."""
    random_ = random.Random(7)
    texts: list[str] = []
    for _ in range(100):
        text = " ".join(random_.choice(VOCABULARY) for _ in range(random_.randint(60, 180)))
        texts += [text, edited(random_, text, random_.randint(1, 5)), edited(random_, text, random_.randint(1, 5))]
    random_.shuffle(texts)
    return texts


def found_pairs(texts: list[str]) -> list[tuple[int, int]]:
    index = NearDuplicateIndex()
    pairs: list[tuple[int, int]] = []
    for number, text in enumerate(texts):
        mark = signature(text)
        earlier = index.find(mark)
        if earlier is not None:
            pairs.append((earlier, number))
        index.add(mark, number)
    return pairs


def test_finds_at_least_95_percent_of_what_is_as_similar_as_0_8(corpus: list[str]) -> None:
    found = {later for _, later in found_pairs(corpus)}
    known = [shingles(text) for text in corpus]
    similar = [
        later
        for later in range(len(corpus))
        if any(brute_jaccard(known[earlier], known[later]) >= 0.8 for earlier in range(later))
    ]
    assert len(similar) > 50
    assert len(found.intersection(similar)) >= 0.95 * len(similar)


def test_finds_nothing_that_is_less_similar_than_0_7(corpus: list[str]) -> None:
    assert all(brute_jaccard(shingles(corpus[a]), shingles(corpus[b])) >= 0.7 for a, b in found_pairs(corpus))


def test_answers_are_the_same_every_time(corpus: list[str]) -> None:
    assert found_pairs(corpus) == found_pairs(corpus)


def test_signature_is_pinned_because_published_datasets_depend_on_it() -> None:
    mark = signature("Return the sum of the squares of all even numbers in a list.")
    assert mark is not None
    assert (len(mark.shingles), mark.shingles[0], mark.bands[0]) == (9, 747948296, 10405069725852761562)


def test_texts_under_five_words_have_no_near_duplicates() -> None:
    index = NearDuplicateIndex()
    index.add(signature("sort this list"), 0)
    assert signature("sort this list") is None
    assert index.find(signature("sort this list")) is None


def test_only_numbers_below_the_limit_are_seen() -> None:
    text = "write a function that merges two sorted lists into one"
    index = NearDuplicateIndex()
    index.add(signature("something else altogether is written in this one"), 0)
    index.add(signature(text), 1)
    assert index.find(signature(text), below=1) is None
    assert index.find(signature(text), below=2) == 1


def test_memory_of_a_text_stays_under_two_kibibytes() -> None:
    random_ = random.Random(3)
    texts = [" ".join(random_.choice(VOCABULARY) for _ in range(200)) for _ in range(400)]
    tracemalloc.start()
    index = NearDuplicateIndex()
    for number, text in enumerate(texts):
        index.add(signature(text), number)
    size_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size_bytes / len(texts) < 2048
    assert index.find(signature(texts[123])) == 123
