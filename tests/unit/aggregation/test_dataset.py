"""The files of a dataset: they load, they are the same every time, and the manifest is right."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from seedmill.aggregation.dataset import DatasetWriter, FolderInUse
from seedmill.aggregation.published import Facts, Manifest, PublishedRow, Tally
from seedmill.spec.output import Format


def write(folder: Path, rows: list[PublishedRow], facts: Facts, tally: Tally, rows_per_file: int = 50_000) -> Manifest:
    writer = DatasetWriter(folder, facts, rows_per_file=rows_per_file)
    for row in rows:
        writer.add(row)
    return writer.finish(tally)


def test_datasets_loads_both_forms_as_they_are(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    write(tmp_path / "d", rows, facts, tally, rows_per_file=10)
    cache = str(tmp_path / "cache")
    loaded = datasets.load_dataset(str(tmp_path / "d"), split="train", cache_dir=cache)
    assert loaded["instruction"] == [each.row.instruction for each in rows]
    assert loaded[0]["seed"]["license"] == "MIT"
    assert loaded[0]["generation"][0]["model"] == "teacher-15b"
    files = str(tmp_path / "d" / "messages-*.jsonl")
    messages = datasets.load_dataset("json", data_files=files, split="train", cache_dir=cache)
    assert messages["id"] == [each.row.id for each in rows]
    assert messages[3]["messages"][1] == {"role": "assistant", "content": rows[3].row.response}


def test_pandas_loads_both_forms(tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally) -> None:
    write(tmp_path, rows, facts, tally)
    frame = pd.read_parquet(tmp_path / "data-00000.parquet")
    assert list(frame["id"]) == [each.row.id for each in rows]
    assert frame["verdict"][0]["status"] == "pass"
    assert frame["pass_rate"][0] == {"parts_sampled": 2, "parts_passed": 1, "censored": True}
    assert set(frame["split"]) == {"train"}
    messages = pd.read_json(tmp_path / "messages-00000.jsonl", lines=True)
    assert messages["messages"][0][0]["role"] == "user"


def test_equal_input_gives_equal_bytes(tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally) -> None:
    first = write(tmp_path / "a", rows, facts, tally, rows_per_file=10)
    assert write(tmp_path / "b", rows, facts, tally, rows_per_file=10) == first
    for path in sorted((tmp_path / "a").rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_any_other_row_is_another_digest(tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally) -> None:
    first = write(tmp_path / "a", rows, facts, tally)
    assert write(tmp_path / "b", rows[:-1], facts, tally).digest != first.digest


def test_manifest_names_every_file_by_size_and_sha256(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    manifest = write(tmp_path, rows, facts, tally)
    written = json.loads((tmp_path / "manifest.json").read_bytes())
    files = {each["name"]: each for each in written["files"]}
    assert set(files) == {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} - {
        "manifest.json"
    }
    for name, entry in files.items():
        data = (tmp_path / name).read_bytes()
        assert (entry["sizeBytes"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    lines = sorted(f"{name} {entry['sha256']}\n" for name, entry in files.items())
    assert written["digest"] == manifest.digest == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert written["rows"] == 25


def test_rows_are_spread_over_files_in_order(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    write(tmp_path, rows, facts, tally, rows_per_file=10)
    parts = [pq.read_table(tmp_path / f"data-0000{number}.parquet") for number in range(3)]
    assert [part.num_rows for part in parts] == [10, 10, 5]
    assert [sample for part in parts for sample in part["sample"].to_pylist()] == [str(n) for n in range(25)]
    assert not (tmp_path / "data-00003.parquet").exists()


def test_a_dataset_without_rows_is_whole_too(tmp_path: Path, facts: Facts, tally: Tally) -> None:
    manifest = write(tmp_path, [], facts, tally)
    assert manifest.rows == 0
    assert pd.read_parquet(tmp_path / "data-00000.parquet").empty
    assert "no rows" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_only_the_formats_asked_for_are_written(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    manifest = write(tmp_path, rows, replace(facts, formats=(Format.MESSAGES,)), tally)
    names = {entry.name for entry in manifest.files}
    assert "messages-00000.jsonl" in names
    assert not any(name.endswith(".parquet") for name in names)
    assert "messages-*.jsonl" in (tmp_path / "README.md").read_text(encoding="utf-8").split("---\n")[1]


def test_a_row_that_was_not_run_has_no_verdict(
    tmp_path: Path, rows: list[PublishedRow], facts: Facts, tally: Tally
) -> None:
    unverified = [PublishedRow(each.row, replace(each.lineage, verdict=None, pass_rate=None)) for each in rows]
    write(tmp_path, unverified, facts, tally)
    table = pq.read_table(tmp_path / "data-00000.parquet")
    assert table["verdict"].null_count == table["pass_rate"].null_count == 25


def test_a_folder_with_files_is_left_alone(tmp_path: Path, facts: Facts) -> None:
    (tmp_path / "something").write_text("mine", encoding="utf-8")
    with pytest.raises(FolderInUse, match="is not empty"):
        DatasetWriter(tmp_path, facts)
