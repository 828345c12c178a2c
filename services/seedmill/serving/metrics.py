"""Prometheus metrics on a port of their own, or none; and there, over HTTP, what the kubelet's probes ask.

The kubelet's own gRPC probe knows no TLS, let alone a certificate to show. `/healthz` (restart me when it fails) says
whether the event loop runs: a heart beats in it, and a thread of its own answers, which a stuck loop does not stop.
`/readyz` says whether gRPC health is SERVING.
"""

import asyncio
import platform
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import Gauge, MetricsHandler

from seedmill.serving.addresses import HostPort, cannot_bind, parse_address
from seedmill.serving.errors import Misconfigured
from seedmill.serving.health import Readiness

BEAT_SECONDS = 5.0
SILENT_SECONDS = 30.0

build_info = Gauge("seedmill_build_info", "Always 1; the labels say what runs.", ("version", "python"))


class Heart:
    """Beats while its event loop runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._beat()

    def stop(self) -> None:
        """Beat no more."""
        self._next.cancel()

    @property
    def silent_seconds(self) -> float:
        """Since the last beat."""
        return time.monotonic() - self._last

    def _beat(self) -> None:
        self._last = time.monotonic()
        self._next = self._loop.call_later(BEAT_SECONDS, self._beat)


@contextmanager
def metrics_endpoint(address: str | None, readiness: Readiness | None = None) -> Generator[None]:
    """Serve `/metrics`, `/healthz` and, for a server, `/readyz` at `host:port` while this is open, in an event loop.

    Raises Misconfigured when the address cannot be bound.
    """
    if address is None:
        yield
        return
    parsed = parse_address(address)
    if not isinstance(parsed, HostPort):
        raise Misconfigured("BadAddress", f"metrics address {address}: metrics are served at host:port only")
    build_info.labels(_version(), platform.python_version()).set(1)
    heart = Heart(asyncio.get_running_loop())
    try:
        server = _Server(parsed, _handler(heart, readiness))
    except OSError as error:
        heart.stop()
        raise cannot_bind(address, error) from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        heart.stop()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, address: HostPort, handler: type[MetricsHandler]) -> None:
        self.address_family, _, _, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        super().__init__((str(target[0]), address.port), handler)


def _handler(heart: Heart, readiness: Readiness | None) -> type[MetricsHandler]:
    class Handler(MetricsHandler):
        def do_GET(self) -> None:  # noqa: N802 (http.server's name)
            match self.path.partition("?")[0]:
                case "/healthz":
                    self._say(_fault_of_heart(heart))
                case "/readyz" if readiness is not None:
                    self._say(None if readiness.serving else "not serving")
                case "/readyz":
                    self.send_error(404)
                case _:
                    super().do_GET()

        def _say(self, fault: str | None) -> None:
            text = f"{fault or 'ok'}\n".encode()
            self.send_response(503 if fault else 200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    return Handler


def _fault_of_heart(heart: Heart) -> str | None:
    silent = heart.silent_seconds
    return f"the event loop has not run for {silent:.0f} s" if silent > SILENT_SECONDS else None


def _version() -> str:
    try:
        return version("seedmill")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
