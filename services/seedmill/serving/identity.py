"""Who speaks on the other side of a connection, and whether others could listen.

A certificate names its holder by a DNS name that no resolver knows, `run.seedmill.internal`: addresses are IPs that
come and go, names of roles do not. Who may sign such a name is the affair of whoever holds the authority's key.
"""

from collections.abc import Mapping
from typing import Any, cast

import grpc

Context = grpc.aio.ServicerContext[Any, Any]

NAMES = ("seeding", "inference", "execution", "aggregation", "run", "operator", "test")
"""Who there is. `test` is for probes and tests by people."""

_DOMAIN = ".seedmill.internal"


def dns_name(name: str) -> str:
    """What a certificate of this holder must have among its subject alternative names."""
    return f"{name}{_DOMAIN}"


def peer_names(context: Context) -> frozenset[str]:
    """Which of `NAMES` the certificate of a call's peer holds. None without TLS, or where it names other things."""
    # Typed, unlike x509_subject_alternative_name, where an e-mail address could spell a host's name.
    found = _auth_context(context).get("peer_dns", ())
    return frozenset(name for name in NAMES if dns_name(name).encode() in found)


def is_secure(context: Context) -> bool:
    """Whether nobody else can read a call on its way: TLS, or a Unix socket. Clients ask `Channels.secure`."""
    if context.peer().startswith("unix:"):
        return True
    return _auth_context(context).get("transport_security_type") == [b"ssl"]


def _auth_context(context: Context) -> Mapping[str, list[bytes]]:
    return cast(Mapping[str, list[bytes]], context.auth_context())
