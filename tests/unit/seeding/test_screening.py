"""Near-duplicates, the type check and quotas of distinct seeds, whatever the size of the chunks."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from seedmill.records.collection import CollectedSeeds, Collection, CollectionProgress, LanguageQuota
from seedmill.records.seed import Seed, SeedKind, Source, seed_id
from seedmill.seeding.collect import collect
from seedmill.seeding.limits import MIB, Limits
from seedmill.seeding.screening import CHUNK_SEEDS, FunctionJudge, nothing_wrong, screened
from seedmill.seeding.type_check import TypeChecker
from seedmill.storage.seeds import SeedReader
from support.memory_store import MemoryStore

WORDS = "amber birch cedar dune ember fjord grove heath islet jetty knoll lagoon marsh north ocean pine quarry".split()  # noqa: SIM905
CRASHES = "    a = (1, 2, 3, 4, 5, 6, 7, 8)\n" + "    a = a + a\n" * 40


def function(number: int, result: str = "x", body: str = "") -> str:
    """A function whose words are not those of another number."""
    words = " ".join(f"{WORDS[(number + i) % len(WORDS)]}{number}" for i in range(12))
    return f'def f{number}(x: int, y) -> int:\n    """Return {words}."""\n{body}    return {result}\n'


def seed(text: str, context: str = "") -> Seed:
    name = seed_id(SeedKind.FUNCTION, "python", text, context)
    extra = {"name": "f", "docstring": "", "context": context}
    return Seed(name, SeedKind.FUNCTION, "python", text, Source("c", "m.py", 1, "p", "1", "MIT"), extra)


def assorted() -> list[Seed]:
    """By id: good, wrong, and similar functions, all of them as distinct seeds are."""
    texts = [function(n, "y.z" if n % 3 else "str(x)") for n in range(24)]
    texts += [function(n, "x + 1") for n in range(0, 24, 2)]
    return sorted(map(seed, texts), key=lambda each: each.id)


def screen(seeds: Sequence[Seed], folder: Path, chunk_seeds: int, quota: int = 0) -> tuple[list[str], Counter[str]]:
    dropped: Counter[str] = Counter()
    folder.mkdir()
    judge = FunctionJudge(TypeChecker(folder, Limits(), lambda: None).check)

    def drop(reason: str, count: int) -> None:
        dropped[reason] += count

    return [each.id for each in screened(seeds, {"python": quota}, judge, drop, chunk_seeds)], +dropped


@pytest.mark.parametrize("quota", [0, 9])
def test_chunks_change_neither_seeds_nor_counts(quota: int, tmp_path: Path) -> None:
    results = [screen(assorted(), tmp_path / str(size), size, quota) for size in (1, 5, CHUNK_SEEDS)]
    assert results[0] == results[1] == results[2]
    stay, dropped = results[0]
    assert len(stay) + dropped.total() == 36
    assert dropped["near_duplicate"]
    assert dropped["type_error"]
    assert (len(stay), dropped["quota"] > 0) == (9, True) if quota else dropped["quota"] == 0


def test_of_similar_functions_the_first_by_id_stays() -> None:
    checked: list[str] = []

    def no_errors(programs: Sequence[str]) -> list[str | None]:
        checked.extend(programs)
        return [None] * len(programs)

    pair = sorted((seed(function(1)), seed(function(1, "y"))), key=lambda each: each.id)
    other = seed(function(2))
    judge = FunctionJudge(no_errors)
    assert judge([pair[0], other]) == [None, None]
    assert judge([pair[1]]) == ["near_duplicate"]
    assert checked == [pair[0].text, other.text]  # what is dropped anyway is not checked


def test_functions_are_checked_with_their_context_as_they_run() -> None:
    checked: list[str] = []

    def no_errors(programs: Sequence[str]) -> list[str | None]:
        checked.extend(programs)
        return [None] * len(programs)

    FunctionJudge(no_errors)([seed(function(1), "import re\n")])
    assert checked == ["import re\n\n\n" + function(1)]


def test_seeds_beyond_a_full_quota_are_not_judged() -> None:
    seeds = assorted()
    judged: list[str] = []
    dropped: Counter[str] = Counter()

    def judge(chunk: Sequence[Seed]) -> Sequence[str | None]:
        judged.extend(each.id for each in chunk)
        return nothing_wrong(chunk)

    def drop(reason: str, count: int) -> None:
        dropped[reason] += count

    stay = list(screened(seeds, {"python": 3}, judge, drop, chunk_seeds=2))
    assert stay == seeds[:3]
    assert judged == [each.id for each in seeds[:4]]
    assert dropped["quota"] == len(seeds) - 3


def self_oss(corpus: Path) -> Collection:
    return Collection(
        "memory:",
        str(corpus),
        SeedKind.FUNCTION,
        allowed_licenses=("MIT",),
        corpus_license="MIT",
        self_oss_filters=True,
    )


def corpus_of(folder: Path, functions: Sequence[str]) -> Path:
    folder.mkdir()
    for number, text in enumerate(functions):
        (folder / f"m{number}.py").write_text(text)
    return folder


def names(store: MemoryStore, collected: CollectedSeeds) -> set[str]:
    return {each.extra["name"] for each in SeedReader(store, collected.prefix).iterate()}


def test_self_oss_collection_leaves_out_what_is_wrong_or_similar_and_says_so(tmp_path: Path) -> None:
    corpus = corpus_of(
        tmp_path / "c",
        [
            function(1),
            function(2, "str(x)"),
            "import nowhere\n\n" + function(3, "nowhere.g(x)"),
            function(4, body=CRASHES),
            function(5),
            function(5, "y"),
        ],
    )
    reports: list[CollectionProgress] = []
    store = MemoryStore()
    limits = Limits(worker_memory_bytes=512 * MIB)
    collected = collect(self_oss(corpus), reports.append, store=store, limits=limits)
    assert names(store, collected) == {"f1", "f3", "f5"}
    assert collected.skipped == {"near_duplicate": 1, "type_check_failed": 1, "type_error": 1}
    assert (reports[-1].files_read, reports[-1].files_total, reports[-1].seeds) == (6, 6, 3)
    assert max(report.seeds for report in reports) == 6


def test_quota_is_filled_with_seeds_that_pass(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "c", [function(n, "str(x)" if n % 2 else "x") for n in range(12)])
    store = MemoryStore()
    asked = replace(self_oss(corpus), languages=(LanguageQuota("python", 6),))
    assert names(store, collect(asked, store=store)) == {f"f{n}" for n in range(0, 12, 2)}


def test_other_collections_of_functions_are_not_screened(tmp_path: Path) -> None:
    """Comment-function rows are verified by their doctests, and selection removes what is similar."""
    corpus = corpus_of(tmp_path / "c", [function(1), function(1, "y"), function(2, "str(x)")])
    store = MemoryStore()
    collected = collect(replace(self_oss(corpus), self_oss_filters=False), store=store)
    assert (collected.count, collected.skipped) == (3, {})


def test_another_type_checker_makes_another_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = corpus_of(tmp_path / "c", [function(1)])
    store = MemoryStore()
    first = collect(self_oss(corpus), store=store)
    unchecked = collect(replace(self_oss(corpus), self_oss_filters=False), store=store)
    monkeypatch.setattr("seedmill.seeding.type_check.version", lambda name: "0.0.1")
    assert collect(self_oss(corpus), store=store).prefix != first.prefix
    assert collect(replace(self_oss(corpus), self_oss_filters=False), store=store) == unchecked
    assert "pyrefly" not in json.dumps(json.loads(store.objects[f"{first.prefix}/manifest.json"]))
