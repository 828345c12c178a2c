"""Where the HTTP interface listens."""

import ipaddress
from dataclasses import dataclass

from seedmill.serving.addresses import HostPort, parse_address
from seedmill.serving.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where to listen; `for_all`: also where others than this machine can reach it."""

    address: str
    for_all: bool = False

    def checked(self) -> HostPort:
        """Raises Misconfigured."""
        address = parse_address(self.address)
        if not isinstance(address, HostPort):
            raise Misconfigured("BadAddress", f"--http-address {self.address}: host:port is expected")
        if not self.for_all and not _loopback(address.host):
            raise Misconfigured(
                "HttpForAll",
                f"--http-address {self.address} can be reached from other machines, and whoever reaches it may run "
                "programs, without a password: use 127.0.0.1, or say --http-for-all",
            )
        return address


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
