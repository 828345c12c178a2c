"""Addresses, `unix:/path` or `host:port`: read, checked and bound, with errors a person can act on."""

import asyncio
import ipaddress
import os
import socket
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from seedmill.serving.errors import Misconfigured

UNIX_PATH_BYTES = 107
"""What the kernel's `sockaddr_un` holds, less the closing zero."""

PRIVATE_UMASK = 0o177


@dataclass(frozen=True, slots=True)
class UnixPath:
    """A Unix socket."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class HostPort:
    """A TCP port; port 0 asks the kernel for a free one. An IPv6 host stands without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Address = UnixPath | HostPort


def parse_address(text: str) -> Address:
    """Raises Misconfigured, reason BadAddress."""
    if text.startswith("unix:"):
        return _unix_path(text)
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise Misconfigured("BadAddress", f"address {text!r} is neither unix:/path nor host:port")
    return HostPort(host, int(port))


def parse_target(text: str) -> Address:
    """An address to call: also `dns:///name:port`, as gRPC spells it. Raises Misconfigured, reason BadAddress."""
    return parse_address(text.removeprefix("dns:///"))


def is_name(address: Address) -> bool:
    """Whether it is a host's name, behind which there may be several replicas that come and go."""
    if isinstance(address, UnixPath):
        return False
    try:
        ipaddress.ip_address(address.host)
    except ValueError:
        return True
    return False


async def resolve(address: HostPort) -> list[HostPort]:
    """What the name stands for now, in a fixed order. Raises OSError when it is not known.

    IPv4 where there is any: who listens on :: hears that too, while ::1 of `localhost` is often nobody's.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    families = {family for family, *_ in found}
    wanted = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    hosts = sorted({str(target[0]) for family, _, _, _, target in found if family == wanted})
    return [HostPort(host, address.port) for host in hosts]


def _unix_path(text: str) -> UnixPath:
    path = text.removeprefix("unix://").removeprefix("unix:")
    if not path:
        raise Misconfigured("BadAddress", f"address {text!r} has no path: write unix:/path")
    if (size := len(os.fsencode(path))) > UNIX_PATH_BYTES:
        raise Misconfigured(
            "BadAddress", f"socket path {path} has {size} bytes, {UNIX_PATH_BYTES} are possible: use a shorter folder"
        )
    return UnixPath(Path(path))


def bind(server: grpc.aio.Server, address: Address, credentials: grpc.ServerCredentials | None = None) -> Address:
    """Bind the server; the address it got. Raises Misconfigured, reason CannotBind.

    With `credentials` a TCP port speaks TLS. A socket file is made with mode 0600. One that nobody listens on any more
    is replaced; gRPC would also replace a living server's, silently.
    """
    if isinstance(address, UnixPath):
        _refuse_living_socket(address)
        with _umask(PRIVATE_UMASK):
            _bound_port(server, address)
        return address
    return HostPort(address.host, _bound_port(server, address, credentials))


def cannot_bind(address: object, error: OSError) -> Misconfigured:
    """The error for an address that the system refuses."""
    return Misconfigured("CannotBind", f"cannot listen on {address}: {error.strerror or error}")


def _bound_port(server: grpc.aio.Server, address: Address, credentials: grpc.ServerCredentials | None = None) -> int:
    try:
        if credentials is not None:
            return server.add_secure_port(str(address), credentials)
        return server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise cannot_bind(address, _why(address)) from error


def _why(address: Address) -> OSError:
    """What the system says to an address that gRPC could not bind: gRPC's own error does not tell."""
    try:
        if isinstance(address, UnixPath):
            family, target = socket.AF_UNIX, str(address.path)
        else:
            family, _, _, _, target = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.bind(target)
        if isinstance(address, UnixPath):
            address.path.unlink(missing_ok=True)
    except OSError as error:
        return error
    return OSError("gRPC could not bind it")


def _refuse_living_socket(address: UnixPath) -> None:
    try:
        if not stat.S_ISSOCK(address.path.stat().st_mode):
            raise Misconfigured("CannotBind", f"cannot listen on {address}: a file that is no socket lies there")
    except OSError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(address.path))
        except OSError:
            return
    raise Misconfigured("CannotBind", f"cannot listen on {address}: another server listens there")


@contextmanager
def _umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
