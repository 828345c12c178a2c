"""Every kind of corpus gives the same documents, with their licences."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from seedmill.seeding.documents import Document, Skipped
from seedmill.seeding.object_store import ObjectCorpus
from seedmill.seeding.reading import Reading
from support.corpus_reading import PYTHON, read, read_path
from support.memory_store import MemoryStore

MIT = (
    "Copyright (c) 2024 Someone\n\nPermission is hereby granted, free of charge, to any person\nobtaining a copy of "
    "this software …\nThe above copyright notice and this permission notice shall be included in all copies.\n"
)
SOURCES = {
    "proj/LICENSE": MIT,
    "proj/a.py": "def a():\n    return 1\n",
    "proj/sub/b.py": "# SPDX-License-Identifier: Apache-2.0\nb = 2\n",
    "proj/c.rs": "fn main() {}\n",
    "proj/README.md": "# no source\n",
}
EXPECTED = {("a.py", "MIT", "python"), ("b.py", "Apache-2.0", "python")}


def found(documents: list[Document]) -> set[tuple[str, str, str]]:
    return {(Path(each.path).name, each.license, each.language) for each in documents}


def make_tree(folder: Path) -> Path:
    for name, text in SOURCES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def make_tar(path: Path, compress: Callable[[bytes], bytes] = bytes) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in reversed(SOURCES):  # the licence stands last
            info = tarfile.TarInfo(name)
            info.size = len(SOURCES[name].encode())
            archive.addfile(info, io.BytesIO(SOURCES[name].encode()))
    path.write_bytes(compress(buffer.getvalue()))
    return path


def make_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in reversed(SOURCES):
            archive.writestr(name, SOURCES[name])
    return path


def test_directory(tmp_path: Path) -> None:
    documents, skipped, unread = read_path(make_tree(tmp_path / "corpus"))
    assert found(documents) == EXPECTED
    assert [each.path for each in documents] == ["proj/a.py", "proj/sub/b.py"]
    assert skipped == []
    assert unread.languages == {"rust": 1}


def test_directory_passes_over_version_control_caches_and_environments(tmp_path: Path) -> None:
    make_tree(tmp_path)
    for folder in (".git", "__pycache__", "node_modules", ".venv", ".mypy_cache", "x.egg-info"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "hidden.py").write_text("x = 1\n")
    documents, _, _ = read_path(tmp_path)
    assert found(documents) == EXPECTED


def test_directory_may_hold_containers(tmp_path: Path) -> None:
    make_tar(tmp_path / "one.tar")
    make_zip(tmp_path / "two.zip")
    documents, _, _ = read_path(tmp_path)
    assert sorted(each.path for each in documents) == [
        "one.tar/proj/a.py", "one.tar/proj/sub/b.py", "two.zip/proj/a.py", "two.zip/proj/sub/b.py",
    ]  # fmt: skip


def test_single_source_file_has_the_licence_beside_it(tmp_path: Path) -> None:
    make_tree(tmp_path)
    documents, _, _ = read_path(tmp_path / "proj" / "a.py")
    assert found(documents) == {("a.py", "MIT", "python")}


@pytest.mark.parametrize(
    ("name", "compress"),
    [(".tar", bytes), (".tar.gz", gzip.compress), (".tgz", gzip.compress), (".tar.zst", zstandard.compress)],
)
def test_tar(tmp_path: Path, name: str, compress: Callable[[bytes], bytes]) -> None:
    documents, skipped, _ = read_path(make_tar(tmp_path / f"x{name}", compress))
    assert found(documents) == EXPECTED
    assert skipped == []


def test_zip(tmp_path: Path) -> None:
    documents, skipped, _ = read_path(make_zip(tmp_path / "x.zip"))
    assert found(documents) == EXPECTED
    assert skipped == []


ROWS = [
    {
        "content": "x = 1\r\ny = 2\n",
        "max_stars_repo_licenses": ["MIT", "apache-2.0"],
        "max_stars_repo_name": "o/r",
        "max_stars_repo_path": "p/x.py",
        "lang": "Python",
    },
    {"content": "y = 1\n", "max_stars_repo_licenses": [], "max_stars_repo_name": "o/q", "max_stars_repo_path": "y.py"},
    {"content": "fn main() {}\n", "max_stars_repo_path": "m.rs", "lang": "Rust"},
]


def check_rows(documents: list[Document], skipped: list[Skipped]) -> None:
    assert [(each.text, each.path, each.project, each.license) for each in documents] == [
        ("x = 1\ny = 2\n", "p/x.py", "o/r", "MIT AND Apache-2.0"),
        ("y = 1\n", "y.py", "o/q", ""),
    ]
    assert [each.reason for each in skipped] == ["other_language"]


@pytest.mark.parametrize(
    ("name", "compress"),
    [("x.jsonl", bytes), ("x.jsonl.gz", gzip.compress), ("x.jsonl.zst", zstandard.compress)],
)
def test_jsonl(tmp_path: Path, name: str, compress: Callable[[bytes], bytes]) -> None:
    data = b"\n".join(map(orjson.dumps, ROWS))  # no line end at the end
    (tmp_path / name).write_bytes(compress(data))
    documents, skipped, _ = read_path(tmp_path / name)
    check_rows(documents, skipped)


def test_parquet(tmp_path: Path) -> None:
    columns = {name: [row.get(name) for row in ROWS] for name in ROWS[0]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet", row_group_size=1)
    documents, skipped, _ = read_path(tmp_path / "x.parquet")
    check_rows(documents, skipped)


def test_text_field_and_corpus_license_are_what_the_caller_says(tmp_path: Path) -> None:
    row = {"content": "no", "source": "z = 1\n", "license": "isc"}
    (tmp_path / "x.jsonl").write_bytes(orjson.dumps(row) + b"\n" + orjson.dumps({"source": "z = 2\n"}))
    reading = Reading(frozenset({"python"}), corpus_license="mit", text_field="source")
    documents, _, _ = read_path(tmp_path / "x.jsonl", reading)
    assert [(each.text, each.license) for each in documents] == [("z = 1\n", "ISC"), ("z = 2\n", "MIT")]


def test_language_is_taken_from_the_extension_column(tmp_path: Path) -> None:
    rows = [{"content": "a = 1", "ext": "py"}, {"content": "int a;", "ext": "c"}]
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    documents, _, _ = read_path(tmp_path / "x.jsonl", Reading(frozenset({"python", "c"})))
    assert [each.language for each in documents] == ["python", "c"]


def test_objects_below_a_prefix() -> None:
    store = MemoryStore()
    for name, text in SOURCES.items():
        store.put(name, text.encode())
    store.put("z.jsonl.gz", gzip.compress(orjson.dumps({"content": "z = 1", "license": "MIT"})))
    documents, skipped, unread = read(ObjectCorpus("s3://bucket/prefix", PYTHON, store), PYTHON)
    assert found(documents) == EXPECTED | {("z.jsonl.gz:1", "MIT", "python")}
    assert skipped == []
    assert unread.languages == {"rust": 1}


def test_nearest_license_file_holds_and_an_unknown_one_hides_those_above(tmp_path: Path) -> None:
    make_tree(tmp_path)
    for name, text in {"isc": "SPDX-License-Identifier: ISC", "secret": "All rights reserved."}.items():
        (tmp_path / "proj" / name).mkdir()
        (tmp_path / "proj" / name / "COPYING").write_text(text)
        (tmp_path / "proj" / name / f"{name}.py").write_text("x = 1\n")
    documents, _, _ = read_path(tmp_path)
    assert {("isc.py", "ISC", "python"), ("secret.py", "", "python")} <= found(documents)
