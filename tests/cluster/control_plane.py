"""A real Kubernetes without nodes: etcd, kube-apiserver and kube-controller-manager on free ports of the loopback.

Objects are stored, defaulted, validated and admitted, roles hold, Jobs make pods, owners take their dependents with
them; pods stay Pending, because there is neither scheduler nor kubelet (`pod_player` plays them). No root is needed.
Everything lies in one folder, and every program dies with the process that started it, however that ends.
"""

import base64
import json
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from cluster.api import CRDS, SERVICE_ACCOUNTS, Api, ApiError, Object
from cluster.certificates import Authority, Pair
from cluster.program import running_program
from seedmill.spec.crd import custom_resource_definition

START_SECONDS = 60.0
"""Until it is ready, on a machine that is busy with other things; 10 s where it is not."""

LOOPBACK = "127.0.0.1"
SERVICE_ADDRESSES = "198.19.0.0/16"
"""Set aside for benchmarks (RFC 2544): never those of a real network."""

_AUDIT_POLICY: Object = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},  # the controllers
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ],
}

CONTROLLERS = (
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "ttl-after-finished-controller",
)
"""Those that runs have to do with. Without the ones of nodes, which would evict what `pod_player` plays: its node has
no heartbeat."""


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A running control plane: where it is, who trusts whom, and its administrator."""

    folder: Path
    server: str
    """`https://127.0.0.1:PORT`."""
    authority: Path
    """The certificate that signed the server's."""
    administrator: Pair

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, for kubectl and the like."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """A folder with one file for each program."""
        return self.folder / "log"

    @property
    def audit(self) -> Path:
        """What ServiceAccounts asked for: a JSON object for each request, in its line."""
        return self.logs / "audit.log"

    def api(self) -> Api:
        """The API as the administrator."""
        pair = self.administrator
        return Api(self.server, self.authority, certificate=pair.certificate, key=pair.key)

    def api_with(self, token: str) -> Api:
        """The API as whom a token stands for."""
        return Api(self.server, self.authority, token=token)

    def write_kubeconfig(self, path: Path, user: Pair | str, namespace: str = "default") -> Path:
        """A kubeconfig for a certificate, or a token, that stands alone: nothing in it is a path."""
        credentials = (
            {"token": user}
            if isinstance(user, str)
            else {"client-certificate-data": _base64(user.certificate), "client-key-data": _base64(user.key)}
        )
        cluster = {"server": self.server, "certificate-authority-data": _base64(self.authority)}
        context = {"cluster": "test", "user": "test", "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": credentials}],
            "contexts": [{"name": "test", "context": context}],
            "current-context": "test",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=2))
        return path


@contextmanager
def running_control_plane(programs: Path, folder: Path) -> Generator[ControlPlane]:
    """Start it with its files in `folder`, which must not exist; stop it at the end. The logs stay in the folder.

    It has the CRD of this checkout: the garbage collector looks for new kinds every 30 seconds only, so a kind that
    comes after it is one whose deletion takes nothing along for that long. Raises RuntimeError with the end of the log
    of what did not start.
    """
    folder.mkdir(parents=True, mode=0o700)
    (folder / "log").mkdir()
    authority = Authority(folder / "pki")
    api_port, etcd_port, peer_port = _free_ports(3)
    plane = ControlPlane(
        folder,
        f"https://{LOOPBACK}:{api_port}",
        authority.pair.certificate,
        authority.user("administrator", group="system:masters"),
    )
    plane.write_kubeconfig(plane.kubeconfig, plane.administrator)
    accounts_key = authority.signing_key("accounts")
    with ExitStack() as stack:
        running: dict[str, subprocess.Popen[bytes]] = {}

        def start(name: str, arguments: list[str]) -> None:
            log = plane.logs / f"{name}.log"
            running[name] = stack.enter_context(running_program([programs / name, *arguments], log))

        def wait(what: str, condition: Callable[[], bool]) -> None:
            wait_for(what, condition, running, plane.logs)

        start("etcd", etcd_options(folder / "etcd", etcd_port, peer_port))
        start("kube-apiserver", _api_server(plane, authority, etcd_port, accounts_key))
        api = stack.enter_context(plane.api())
        wait("the API server", lambda: answers(api))
        crd = custom_resource_definition()
        api.create(CRDS, crd)
        wait("the CRD", lambda: condition_of(api.get(CRDS, "", crd["metadata"]["name"]), "Established") == "True")
        options = controller_manager_options(plane, authority, accounts_key)
        start("kube-controller-manager", [*options, f"--controllers={','.join(CONTROLLERS)}"])
        wait("the controllers", lambda: api.find(SERVICE_ACCOUNTS, "default", "default") is not None)
        yield plane


def condition_of(manifest: Object, kind: str) -> str | None:
    """The status of one of an object's conditions: "True", "False", "Unknown"; None when it has none of that type."""
    conditions: list[Object] = manifest.get("status", {}).get("conditions") or []  # an empty list is sent as null
    return next((each["status"] for each in conditions if each["type"] == kind), None)


