"""Prometheus metrics on a port of their own, or none."""

import platform
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import Gauge, start_http_server

from seedmill.serving.addresses import HostPort, cannot_bind, parse_address
from seedmill.serving.errors import Misconfigured

build_info = Gauge("seedmill_build_info", "Always 1; the labels say what runs.", ("version", "python"))


@contextmanager
def metrics_endpoint(address: str | None) -> Generator[None]:
    """Serve `/metrics` at `host:port` while this is open. Raises Misconfigured when the address cannot be bound."""
    if address is None:
        yield
        return
    parsed = parse_address(address)
    if not isinstance(parsed, HostPort):
        raise Misconfigured("BadAddress", f"metrics address {address}: metrics are served at host:port only")
    build_info.labels(_version(), platform.python_version()).set(1)
    try:
        server, thread = start_http_server(parsed.port, parsed.host)
    except OSError as error:
        raise cannot_bind(address, error) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _version() -> str:
    try:
        return version("seedmill")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
