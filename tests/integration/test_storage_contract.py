"""What every store promises (storage/store.py), on a directory, on real S3 servers, and on the fake that tests use."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedmill.storage import Entry, ObjectMissing, Store, open_store
from support.memory_store import MemoryStore
from support.requirements import require
from support.s3_server import S3Server, running_minio


@pytest.fixture(scope="module")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_minio(require("minio"), tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture(params=["directory", "s3", "s3 without prefix", "MinIO", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "directory":
        return open_store(tmp_path / "new" / "store")
    if request.param == "memory":
        return MemoryStore()
    server: S3Server = request.getfixturevalue("minio_server" if request.param == "MinIO" else "s3_server")
    prefix = "" if "without" in request.param else "/team a/ü+%"
    return open_store(f"s3://{server.new_bucket()}{prefix}", server.environment)


def keys(store: Store, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.list(prefix)]


def test_what_was_put_is_read_and_listed(store: Store) -> None:
    store.put("runs/a/run.json", b"{}")
    assert store.get("runs/a/run.json") == b"{}"
    assert store.exists("runs/a/run.json")
    assert list(store.list()) == [Entry("runs/a/run.json", 2)]


def test_an_object_may_be_empty(store: Store) -> None:
    store.put("open", b"")
    assert store.get("open") == b""
    assert list(store.list()) == [Entry("open", 0)]


def test_a_second_put_replaces_the_whole_object(store: Store) -> None:
    store.put("ledger.json", b"a long first version")
    store.put("ledger.json", b"short")
    assert store.get("ledger.json") == b"short"


def test_a_listing_tells_that_an_object_was_written_anew(store: Store) -> None:
    store.put("a", b"one")
    (first,) = store.list()
    (again,) = store.list()
    store.put("a", b"two")
    (second,) = store.list()
    assert first.stamp == again.stamp != second.stamp


def test_a_listing_tells_when_an_object_was_written(store: Store) -> None:
    before = time.time()
    store.put("a", b"one")
    (entry,) = store.list()
    assert before - 2 <= entry.modified <= time.time() + 2  # S3 tells whole seconds


def test_nothing_is_there_before_the_first_put(store: Store) -> None:
    assert keys(store) == []
    assert keys(store, "runs/") == []
    assert not store.exists("runs/a")


def test_a_missing_object_is_named(store: Store, tmp_path: Path) -> None:
    store.put("here/it", b"x")
    for read in (
        lambda: store.get("not/there"),
        lambda: store.get_file("not/there", tmp_path / "copy"),
        lambda: store.copy("not/there", "elsewhere"),
        lambda: store.get("here"),
    ):
        with pytest.raises(ObjectMissing, match=r"there|here"):
            read()
    assert not (tmp_path / "copy").exists()
    assert not store.exists("here")
    assert keys(store) == ["here/it"]


def test_deleting_is_idempotent(store: Store) -> None:
    store.put("staging/x/part", b"1")
    store.put("staging/y", b"2")
    store.delete("staging/x/part")
    store.delete("staging/x/part")
    store.delete("never/was")
    assert keys(store) == ["staging/y"]
    with pytest.raises(ObjectMissing):
        store.get("staging/x/part")


def test_copy_leaves_the_source(store: Store) -> None:
    store.put("staging/1/data.parquet", b"rows")
    store.copy("staging/1/data.parquet", "dataset/9f/data.parquet")
    assert store.get("dataset/9f/data.parquet") == store.get("staging/1/data.parquet") == b"rows"


def test_listing_is_in_byte_order_and_by_plain_prefix(store: Store) -> None:
    names = ["a", "b/1", "b.x", "b-y/2", "b/z/3", "b0", "B", "ü", "b/Z", "日本", "b c+d%41&e=1"]
    for name in names:
        store.put(name, name.encode())
    assert keys(store) == sorted(names, key=str.encode)
    assert keys(store, "b") == [name for name in sorted(names, key=str.encode) if name.startswith("b")]
    assert keys(store, "b/") == ["b/1", "b/Z", "b/z/3"]
    assert keys(store, "b/z") == ["b/z/3"]
    assert keys(store, "b/1") == ["b/1"]
    assert keys(store, "nothing/here") == []
    assert all(store.get(name) == name.encode() for name in names)


def test_a_listing_may_begin_behind_a_key(store: Store) -> None:
    listed = ["a.b", "a/b/c", "a/b/d", "a/b0", "a/c/d", "b"]
    for key in listed:
        store.put(key, b"")
    for after in [*listed, "a", "a/b/", "a/b/cc", "a/bb", "c"]:
        assert [entry.key for entry in store.list("", after)] == [key for key in listed if key > after], after
        inner = [key for key in listed if key.startswith("a/b") and key > after]
        assert [entry.key for entry in store.list("a/b", after)] == inner, after


def test_long_listings_are_complete(store: Store) -> None:
    wanted = [f"journal/{attempt:06d}/{number:08d}" for attempt in range(2) for number in range(600)]
    threads = [
        threading.Thread(target=lambda part=part: [store.put(key, b"1") for key in wanted[part::4]])
        for part in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys(store, "journal/") == wanted


def test_files_travel_in_parts(store: Store, tmp_path: Path) -> None:
    block = bytes(range(256)) * 4096
    (tmp_path / "big").write_bytes(block * 40)  # 40 MiB: five parts on S3
    store.put_file("data/big", tmp_path / "big")
    assert list(store.list("data/")) == [Entry("data/big", len(block) * 40)]
    store.copy("data/big", "data/copy")
    store.get_file("data/copy", tmp_path / "deep" / "back")
    assert (tmp_path / "deep" / "back").read_bytes() == block * 40


def test_get_file_replaces_what_was_there(store: Store, tmp_path: Path) -> None:
    store.put("a", b"new")
    (tmp_path / "target").write_bytes(b"something older and longer")
    store.get_file("a", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"new"


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/..", "./a", "a\0b", "a\nb", "a/.tmp-x", "\ud800", "x" * 256]
)
def test_bad_keys_are_refused_before_anything_happens(store: Store, key: str, tmp_path: Path) -> None:
    for use in (
        lambda: store.put(key, b""),
        lambda: store.get(key),
        lambda: store.exists(key),
        lambda: store.delete(key),
        lambda: store.copy(key, "b"),
        lambda: store.get_file(key, tmp_path / "t"),
    ):
        with pytest.raises(ValueError, match="storage key"):
            use()
    assert keys(store) == []


def test_readers_see_the_old_object_or_the_new_one(store: Store) -> None:
    versions = [bytes([n]) * 200_000 for n in range(1, 9)]
    store.put("progress.json", versions[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for version in versions:
                store.put("progress.json", version)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(60):
            assert store.get("progress.json") in versions
    finally:
        stop.set()
        writer.join()


_WRITER = """
import itertools, sys
from seedmill.storage import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
for n in itertools.count():
    store.put(f"journal/{n % 7:08d}", bytes([n % 251]) * 300_000)
"""


@pytest.mark.parametrize("kind", ["directory", "s3"])
def test_a_killed_writer_leaves_whole_objects_only(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = str(tmp_path / "store")
    if kind == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        uri = f"s3://{server.new_bucket()}/x"
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "services"))
    store = open_store(uri)
    for delay in (0.0, 0.01, 0.03, 0.07, 0.15):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, uri], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        threading.Event().wait(delay)
        writer.kill()
        writer.wait()
        writer.stdout.close()
        for entry in store.list():
            data = store.get(entry.key)
            assert entry.key.startswith("journal/")
            assert len(data) == entry.size_bytes == 300_000
            assert len(set(data)) == 1
    store.put("journal/00000000", b"goes on")
    assert store.get("journal/00000000") == b"goes on"
