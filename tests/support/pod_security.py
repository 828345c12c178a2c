"""Kubernetes' pod security standard `restricted`, as a function over a pod's spec.

After the page "Pod Security Standards" of Kubernetes' documentation (v1.34), which also says what each rule is for.
"""

from collections.abc import Iterator
from typing import Any

PodSpec = dict[str, Any]

_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_SECCOMP = {"RuntimeDefault", "Localhost"}
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def restricted_violations(spec: PodSpec) -> list[str]:
    """What the restricted standard refuses in this pod, one line each; empty if nothing."""
    pod: PodSpec = spec.get("securityContext", {})
    found = [f"{field} is true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    for volume in spec.get("volumes", []):
        found += [f"volume {volume['name']} is a {kind}" for kind in volume if kind not in {"name", *_VOLUMES}]
    if pod.get("sysctls"):
        found.append("sysctls are set")
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        found += [f"{container['name']}: {what}" for what in _container(container, pod)]
    return found


def _container(container: PodSpec, pod: PodSpec) -> Iterator[str]:
    own: PodSpec = container.get("securityContext", {})
    both = {**pod, **own}
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if both.get("runAsNonRoot") is not True:
        yield "runAsNonRoot is not true"
    if both.get("runAsUser") == 0:
        yield "runAsUser is 0"
    if both.get("seccompProfile", {}).get("type") not in _SECCOMP:
        yield "no seccompProfile"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities are not dropped"
    for added in sorted(set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}):
        yield f"adds {added}"
    if own.get("procMount", "Default") != "Default":
        yield "procMount is not Default"
    for port in container.get("ports", []):
        if port.get("hostPort"):
            yield f"hostPort {port['hostPort']}"
    for probe in _PROBES:
        for handler in container.get(probe, {}).values():
            if isinstance(handler, dict) and "host" in handler:
                yield f"{probe} names a host"
