"""A corpus to seeds in the store: the same whatever the order, found again; an error that helps when there are none."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from seedmill.records.collection import CollectedSeeds, Collection, CollectionProgress, LanguageQuota
from seedmill.records.seed import Seed, SeedKind, seed_id
from seedmill.seeding.collect import Stopped, collect
from seedmill.serving.errors import InvalidRequest, Misconfigured, ServiceError, Unavailable
from seedmill.storage.seeds import SeedReader
from seedmill.storage.store import ReadOnlyStore, StorageError, StoreFull
from support.memory_store import MemoryStore


def snippets(path: Path) -> Collection:
    return Collection("memory:", str(path), SeedKind.SNIPPET, allowed_licenses=("MIT",), max_lines=5)


def functions(path: Path) -> Collection:
    return Collection("memory:", str(path), SeedKind.FUNCTION, allowed_licenses=("MIT",))


def source(number: int) -> str:
    return f'# SPDX-License-Identifier: MIT\n\ndef f{number}(x):\n    """Add {number}."""\n    return x + {number}\n'


def make_corpus(folder: Path, count: int = 20) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"m{number:03}.py").write_text(source(number))
    return folder


def seeds(store: MemoryStore, collected: CollectedSeeds) -> list[Seed]:
    return list(SeedReader(store, collected.prefix).iterate())


def manifest(store: MemoryStore, collected: CollectedSeeds) -> dict[str, object]:
    return json.loads(store.objects[f"{collected.prefix}/manifest.json"])


def test_seeds_are_ordered_by_id_and_know_where_they_are_from(tmp_path: Path) -> None:
    store = MemoryStore()
    collected = collect(functions(make_corpus(tmp_path / "c")), store=store)
    found = seeds(store, collected)
    assert collected.count == len(found) == 20
    assert [seed.id for seed in found] == sorted(seed.id for seed in found)
    seed = next(seed for seed in found if seed.extra["name"] == "f7")
    assert seed.id == seed_id(SeedKind.FUNCTION, "python", seed.text, "")
    assert (seed.source.corpus, seed.source.path, seed.source.line, seed.source.license) == ("c", "m007.py", 3, "MIT")


def test_manifest_names_every_part_and_counts_everything(tmp_path: Path) -> None:
    store = MemoryStore()
    corpus = make_corpus(tmp_path / "c")
    (corpus / "bad.py").write_bytes(b"\0")
    (corpus / "unlicensed.py").write_text("x = 1\n")
    (corpus / "copyleft.py").write_text("# SPDX-License-Identifier: GPL-3.0-only\nx = 1\n")
    (corpus / "m.rs").write_text("fn main() {}\n")
    collected = collect(functions(corpus), store=store)
    value = manifest(store, collected)
    assert collected.skipped == {"binary": 1, "license_not_allowed": 1, "license_unknown": 1, "other_language": 1}
    assert value["excluded_licenses"] == {"": 1, "GPL-3.0-only": 1}
    assert value["licenses"] == {"MIT": collected.count}
    assert value["skipped"] == collected.skipped
    assert str(tmp_path) not in json.dumps(value)
    (part,) = value["parts"]  # pyright: ignore
    assert part["rows"] == collected.count == value["count"]
    assert list(store.objects)[-2].endswith("/manifest.json")  # after it only the note by which it is found


def test_result_does_not_depend_on_order_packing_workers_or_place(tmp_path: Path) -> None:
    rows = [{"content": source(n), "path": f"m{n:03}.py", "repo": "p"} for n in range(200)]
    results: list[CollectedSeeds] = []
    stores = [MemoryStore() for _ in range(3)]
    for attempt, store in enumerate(stores):
        folder = tmp_path / str(attempt) / "corpus"
        folder.mkdir(parents=True)
        random.Random(attempt).shuffle(rows)
        parts = attempt + 1
        for part in range(parts):
            (folder / f"{part}.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows[part::parts])))
        results.append(collect(snippets(folder), store=store, workers=1 + attempt % 2))
    assert len({(result.prefix, result.digest, result.count) for result in results}) == 1
    assert stores[0].objects.keys() - stores[1].objects.keys() == {
        key for key in stores[0].objects if key.startswith("seeds/finished/")
    }


def test_finished_collection_is_found_without_reading_the_corpus(tmp_path: Path) -> None:
    store = MemoryStore()
    corpus = make_corpus(tmp_path / "c")
    first = collect(snippets(corpus), store=store)
    objects = dict(store.objects)
    reports: list[CollectionProgress] = []
    assert collect(snippets(corpus), reports.append, store=store) == first
    assert store.objects == objects
    assert not reports


def test_changed_corpus_and_changed_request_are_collected_anew(tmp_path: Path) -> None:
    store = MemoryStore()
    corpus = make_corpus(tmp_path / "c")
    first = collect(snippets(corpus), store=store)
    other_seed = collect(replace(snippets(corpus), random_seed=1), store=store)
    assert other_seed.prefix != first.prefix
    (corpus / "m000.py").write_text(source(999))
    changed = collect(snippets(corpus), store=store)
    assert changed.prefix not in {first.prefix, other_seed.prefix}
    (corpus / "m000.py").write_text(source(0))  # another time stamp, the same content
    assert collect(snippets(corpus), store=store) == first


def test_damaged_note_or_missing_manifest_is_made_again(tmp_path: Path) -> None:
    store = MemoryStore()
    corpus = make_corpus(tmp_path / "c")
    first = collect(snippets(corpus), store=store)
    note = next(key for key in store.objects if key.startswith("seeds/finished/"))
    store.put(note, b"{")
    assert collect(snippets(corpus), store=store) == first
    store.delete(f"{first.prefix}/manifest.json")
    assert collect(snippets(corpus), store=store) == first


def test_equal_texts_are_one_seed_whichever_comes_first(tmp_path: Path) -> None:
    kept: set[tuple[str, str]] = set()
    for attempt, names in enumerate([("a", "b"), ("b", "a")]):
        folder = tmp_path / str(attempt) / "corpus"
        folder.mkdir(parents=True)
        rows = [{"content": "x  =  1", "path": f"{name}.py", "license": "MIT"} for name in names]
        rows += [{"content": "x = 1\n", "path": "c.py", "license": "MIT"}]
        (folder / "x.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
        store = MemoryStore()
        collected = collect(snippets(folder), store=store)
        assert (collected.count, collected.skipped) == (1, {"duplicate": 2})
        kept |= {(seed.text, seed.source.path) for seed in seeds(store, collected)}
    assert len(kept) == 1


def test_language_quotas_take_the_first_by_id(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "c")
    for number in range(10):
        (corpus / f"m{number}.rs").write_text(f"// SPDX-License-Identifier: MIT\n// number {number}\n")
    everything = replace(snippets(corpus), languages=(LanguageQuota("python"), LanguageQuota("rust")), max_lines=1)
    some = replace(everything, languages=(LanguageQuota("Python", 3), LanguageQuota("rs", 100)))
    store = MemoryStore()
    all_seeds = seeds(store, collect(everything, store=store))
    collected = collect(some, store=store)
    python = [seed.id for seed in all_seeds if seed.language == "python"]
    rust = [seed.id for seed in all_seeds if seed.language == "rust"]
    assert [seed.id for seed in seeds(store, collected)] == sorted(python[:3] + rust)
    assert collected.skipped["quota"] == len(python) - 3


def test_preview_reads_so_many_files_and_reports_progress(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "c", 30)
    reports: list[CollectionProgress] = []
    collected = collect(replace(functions(corpus), max_files=7), reports.append, store=MemoryStore())
    assert collected.count == 7
    assert reports[-1] == CollectionProgress(7, 7, 7)
    full: list[CollectionProgress] = []
    collect(functions(corpus), full.append, store=MemoryStore())
    assert full[-1] == CollectionProgress(30, 30, 30)


def test_unknown_license_is_taken_only_when_allowed_in_words(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("x = 1\n")
    request = snippets(tmp_path / "x.py")
    assert collect(replace(request, allow_unknown_license=True), store=MemoryStore()).count == 1
    assert collect(replace(request, corpus_license="MIT"), store=MemoryStore()).count == 1
    with pytest.raises(Misconfigured, match=r"licence of none of its 1 files is allowed \(unknown 1\).*allowUnknown"):
        collect(request, store=MemoryStore())


def write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


GPL = "# SPDX-License-Identifier: GPL-3.0-only\nx = 1\n"


@pytest.mark.parametrize(
    ("name", "data", "reason", "message"),
    [
        ("x.py", GPL, "NothingAllowed", r"none of its 1 files is allowed \(GPL-3.0-only 1\); add to licenses.allow"),
        ("x.rs", "fn main() {}", "NothingAllowed", "no python source file; it holds rust 1: name one of these"),
        ("x.jsonl", b"\xff\xff\n", "CorpusUnreadable", r"nothing could be read \(bad_json 1\); check the files"),
        ("x.jsonl", '{"body": "x = 1"}', "CorpusUnreadable", r"\(no_text_field 1\); name its column with textField"),
        ("x.parquet", b"PAR1", "CorpusUnreadable", r"nothing could be read \(archive_damaged 1\)"),
        ("x.py", "", "NothingAllowed", r"no python source file \(empty 1\)"),
        ("x.py", source(1).replace("return", "rturn"), "NothingAllowed", r"was fit \(syntax_error 1\)"),
    ],
)
def test_corpus_without_a_seed_says_why(
    tmp_path: Path, name: str, data: str | bytes, reason: str, message: str
) -> None:
    store = MemoryStore()
    with pytest.raises(Misconfigured, match=message) as raised:
        collect(functions(write(tmp_path / name, data)), store=store)
    assert raised.value.reason == reason
    assert not store.objects


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"languages": (LanguageQuota("pyhton"),)}, "unknown language 'pyhton'; did you mean python"),
        ({"languages": ()}, "no language is given"),
        ({"languages": (LanguageQuota("py"), LanguageQuota("python"))}, "named twice"),
        ({"kind": SeedKind.FUNCTION, "languages": (LanguageQuota("rust"),)}, "python only, not rust"),
        ({"max_lines": 0}, "at least 1"),
        ({"corpus_license": "my own, ok?"}, "not an SPDX licence expression"),
    ],
)
def test_request_that_can_never_work(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        collect(replace(snippets(tmp_path), **changes), store=MemoryStore())  # pyright: ignore


def test_request_that_allows_nothing_or_names_an_unknown_benchmark(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no licence is allowed"):
        collect(replace(snippets(tmp_path), allowed_licenses=()), store=MemoryStore())
    with pytest.raises(Misconfigured) as raised:
        collect(replace(snippets(tmp_path), decontaminate=("NoSuchBenchmark",)), store=MemoryStore())
    assert raised.value.reason == "BenchmarkMissing"


def test_contaminated_seeds_are_left_out(tmp_path: Path) -> None:
    task = (
        "# SPDX-License-Identifier: MIT\nfrom typing import List\n\n\ndef has_close_elements(numbers, threshold):\n"
        '    """Check if in given list of numbers, are any two numbers closer to each other\n    '
        "than given threshold.\n"
        '    """\n    return any(abs(a - b) < threshold for a in numbers for b in numbers)\n'
    )
    write(tmp_path / "x.py", task + source(1))
    collected = collect(replace(functions(tmp_path), decontaminate=("HumanEval",)), store=MemoryStore())
    assert (collected.count, collected.skipped["contaminated"]) == (1, 1)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(StorageError("away"), Unavailable), (StoreFull("full"), Unavailable), (ReadOnlyStore("shut"), Misconfigured)],
)
def test_store_that_fails(tmp_path: Path, error: StorageError, expected: type[ServiceError]) -> None:
    def fail(key: str) -> None:
        raise error

    with pytest.raises(expected, match=str(error)):
        collect(functions(make_corpus(tmp_path / "c")), store=MemoryStore(fail))


