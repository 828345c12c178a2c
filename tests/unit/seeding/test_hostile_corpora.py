"""What is no code, or is made to hurt, is left out with a reason; everything beside it is read."""

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from seedmill.seeding.corpora import open_corpus
from seedmill.seeding.limits import Limits
from seedmill.seeding.reading import Reading
from seedmill.serving.errors import Misconfigured
from support.corpus_reading import read_path
from support.memory_store import MemoryStore

SMALL = Limits(
    document_bytes=2000, line_bytes=4000, expansion_bytes=200_000, expansion_ratio=20, header_bytes=500,
    directory_bytes=5000,
)  # fmt: skip
READING = Reading(frozenset({"python"}), limits=SMALL)
GOOD = b"good = 1\n"


def outcome(path: Path, reading: Reading = READING) -> tuple[list[str], list[str]]:
    """Texts that were read, reasons of what was not."""
    documents, skipped, unread = read_path(path, reading)
    return [each.text for each in documents], sorted([*(each.reason for each in skipped), *unread.reasons.elements()])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x = 1\0", "binary"),
        (b"x = 1\n" * 1000, "too_large"),
        (b"x = '\xff\xfe'\n", "not_utf8"),
        (b"", "empty"),
        (b" \n\t\n", "empty"),
    ],
)
def test_file_that_is_no_document(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "bad.py").write_bytes(data)
    (tmp_path / "good.py").write_bytes(GOOD)
    assert outcome(tmp_path) == (["good = 1\n"], [reason])


def test_links_and_pipes_in_a_tree_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_bytes(b"outside = 1\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "good.py").write_bytes(GOOD)
    (tree / "link.py").symlink_to(outside)
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe.py")
    assert outcome(tree) == (["good = 1\n"], ["link", "special_file"])


def tar_of(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data) if data else None)
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_tar_members_that_lead_out_of_the_archive(tmp_path: Path) -> None:
    data = tar_of(
        [
            (member("../up.py"), b"x = 1\n"),
            (member("/abs.py"), b"x = 1\n"),
            (member("a/../../b.py"), b"x = 1\n"),
            (member("link.py", tarfile.SYMTYPE, "/etc/passwd"), b""),
            (member("hard.py", tarfile.LNKTYPE, "good.py"), b""),
            (member("dev.py", tarfile.CHRTYPE), b""),
            (member("fifo.py", tarfile.FIFOTYPE), b""),
            (member("long.py"), b"x = 1\n" * 1000),
            (member("good.py"), GOOD),
        ]
    )
    (tmp_path / "x.tar").write_bytes(data)
    assert outcome(tmp_path / "x.tar") == (
        ["good = 1\n"],
        ["link", "link", "special_file", "special_file", "too_large", "unsafe_path", "unsafe_path", "unsafe_path"],
    )


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".tar", bytes), (".tar.gz", gzip.compress), (".tar.zst", zstandard.compress)],
)
def test_truncated_tar_gives_what_was_whole(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    fillers = [(member(f"{number}.bin"), os.urandom(1500)) for number in range(200)]
    data = compress(tar_of([(member("good.py"), GOOD), *fillers]))
    (tmp_path / f"x{suffix}").write_bytes(data[: len(data) * 2 // 3 + 100])
    assert outcome(tmp_path / f"x{suffix}") == (["good = 1\n"], ["archive_damaged"])


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_decompression_bomb_is_left_in_time(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    suffix = "gz" if compress is gzip.compress else "zst"
    bomb = tar_of([(member("good.py"), GOOD), (member("zeros.bin"), b"\0" * 5_000_000)])
    (tmp_path / f"x.tar.{suffix}").write_bytes(compress(bomb))
    (tmp_path / f"y.jsonl.{suffix}").write_bytes(compress(b'{"content": "x = 1"}\n' + b" " * 5_000_000))
    texts, reasons = outcome(tmp_path)
    assert sorted(texts) == ["good = 1\n", "x = 1"]
    assert reasons.count("archive_bomb") == 2


def test_tar_header_that_claims_gigabytes_is_not_read(tmp_path: Path) -> None:
    info = member("pax", tarfile.XHDTYPE)
    info.size = 8 << 30
    (tmp_path / "x.tar").write_bytes(info.tobuf() + b"\0" * 1024)
    assert outcome(tmp_path / "x.tar") == ([], ["archive_damaged"])


def test_zip_members_that_lead_out_of_the_archive(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.py")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../up.py", "x = 1")
        archive.writestr("/abs.py", "x = 1")
        archive.writestr("C:/drive.py", "x = 1")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("zeros.py", b"\0" * 1_000_000)
        archive.writestr("good.py", GOOD)
    assert outcome(tmp_path / "x.zip") == (
        ["good = 1\n"], ["link", "too_large", "unsafe_path", "unsafe_path", "unsafe_path"],
    )  # fmt: skip


def test_zip_bomb_of_many_members_ends_early(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(30):
            archive.writestr(f"{number}.py", "#" * 1900)
    texts, reasons = outcome(
        tmp_path / "x.zip",
        Reading(
            READING.languages, limits=replace(SMALL, directory_bytes=1 << 20, expansion_bytes=20_000, expansion_ratio=2)
        ),
    )
    assert len(texts) < 30
    assert reasons == ["archive_bomb"]


def test_zip_whose_directory_is_too_large_is_not_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(200):
            archive.writestr(f"{number}.py", "x")
    assert outcome(tmp_path / "x.zip") == ([], ["archive_bomb"])  # once, although it is read for licences too


def test_damaged_zip_member_does_not_hide_the_others(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("bad.py", b"bad = 12345\n")
        archive.writestr("good.py", GOOD)
    data = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(data.replace(b"bad = 12345", b"bad = 54321", 1))
    assert outcome(tmp_path / "x.zip") == (["good = 1\n"], ["archive_damaged"])
    (tmp_path / "y.zip").write_bytes(data[:-30])
    assert outcome(tmp_path / "y.zip") == ([], ["archive_damaged"])


def test_lines_that_are_no_documents(tmp_path: Path) -> None:
    lines = [
        b'{"content": "good = 1"}',
        b"{broken",
        b"[1, 2]",
        b'"text"',
        b'{"content": 5}',
        b'{"content": null}',
        b'{"other": "x"}',
        b'{"content": "\\u0000"}',
        b'{"content": "\xff"}',
        b'{"content": ""}',
        b'{"content": "' + b"x" * 3000 + b'"}',
        b"[" * 3000,
        b"",
        b'{"content": "' + b"x" * 9000 + b'"}',
        b'{"content": "last = 1"}',
    ]
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(lines))
    texts, reasons = outcome(tmp_path / "x.jsonl")
    assert texts == ["good = 1", "last = 1"]
    assert reasons == sorted(
        ["bad_json", "wrong_type", "wrong_type", "wrong_type", "wrong_type", "no_text_field", "binary", "bad_json",
         "empty", "too_large", "bad_json", "line_too_long"]
    )  # fmt: skip


def test_hundred_megabyte_line_is_passed_over_in_bounded_memory(tmp_path: Path) -> None:
    import tracemalloc

    with (tmp_path / "x.jsonl").open("wb") as file:
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b'\n{"content": "good = 1"}\n')
    tracemalloc.start()
    try:
        assert outcome(tmp_path / "x.jsonl") == (["good = 1"], ["line_too_long"])
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_truncated_jsonl_gives_the_lines_before(tmp_path: Path) -> None:
    lines = [orjson.dumps({"content": f"x = '{os.urandom(400).hex()}'"}) for _ in range(500)]
    for name, compress in {"x.jsonl.gz": gzip.compress, "x.jsonl.zst": zstandard.compress}.items():
        data = compress(b"\n".join(lines))
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        texts, reasons = outcome(tmp_path / name)
        assert 0 < len(texts) < 500
        assert reasons[0] == "archive_damaged"


def test_file_that_is_not_what_its_name_says(tmp_path: Path) -> None:
    for name in ("x.parquet", "x.zip", "x.tar", "x.tar.gz", "x.tar.zst", "x.jsonl.gz", "x.jsonl.zst"):
        (tmp_path / name).write_bytes(b"this is no archive at all, although its name says so\n" * 20)
        assert outcome(tmp_path / name) == ([], ["archive_damaged"])


def test_parquet_of_wrong_types_and_truncated(tmp_path: Path) -> None:
    pq.write_table(pa.table({"content": [1, 2]}), tmp_path / "numbers.parquet")
    assert outcome(tmp_path / "numbers.parquet") == ([], ["wrong_type", "wrong_type"])
    pq.write_table(pa.table({"other": ["x"]}), tmp_path / "other.parquet")
    assert outcome(tmp_path / "other.parquet") == ([], ["no_text_field"])
    pq.write_table(pa.table({"content": ["x = 1"] * 50}), tmp_path / "cut.parquet")
    data = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(data[:-20])
    assert outcome(tmp_path / "cut.parquet") == ([], ["archive_damaged"])


def test_parquet_row_group_that_is_too_large_is_not_decoded(tmp_path: Path) -> None:
    table = pa.table({"content": ["x = 1  # " + "y" * 1000] * 50})
    pq.write_table(table, tmp_path / "x.parquet", use_dictionary=False)
    reading = Reading(READING.languages, limits=replace(SMALL, row_group_bytes=10_000))
    assert outcome(tmp_path / "x.parquet", reading) == ([], ["archive_bomb"])


def test_missing_text_field_is_named_with_the_columns_there_are(tmp_path: Path) -> None:
    pq.write_table(pa.table({"content": ["x = 1"], "n": [1]}), tmp_path / "x.parquet")
    with pytest.raises(Misconfigured, match="no column 'source'; it has content, n") as raised:
        outcome(tmp_path / "x.parquet", Reading(READING.languages, text_field="source", limits=SMALL))
    assert raised.value.reason == "CorpusUnreadable"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path / "none", "CorpusMissing"),
        (lambda path: (path / "x.exe").write_bytes(b"MZ") and path / "x.exe", "CorpusUnreadable"),
    ],
)
def test_corpus_that_cannot_be_opened(tmp_path: Path, make: Callable[[Path], Path], reason: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        open_corpus(str(make(tmp_path)), READING, MemoryStore())
    assert raised.value.reason == reason


def test_corpus_at_an_unknown_scheme() -> None:
    with pytest.raises(Misconfigured, match="give a path, s3://bucket/prefix or installed:NAME"):
        open_corpus("https://host/code.zip", READING, MemoryStore())
