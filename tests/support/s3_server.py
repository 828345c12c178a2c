"""A real S3 server (versitygw over a directory) for tests, and a proxy before it that makes trouble."""

import contextlib
import http.client
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import urllib3
from minio import Minio

START_SECONDS = 20.0


@dataclass(slots=True)
class S3Server:
    """A running server: its endpoint, and keys that may do everything."""

    host: str
    access_key: str
    secret_key: str

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}"

    @property
    def environment(self) -> dict[str, str]:
        """What `open_store` reads."""
        return {
            "SEEDMILL_S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
        }

    def client(self, pool: urllib3.PoolManager | None = None) -> Minio:
        return Minio(self.host, self.access_key, self.secret_key, secure=False, region="us-east-1", http_client=pool)

    def new_bucket(self) -> str:
        name = f"test-{secrets.token_hex(6)}"
        self.client().make_bucket(name)
        return name


@contextmanager
def running_versitygw(binary: Path, folder: Path) -> Iterator[S3Server]:
    """Start it on a free port of the loopback, with its data in `folder`; stop it at the end."""
    for name in ("data", "iam"):
        (folder / name).mkdir(parents=True)
    host = f"127.0.0.1:{_free_port()}"
    server = S3Server(host, "test-access", secrets.token_hex(16))
    log = (folder / "log").open("wb")
    keys = ["--access", server.access_key, "--secret", server.secret_key]
    command = [binary, "--port", host, *keys, "--iam-dir", folder / "iam", "posix", folder / "data"]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_it_answers(process, host, folder / "log")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=10)
        log.close()


@contextmanager
def running_minio(binary: Path, folder: Path) -> Iterator[S3Server]:
    """MinIO's own server, likewise."""
    (folder / "data").mkdir(parents=True)
    host = f"127.0.0.1:{_free_port()}"
    server = S3Server(host, "test-access", secrets.token_hex(16))
    environment = {
        "HOME": str(folder),
        "MINIO_ROOT_USER": server.access_key,
        "MINIO_ROOT_PASSWORD": server.secret_key,
        "MINIO_UPDATE": "off",
        "MINIO_BROWSER": "off",
    }
    with (folder / "log").open("wb") as log:
        command = [binary, "server", "--quiet", "--address", host, folder / "data"]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            _wait_until_it_answers(process, host, folder / "log")
            _wait_until_it_is_ready(host)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_it_is_ready(host: str) -> None:
    """MinIO takes connections before it takes requests."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            if urllib3.request("GET", f"http://{host}/minio/health/ready", retries=False).status == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"MinIO on {host} is not ready")


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", host: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    address, port = host.split(":")
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((address, int(port))) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"the S3 server does not answer on {host}: {log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Trouble:
    """What the proxy does to coming requests: one entry each, then it lets them through.

    A number is answered as that status with an S3 error body of `code`; "drop" closes the connection unanswered, "cut"
    sends half of the true answer's body, "hang" holds one until `let_go` is set; None lets one through. `on_delete` is
    asked besides what becomes of a deletion, by how many came before.
    """

    plan: list[int | str | None] = field(default_factory=list)
    on_delete: Callable[[int], int | str | None] = lambda number: None
    let_go: threading.Event = field(default_factory=threading.Event)
    code: str = "SlowDown"
    seen: int = 0
    deletions: int = 0


@contextmanager
def troubled(server: S3Server) -> Iterator[tuple[S3Server, Trouble]]:
    """A proxy to `server`. Requests keep their Host header, so their signatures stay right."""
    trouble = Trouble()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            with lock:
                trouble.seen += 1
                fault = trouble.plan.pop(0) if trouble.plan else None
                if self.command == "DELETE":
                    fault = fault or trouble.on_delete(trouble.deletions)
                    trouble.deletions += 1
            if fault == "hang":
                trouble.let_go.wait(60)
            if fault == "drop":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            elif isinstance(fault, int):
                text = f"<?xml version='1.0'?><Error><Code>{trouble.code}</Code><Message>no</Message></Error>".encode()
                self._answer(fault, [("Content-Type", "application/xml")], text, len(text))
            else:
                upstream = http.client.HTTPConnection(server.host, timeout=30)
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                data = answer.read()
                length = int(answer.headers.get("Content-Length", len(data)))
                self._answer(
                    answer.status, answer.getheaders(), data[: len(data) // 2] if fault == "cut" else data, length
                )
                self.close_connection = fault == "cut"
                upstream.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: int) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _handle  # noqa: N815

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        host = f"127.0.0.1:{proxy.server_address[1]}"
        yield S3Server(host, server.access_key, server.secret_key), trouble
    finally:
        proxy.shutdown()
        proxy.server_close()