def test_collection_stops_when_told_and_leaves_no_manifest(tmp_path: Path) -> None:
    store = MemoryStore()
    answers = iter([False] * 50)

    def should_stop() -> bool:
        return next(answers, True)

    with pytest.raises(Stopped):
        collect(functions(make_corpus(tmp_path / "c", 100)), should_stop=should_stop, store=store)
    assert not store.objects


def test_file_that_vanishes_while_it_is_read_is_counted(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "c", 3)
    calls = iter(range(100))

    def vanish() -> bool:
        if next(calls) == 1:  # after the listing, when the first document was read
            (corpus / "m002.py").unlink()
        return False

    collected = collect(functions(corpus), should_stop=vanish, store=MemoryStore())
    assert (collected.count, collected.skipped) == (2, {"unreadable": 1})


def test_many_parts_are_read_from_any_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("seedmill.storage.seeds", "seedmill.seeding.publishing"):
        monkeypatch.setattr(f"{module}.PART_SEEDS", 7)
    store = MemoryStore()
    collected = collect(functions(make_corpus(tmp_path / "c", 30)), store=store)
    reader = SeedReader(store, collected.prefix)
    found = list(reader.iterate())
    assert len(reader) == len(found) == 30
    assert [part.rows for part in reader.manifest.parts] == [7, 7, 7, 7, 2]
    for index in random.Random(0).choices(range(30), k=100):
        assert reader.get(index) == found[index]
    assert list(reader.iterate(25)) == found[25:]
    with pytest.raises(IndexError):
        reader.get(30)


def test_damaged_part_is_named(tmp_path: Path) -> None:
    store = MemoryStore()
    collected = collect(functions(make_corpus(tmp_path / "c")), store=store)
    store.put(f"{collected.prefix}/part-00000.parquet", b"PAR1")
    with pytest.raises(StorageError, match=r"part-00000.parquet is damaged .* collect again"):
        SeedReader(store, collected.prefix).get(0)
    store.put(f"{collected.prefix}/manifest.json", b"[]")
    with pytest.raises(StorageError, match=r"manifest.json: not a manifest"):
        SeedReader(store, collected.prefix)


@pytest.fixture(autouse=True)
def _temporary_files_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []
