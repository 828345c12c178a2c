"""How a TCP port is guarded: TLS with a certificate on both sides, and who may call. Sockets have their mode for it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedmill.serving.addresses import Address, UnixPath
from seedmill.serving.certificates import Certificates
from seedmill.serving.errors import Misconfigured
from seedmill.serving.identity import NAMES


@dataclass(frozen=True, slots=True)
class Lock:
    """What a guarded port has: its certificate, and the names of those who may call."""

    certificates: Certificates
    callers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Guard:
    """`tls` is a folder with tls.crt, tls.key and ca.crt; without it the port is open to whoever reaches it.

    `allow_callers` are names of `identity.NAMES`; none: those that a service names itself.
    """

    tls: Path | None = None
    allow_callers: Sequence[str] = ()

    def lock(self, address: Address, usual_callers: Collection[str]) -> Lock | None:
        """For this address. Raises Misconfigured, reason BadCertificates or BadCaller."""
        if isinstance(address, UnixPath):
            return None
        if unknown := [name for name in self.allow_callers if name not in NAMES]:
            raise Misconfigured("BadCaller", f"--allow-caller {unknown[0]}: callers are {', '.join(NAMES)}")
        if self.tls is not None:
            return Lock(Certificates(self.tls), frozenset(self.allow_callers or usual_callers))
        if self.allow_callers:
            raise Misconfigured("BadCaller", "--allow-caller needs --tls FOLDER: without TLS nobody knows who calls")
        return None
