"""Benchmark indexes: building, keeping, loading, and clear words where that does not work."""

import gzip
import json
from pathlib import Path

import pytest

from seedmill.filters import benchmark_index
from seedmill.filters.benchmark_index import (
    BadBenchmarkFile,
    UnknownBenchmark,
    add_benchmark,
    build_index,
    decode,
    encode,
    load_benchmarks,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEEDMILL_CACHE", str(tmp_path))
    return tmp_path


def test_shipped_indexes_are_whole_and_small() -> None:
    tasks = {each.name: len(each.tasks) for each in load_benchmarks(None)}
    assert tasks == {"HumanEval": 164, "MBPP": 974}
    folder = Path(benchmark_index.__file__).parent / "benchmarks"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1 << 20
    notice = (folder / "NOTICE").read_text(encoding="utf-8")
    assert all(path.name in notice for path in folder.glob("*.zst"))


def test_a_benchmark_says_what_it_is() -> None:
    said = {each.info.name: (each.info.license, each.info.tasks) for each in load_benchmarks(["HumanEval", "MBPP"])}
    assert said == {"HumanEval": ("MIT", 164), "MBPP": ("CC-BY-4.0", 974)}


def test_the_last_docstring_of_a_prompt_is_the_description() -> None:
    prompt = 'def helper():\n    """Helps."""\n\ndef f(x):\n    """ Does it.\n    >>> f(1)\n    """\n'
    line = json.dumps({"task_id": "HumanEval/9", "prompt": prompt, "canonical_solution": "    return g(x) + 1\n"})
    task = build_index("HumanEval", [line]).tasks[0]
    assert task.texts == ("Does it.\n    >>> f(1)",)
    assert task.codes == ("return g(x) + 1",)


def test_trivial_solutions_are_left_out() -> None:
    lines = [json.dumps({"task_id": 1, "text": "Join.", "code": "  return ''.join(strings)\n"})]
    assert build_index("Own", lines).tasks[0].codes == ()


def test_own_benchmark_is_added_and_found_by_any_case(tmp_path: Path) -> None:
    source = tmp_path / "bench.jsonl"
    source.write_text('{"question_id": 7, "question_content": "Compute the wobble."}\n', encoding="utf-8")
    add_benchmark("LiveBench", source, source="in-house", license_id="MIT")
    (loaded,) = load_benchmarks(["livebench"])
    assert (loaded.name, loaded.license, loaded.tasks[0].id) == ("LiveBench", "MIT", "LiveBench/7")
    assert {each.name for each in load_benchmarks(None)} == {"HumanEval", "LiveBench", "MBPP"}


def test_a_file_may_be_gzipped_and_a_broken_one_is_said(tmp_path: Path) -> None:
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"id": 1, "text": "Compute the wobble of a graph."}\n'))
    add_benchmark("Packed", packed)
    assert load_benchmarks(["Packed"])[0].tasks[0].id == "Packed/1"
    packed.write_bytes(packed.read_bytes()[:-12])
    with pytest.raises(BadBenchmarkFile, match="is not JSON lines"):
        add_benchmark("Packed", packed)


def test_unknown_name_says_the_nearest_and_how_to_add_it() -> None:
    with pytest.raises(UnknownBenchmark, match=r"did you mean HumanEval\?.*seedmill benchmarks add HumanEvl FILE"):
        load_benchmarks(["HumanEvl"])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no tasks"),
        (["not json"], "line 1: not JSON"),
        (['{"task_id": 1, "text": "a"}', "[1]"], "line 2: not a JSON object"),
        (['{"task_id": 1}'], "line 1: no text"),
    ],
)
def test_bad_files_are_named_by_line(lines: list[str], message: str) -> None:
    with pytest.raises(BadBenchmarkFile, match=message):
        build_index("Own", lines)


def test_bad_name_is_refused() -> None:
    with pytest.raises(BadBenchmarkFile, match="no name"):
        build_index("../own", ['{"text": "a"}'])


def test_index_comes_back_as_it_was() -> None:
    index = build_index("Own", ['{"id": "a", "text": "größer", "code": "return 1 + f(x)"}'], license_id="MIT")
    assert decode(encode(index), "here") == index


def test_damage_is_named() -> None:
    data = encode(build_index("Own", ['{"id": "a", "text": "b"}']))
    with pytest.raises(BadBenchmarkFile, match="here is damaged"):
        decode(data[:-2], "here")