def etcd_options(data: Path, client_port: int, peer_port: int) -> list[str]:
    """Of an etcd of one member on the loopback."""
    clients, peers = (f"http://{LOOPBACK}:{port}" for port in (client_port, peer_port))
    return [
        f"--data-dir={data}",
        "--unsafe-no-fsync",  # what it holds is gone after the tests anyway
        "--log-level=warn",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
    ]


def api_server_options(
    plane: ControlPlane, authority: Authority, etcd_port: int, accounts_key: Path, alternatives: Sequence[str]
) -> list[str]:
    """Of an API server at `plane.server`, whose certificate has these names besides."""
    policy = plane.folder / "audit-policy.json"
    policy.write_text(json.dumps(_AUDIT_POLICY))
    address, _, port = plane.server.removeprefix("https://").rpartition(":")
    names = ["DNS:localhost", "DNS:kubernetes.default.svc", f"IP:{LOOPBACK}", *alternatives]
    pair = authority.server("kube-apiserver", names)
    return [
        f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
        f"--bind-address={address}",
        f"--secure-port={port}",
        f"--tls-cert-file={pair.certificate}",
        f"--tls-private-key-file={pair.key}",
        f"--client-ca-file={authority.pair.certificate}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={accounts_key}",
        f"--service-account-signing-key-file={accounts_key}",
        f"--service-cluster-ip-range={SERVICE_ADDRESSES}",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={plane.audit}",
    ]


def _api_server(plane: ControlPlane, authority: Authority, etcd_port: int, accounts_key: Path) -> list[str]:
    return [
        *api_server_options(plane, authority, etcd_port, accounts_key, []),
        "--endpoint-reconciler-type=none",  # an address of the loopback cannot be advertised to pods
        "--authorization-mode=RBAC",
        # As OpenShift has it: who makes an object that holds up its owner's deletion must be allowed to.
        "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
    ]


def controller_manager_options(plane: ControlPlane, authority: Authority, accounts_key: Path) -> list[str]:
    """Of the controllers: all of them, unless some are named besides."""
    user = authority.user("system:kube-controller-manager")
    kubeconfig = plane.write_kubeconfig(plane.folder / "controller-manager.kubeconfig", user)
    return [
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={accounts_key}",
        f"--root-ca-file={plane.authority}",
        # The defaults (20 a second) are for clusters where controllers must not crowd out others.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def wait_for(
    what: str, condition: Callable[[], bool], running: "Mapping[str, subprocess.Popen[bytes]]", logs: Path
) -> None:
    """Raises RuntimeError with the end of a program's log when it ended, or when nothing came of it in time."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        ended = next((name for name, process in running.items() if process.poll() is not None), None)
        if ended or time.monotonic() > deadline:
            name = ended or list(running)[-1]
            tail = (logs / f"{name}.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{what}: {name} {'ended' if ended else 'is not ready'}; its log ends with\n{tail}")
        time.sleep(0.05)


def answers(api: Api) -> bool:
    """Whether the API server is ready."""
    try:
        return api.call("GET", "/readyz") == {"message": "ok"}
    except (ApiError, urllib3.exceptions.HTTPError):
        return False


def _free_ports(count: int) -> list[int]:
    """Ports that were all free at one moment."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
