"""The folder with a process's certificate: read, checked, and read again, for it changes while the process runs.

It is a mounted Secret of type kubernetes.io/tls. Whoever renews certificates exchanges its files; a server takes the
new ones at the next handshake, a client at the next channel (`Channels` makes one when calls fail). Files that cannot
work end a process that starts, with a line that says why; one that runs keeps what it has and warns.
"""

import contextlib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import structlog

from seedmill.serving.errors import Misconfigured

log = structlog.get_logger("seedmill.serving")

CERTIFICATE, KEY, AUTHORITY = "tls.crt", "tls.key", "ca.crt"

PEERS_AFFAIR = {9, 10, 26}
"""OpenSSL's X509_V_ERR_… not yet valid, expired, invalid purpose: these may heal, or matter to one side only."""


@dataclass(frozen=True, slots=True)
class _Contents:
    certificate: bytes
    key: bytes
    authority: bytes


class Certificates:
    """The newest contents of the folder that can work. Raises Misconfigured, reason BadCertificates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._contents = _load(folder)
        self._exchanges = 0
        self._fault = ""
        self._lock = threading.Lock()

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """For one channel, as the files are now."""
        now = self._newest()
        return grpc.ssl_channel_credentials(now.authority, now.key, now.certificate)

    def exchange(self) -> int:
        """How often the files were exchanged so far: another number, other credentials."""
        self._newest()
        return self._exchanges

    def server_credentials(self) -> grpc.ServerCredentials:
        """For one server: only who has a certificate of the authority gets through a handshake."""
        first = self._newest()
        # Its stub does not know that None may be returned; grpc's documentation does.
        since: Any = self._since(first)
        return grpc.dynamic_ssl_server_credentials(_configuration(first), since, require_client_authentication=True)

    def _since(self, served: _Contents) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
        """What gRPC asks at each handshake, in a thread of its own: the new configuration, or None for no change."""

        def changed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal served
            newest = self._newest()
            if newest == served:
                return None
            served = newest
            return _configuration(newest)

        return changed

    def _newest(self) -> _Contents:
        with self._lock:
            try:
                if _read(self._folder) != self._contents:
                    self._contents = _load(self._folder)
                    self._exchanges += 1
                    log.info("certificates exchanged", folder=str(self._folder))
                self._fault = ""
            except Misconfigured as error:
                if error.message != self._fault:
                    log.warning("the certificates from before are kept", error=error.message)
                self._fault = error.message
            return self._contents


def _configuration(contents: _Contents) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(contents.key, contents.certificate)], contents.authority)


def _load(folder: Path) -> _Contents:
    while True:
        contents = _read(folder)
        fault = _fault(folder)
        if _read(folder) != contents:  # exchanged while we looked: what we saw may be half old, half new
            continue
        if fault is not None:
            raise _unusable(folder, fault)
        return contents


def _read(folder: Path) -> _Contents:
    try:
        return _Contents(*((folder / name).read_bytes() for name in (CERTIFICATE, KEY, AUTHORITY)))
    except OSError as error:
        raise _unusable(folder, f"{Path(error.filename or folder).name}: {error.strerror or error}") from error


def _unusable(folder: Path, fault: str) -> Misconfigured:
    return Misconfigured(
        "BadCertificates",
        f"TLS folder {folder}: {fault}; it needs {CERTIFICATE}, {KEY} and {AUTHORITY}, as a kubernetes.io/tls Secret",
    )


def _fault(folder: Path) -> str | None:
    """Why these files cannot work, or None: a handshake with ourselves, in memory, for the ssl module tells no other
    way whether an authority has signed a certificate."""
    holder, peer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    peer.check_hostname = False
    try:
        # An empty password, for a key that needs one would be asked for on the terminal.
        holder.load_cert_chain(folder / CERTIFICATE, folder / KEY, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"{KEY} is not the key of {CERTIFICATE}"
        return f"{CERTIFICATE} and {KEY} are not a certificate and its unencrypted key in PEM"
    try:
        peer.load_verify_locations(folder / AUTHORITY)
    except ssl.SSLError:
        return f"{AUTHORITY} holds no certificate in PEM"
    try:
        _shake_hands(holder, peer)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code not in PEERS_AFFAIR:
            return f"{AUTHORITY} has not signed {CERTIFICATE} ({error.verify_message})"
    return None


def _shake_hands(holder: ssl.SSLContext, peer: ssl.SSLContext) -> None:
    to_holder, to_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = peer.wrap_bio(to_peer, to_holder)
    server = holder.wrap_bio(to_holder, to_peer, server_side=True)
    for side in (client, server, client):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
