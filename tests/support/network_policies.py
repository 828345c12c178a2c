"""What NetworkPolicies allow, computed as Kubernetes defines it: the test cluster does not enforce them.

A connection is open when the caller's egress and the called one's ingress both allow it. A pod that no policy selects
for a direction is open in that direction; one that is selected may do what any of the policies says.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod: its namespace and labels."""

    namespace: str
    labels: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Outside:
    """An address that is no pod's."""

    address: str


Peer = Pod | Outside


def allowed(policies: Sequence[Manifest], caller: Peer, called: Peer, port: int, protocol: str = "TCP") -> bool:
    """Whether `caller` may open a connection to `port` of `called`. Namespaces have the label of their name alone."""
    return _direction(policies, caller, called, port, protocol, "Egress") and _direction(
        policies, called, caller, port, protocol, "Ingress"
    )


def without_a_part(policies: Sequence[Manifest]) -> Iterator[tuple[str, list[Manifest]]]:
    """Each set of policies that allows less: without a rule, or one of a rule's peers, or one of its ports."""
    for at, policy in enumerate(policies):
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            rules: list[Manifest] = policy["spec"].get(direction) or []
            for number, rule in enumerate(rules):
                name = f"{policy['metadata']['namespace']}/{policy['metadata']['name']} {direction} {number}"
                yield name, _with_rule(policies, at, direction, number, None)
                for part in (peers, "ports"):
                    entries: list[Manifest] = rule.get(part) or []
                    for index, entry in enumerate(entries) if len(entries) > 1 else ():
                        fewer = rule | {part: [*entries[:index], *entries[index + 1 :]]}
                        yield f"{name} {part} {entry}", _with_rule(policies, at, direction, number, fewer)


def _with_rule(
    policies: Sequence[Manifest], at: int, direction: str, number: int, rule: Manifest | None
) -> list[Manifest]:
    """With this rule instead of one of the policy's."""
    rules: list[Manifest] = list(policies[at]["spec"][direction])
    rules[number : number + 1] = [] if rule is None else [rule]
    return [*policies[:at], policies[at] | {"spec": policies[at]["spec"] | {direction: rules}}, *policies[at + 1 :]]


def _direction(policies: Sequence[Manifest], pod: Peer, other: Peer, port: int, protocol: str, kind: str) -> bool:
    if isinstance(pod, Outside):
        return True
    selecting = [policy for policy in policies if _selects(policy, pod, kind)]
    rules: list[Manifest] = [rule for policy in selecting for rule in policy["spec"].get(kind.lower()) or ()]
    peers = "to" if kind == "Egress" else "from"
    return not selecting or any(
        _port_matches(rule.get("ports"), port, protocol) and _peers_match(rule.get(peers), other, pod.namespace)
        for rule in rules
    )


def _selects(policy: Manifest, pod: Pod, kind: str) -> bool:
    spec = policy["spec"]
    return (
        policy["metadata"]["namespace"] == pod.namespace
        and kind in spec["policyTypes"]
        and _labels_match(spec["podSelector"], pod.labels)
    )


def _port_matches(ports: list[Manifest] | None, port: int, protocol: str) -> bool:
    if not ports:
        return True
    return any(each.get("protocol", "TCP") == protocol and each.get("port", port) == port for each in ports)


def _peers_match(peers: list[Manifest] | None, other: Peer, own_namespace: str) -> bool:
    return not peers or any(_peer_matches(peer, other, own_namespace) for peer in peers)


def _peer_matches(peer: Manifest, other: Peer, own_namespace: str) -> bool:
    if "ipBlock" in peer:
        if isinstance(other, Pod):
            return False
        address = ipaddress.ip_address(other.address)
        excluded: Iterable[str] = peer["ipBlock"].get("except", [])
        inside = address in ipaddress.ip_network(peer["ipBlock"]["cidr"])
        return inside and not any(address in ipaddress.ip_network(each) for each in excluded)
    if isinstance(other, Outside):
        return False
    if "namespaceSelector" in peer:
        if not _labels_match(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace}):
            return False
    elif other.namespace != own_namespace:
        return False
    return _labels_match(peer.get("podSelector", {}), other.labels)


def _labels_match(selector: Manifest, labels: dict[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for expression in selector.get("matchExpressions", []):
        value = labels.get(expression["key"])
        match expression["operator"]:
            case "In":
                holds = value in expression["values"]
            case "NotIn":
                holds = value not in expression["values"]
            case "Exists":
                holds = value is not None
            case "DoesNotExist":
                holds = value is None
            case operator:
                raise ValueError(operator)
        if not holds:
            return False
    return True
