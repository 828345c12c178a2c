"""Which connections are made on the whole node: nftables notes each one as the node forwards it.

Pods are joined to the node by routes alone, so whatever a pod opens, and whatever opens a pod, passes the node. What
goes to a Service is seen with the address of the pod that answers.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.api import PODS, Api
from support.network_policies import Outside, Peer, Pod

_RULES = """
table inet seen {
  set by_tcp { type ipv4_addr . ipv4_addr . inet_service; size 65535; flags dynamic; }
  set by_udp { type ipv4_addr . ipv4_addr . inet_service; size 65535; flags dynamic; }
  chain forward {
    type filter hook forward priority 0; policy accept;
    tcp flags & (syn | ack) == syn add @by_tcp { ip saddr . ip daddr . tcp dport }
    udp dport 53 add @by_udp { ip saddr . ip daddr . udp dport }
  }
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "veth*" tcp flags & (syn | ack) == syn add @by_tcp { ip saddr . ip daddr . tcp dport }
    iifname "veth*" udp dport 53 add @by_udp { ip saddr . ip daddr . udp dport }
  }
}
"""


@dataclass(frozen=True, slots=True, order=True)
class Connection:
    """Who opened it, by address, to what."""

    caller: str
    called: str
    port: int
    protocol: str


class Watch:
    """Of the node whose network namespace is bound at `network`."""

    def __init__(self, network: Path) -> None:
        self._nft = ["nsenter", f"--net={network}", "nft"]
        subprocess.run([*self._nft, "-f", "-"], input=_RULES, text=True, check=True)

    def seen(self) -> set[Connection]:
        """Since the watch began."""
        return {
            Connection(str(caller), str(called), int(port), protocol.upper())
            for protocol in ("tcp", "udp")
            for caller, called, port in self._elements(protocol)
        }

    def _elements(self, name: str) -> list[list[Any]]:
        command = [*self._nft, "--json", "list", "set", "inet", "seen", f"by_{name}"]
        said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        (made,) = [each["set"] for each in said["nftables"] if "set" in each]
        return [each["concat"] for each in made.get("elem", [])]


class Addresses:
    """Whose an address was: pods come and go, and their addresses with them. Fill it while they live."""

    def __init__(self) -> None:
        self._pods: dict[str, Pod] = {}

    def look(self, api: Api) -> None:
        """Note the pods there are."""
        for pod in api.items(PODS):
            address = pod.get("status", {}).get("podIP")
            if address:
                metadata = pod["metadata"]
                self._pods[address] = Pod(metadata["namespace"], metadata.get("labels") or {})

    def peer(self, address: str) -> Peer:
        """A pod, or somebody outside."""
        return self._pods.get(address, Outside(address))
