"""An S3 store when the server is busy, gone, refuses, or is no S3 at all: real versitygw behind a proxy that faults."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import certifi
import pytest

from seedmill.storage import ObjectMissing, ReadOnlyStore, StorageError, Store, open_store
from seedmill.storage.s3 import S3Store, new_pool
from support.requirements import require
from support.s3_server import S3Server, Trouble, running_versitygw, troubled


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_versitygw(require("versitygw"), tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def faulty(server: S3Server) -> Iterator[tuple[Store, Trouble]]:
    bucket = server.new_bucket()
    with troubled(server) as (proxy, trouble):
        yield open_store(f"s3://{bucket}/x", proxy.environment), trouble


@pytest.mark.parametrize("fault", [503, 500, 429, "drop"])
def test_passing_trouble_is_not_seen(faulty: tuple[Store, Trouble], fault: int | str, tmp_path: Path) -> None:
    store, trouble = faulty
    for use in (
        lambda: store.put("a", b"1"),
        lambda: store.get("a"),
        lambda: store.get_file("a", tmp_path / "a"),
        lambda: store.put_file("b", tmp_path / "a"),
        lambda: store.copy("a", "c"),
        lambda: list(store.list()),
        lambda: store.exists("a"),
        lambda: store.delete("c"),
    ):
        trouble.plan = [fault]
        use()
    assert [entry.key for entry in store.list()] == ["a", "b"]
    assert store.get("b") == b"1"


def test_an_answer_that_breaks_off_is_read_again(faulty: tuple[Store, Trouble], tmp_path: Path) -> None:
    store, trouble = faulty
    store.put("a", b"abcdefgh" * 1000)
    trouble.plan = ["cut"]
    assert store.get("a") == b"abcdefgh" * 1000
    trouble.plan = ["cut"]
    store.get_file("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"abcdefgh" * 1000
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_long_listing_survives_trouble_in_the_middle(faulty: tuple[Store, Trouble]) -> None:
    store, trouble = faulty
    wanted = [f"{number:05d}" for number in range(1001)]
    for key in wanted:
        store.put(key, b"")
    trouble.plan = [None, 503, "drop", None]
    assert [entry.key for entry in store.list()] == wanted


def test_trouble_that_stays_is_an_error_after_bounded_time(server: S3Server) -> None:
    bucket = server.new_bucket()
    with troubled(server) as (proxy, trouble):
        trouble.plan = [503] * 1000
        store = S3Store(proxy.client(new_pool(certifi.where())), bucket, "x", proxy.endpoint, patience_seconds=1.0)
        with pytest.raises(StorageError, match=rf"writing s3://{bucket}/x/a: {proxy.endpoint} answered SlowDown"):
            store.put("a", b"")
        assert 2 <= trouble.seen <= 20


def test_refusals_are_not_tried_again(faulty: tuple[Store, Trouble]) -> None:
    store, trouble = faulty
    trouble.code = "AccessDenied"
    before = trouble.seen
    trouble.plan = [403]
    with pytest.raises(ReadOnlyStore, match=r"writing s3://.*AccessDenied.*ask for s3:ListBucket"):
        store.put("a", b"")
    trouble.plan = [403]
    with pytest.raises(StorageError, match=r"reading s3://.*AccessDenied") as refused:
        store.get("a")
    assert not isinstance(refused.value, ReadOnlyStore)
    assert trouble.seen == before + 2


def test_a_missing_bucket_says_how_to_make_it(server: S3Server) -> None:
    store = open_store("s3://no-such-bucket/x", server.environment)
    for use in (lambda: store.put("a", b""), lambda: store.get("a"), lambda: list(store.list())):
        with pytest.raises(
            StorageError, match=rf"aws s3 mb s3://no-such-bucket --endpoint-url {server.endpoint}"
        ) as said:
            use()
        assert not isinstance(said.value, ObjectMissing)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "AWS_SECRET_ACCESS_KEY does not belong"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "does not know this AWS_ACCESS_KEY_ID"),
    ],
)
def test_wrong_keys_are_said(server: S3Server, change: dict[str, str], says: str) -> None:
    store = open_store(f"s3://{server.new_bucket()}", {**server.environment, **change})
    with pytest.raises(StorageError, match=says) as error:
        store.put("a", b"")
    assert server.secret_key not in str(error.value)


def test_a_server_that_is_not_there_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    gone = S3Server("127.0.0.1:9", "a", "b")
    store = S3Store(gone.client(new_pool(certifi.where())), "bucket", "", gone.endpoint, patience_seconds=0.5)
    with pytest.raises(StorageError, match=r"http://127.0.0.1:9 cannot be reached \(Connection refused\)"):
        store.get("a")
    assert capfd.readouterr().out == ""


def test_a_server_that_is_no_s3_is_said() -> None:
    class Html(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>not here</html>")

        def log_message(self, *args: object) -> None:
            pass

    web = HTTPServer(("127.0.0.1", 0), Html)
    Thread(target=web.serve_forever, daemon=True).start()
    try:
        host = f"127.0.0.1:{web.server_address[1]}"
        store = open_store("s3://bucket", S3Server(host, "a", "b").environment)
        with pytest.raises(StorageError, match="answered 404, not as S3 does; is it an S3 endpoint"):
            store.get("a")
    finally:
        web.shutdown()
        web.server_close()


def test_a_listing_of_a_bucket_with_foreign_prefixes_shows_its_own_only(server: S3Server) -> None:
    bucket = server.new_bucket()
    open_store(f"s3://{bucket}/team", server.environment).put("a", b"")
    open_store(f"s3://{bucket}/team-b", server.environment).put("b", b"")
    assert [e.key for e in open_store(f"s3://{bucket}/team/", server.environment).list()] == ["a"]
