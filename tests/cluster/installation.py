"""seedmill on the whole node as a user installs it: both charts by helm, runs by kubectl, stores by their keys."""

import base64
import json
import os
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from cluster.api import GENERATIONS, NAMESPACES, PODS, SECRETS, Api, Object
from cluster.connections import Addresses, Watch
from cluster.control_plane import SERVICE_ADDRESSES, condition_of
from cluster.elsewhere import DEPLOYMENTS, S3_PORT, TEACHER_PORT, make_secret, scale, url_inside
from cluster.images import REPOSITORY, TAG
from cluster.waiting import wait_until
from cluster.whole_node import MACHINE
from support.charts import CHART
from support.network_policies import Peer
from support.requirements import require
from support.s3_server import S3Server

RELEASE, NAMESPACE, EXECUTION, OTHER_TEAM = "mill", "mill", "mill-execution", "other-team"
FULL_NAME = f"{RELEASE}-seedmill"
STORE_SECRET, OWN_STORE_SECRET = "store", "own-store"
SERVICES = ("seeding", "inference", "execution", "aggregation")
START_SECONDS = 180.0

NAMED = ("README.md", "ATTRIBUTION.md", "report.html")
"""Files of a dataset that tell the name of their run."""

_SMALL: Object = {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "3Gi"}}
"""Requests of a pod on a node of two cores that carries everything."""

_DNS = [{"ipBlock": {"cidr": "198.18.0.2/32"}}]
"""The node's own, which is no pod here."""


def values() -> Object:
    """Of the release: the images of this checkout, a store and a teacher elsewhere in the cluster."""
    service: Object = {"resources": _SMALL, "drainSeconds": 2}
    elsewhere = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}}

    def to(app: str, port: int) -> list[Object]:
        peer = elsewhere | {"podSelector": {"matchLabels": {"app": app}}}
        return [{"to": [peer], "ports": [{"port": port, "protocol": "TCP"}]}]

    stores = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["store", "team-store"]}]}
    store_peer = elsewhere | {"podSelector": stores}
    return {
        "image": {"repository": f"{REPOSITORY}-seedmill", "tag": TAG},
        "store": {
            "uri": "s3://datasets/team-a",
            "endpoint": url_inside("store", S3_PORT),
            "region": "us-east-1",
            "existingSecret": STORE_SECRET,
        },
        "operator": {"watchNamespaces": [NAMESPACE, OTHER_TEAM], "resources": _SMALL},
        "seeding": service,
        "aggregation": service,
        "inference": service | {"endpoints": [f"openai:{url_inside('teacher', TEACHER_PORT)}/v1"]},
        "execution": service
        | {
            "image": {"repository": f"{REPOSITORY}-execution", "tag": TAG},
            "namespace": {"name": EXECUTION, "create": False},
        },
        "networkPolicy": {
            "dnsTo": _DNS,
            "egress": {
                "apiServer": [{"to": [{"ipBlock": {"cidr": "198.18.0.2/32"}}], "ports": [{"port": 6443}]}],
                "store": [{"to": [store_peer], "ports": [{"port": S3_PORT, "protocol": "TCP"}]}],
                "teachers": to("teacher", TEACHER_PORT),
            },
        },
    }


@dataclass(slots=True)
class Installation:
    """What stands on the node, and how to reach it from the machine."""

    api: Api
    kubeconfig: Path
    store: S3Server
    team_store: S3Server
    teacher_url: str
    watch: Watch
    addresses: Addresses = field(default_factory=Addresses)
    chart_values: Object = field(default_factory=values)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """What kubectl prints; its words fail the test."""
        return _said(["kubectl", f"--kubeconfig={self.kubeconfig}", *arguments], stdin, check=check)

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        """What helm prints; its words fail the test."""
        return _said([str(require("helm")), f"--kubeconfig={self.kubeconfig}", *arguments], stdin)

    def install(self) -> None:
        """Both charts, and what they need to be there: namespaces and the store's keys."""
        levels = {NAMESPACE: "restricted", EXECUTION: "privileged", OTHER_TEAM: "restricted"}
        for name, level in levels.items():
            labels = {"pod-security.kubernetes.io/enforce": level}
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            self.api.create(NAMESPACES, namespace)
        make_secret(self.api, NAMESPACE, STORE_SECRET, self.store)
        place = {"SEEDMILL_S3_ENDPOINT": url_inside("team-store", S3_PORT), "AWS_REGION": "us-east-1"}
        make_secret(self.api, OTHER_TEAM, OWN_STORE_SECRET, self.team_store, place)
        self.helm("install", "seedmill-crds", str(CHART.with_name("seedmill-crds")), "--namespace", NAMESPACE)
        self.apply_values("install")

    def apply_values(self, verb: str = "upgrade") -> None:
        """Install or upgrade the release, and wait until all of it is ready."""
        self.helm(
            verb,
            RELEASE,
            str(CHART),
            f"--namespace={NAMESPACE}",
            "--values=-",
            "--wait",
            f"--timeout={START_SECONDS:.0f}s",
            stdin=yaml.safe_dump(self.chart_values),
        )

    def apply(self, generation: Object, namespace: str = NAMESPACE) -> None:
        """As `kubectl apply` does."""
        self.kubectl("--namespace", namespace, "apply", "--filename=-", stdin=json.dumps(generation))

    def wait_succeeded(self, name: str, namespace: str = NAMESPACE, seconds: int = 240) -> Object:
        """The run once `kubectl wait --for=condition=Succeeded` is content."""
        wait = ["wait", f"--timeout={seconds}s", "--for=condition=Succeeded", f"datasetgeneration/{name}"]
        self.kubectl("--namespace", namespace, *wait)
        return self.api.get(GENERATIONS, namespace, name)

    def run(self, name: str, namespace: str = NAMESPACE) -> Object:
        """The resource."""
        return self.api.get(GENERATIONS, namespace, name)

    def accepted(self, name: str, namespace: str = NAMESPACE) -> int:
        """Rows so far, as status tells it."""
        ledger: Object = self.run(name, namespace).get("status", {}).get("ledger") or {"accepted": 0}
        return int(ledger["accepted"])

    def pods(self, component: str) -> list[Object]:
        """Living pods of a part of the release, or of runs (`run`)."""
        found = self.api.items(PODS, labels=f"app.kubernetes.io/component={component}")
        return [pod for pod in found if pod["status"].get("phase") == "Running"]

    def kill(self, component: str) -> bool:
        """SIGKILL to one pod of a part, if one runs; its controller makes another."""
        pods = self.pods(component)
        if not pods:
            return False
        pod = secrets.choice(pods)["metadata"]
        self.api.delete(PODS, pod["namespace"], pod["name"], gracePeriodSeconds=0)
        return True

    def scale(self, replicas: int) -> None:
        """So many pods of each service; wait until they are ready."""
        for component in SERVICES:
            scale(self.api, _namespace_of(component), f"{FULL_NAME}-{component}", replicas)

        def is_there(component: str) -> bool:
            deployment = self.api.get(DEPLOYMENTS, _namespace_of(component), f"{FULL_NAME}-{component}")
            status = deployment.get("status", {})
            return status.get("readyReplicas", 0) == status.get("replicas", 0) == replicas

        for component in SERVICES:
            wait_until(partial(is_there, component), f"{replicas} pods of {component}", 180)

    def data(self, generation: Object, server: S3Server | None = None) -> dict[str, str]:
        """Digests of a dataset's files, but those that tell the run's name."""
        bucket, _, prefix = str(generation["status"]["dataset"]["uri"]).removeprefix("s3://").partition("/")
        answer = (server or self.store).client().get_object(bucket, f"{prefix}/manifest.json")
        files: list[Object] = json.loads(answer.read())["files"]
        return {each["name"]: each["sha256"] for each in files if each["name"] not in NAMED}

    def run_file(self, generation: Object) -> Object:
        """The run's run.json."""
        bucket, _, dataset = str(generation["status"]["dataset"]["uri"]).removeprefix("s3://").partition("/")
        run = dataset.rpartition("/dataset/")[0]
        return json.loads(self.store.client().get_object(bucket, f"{run}/run.json").read())

    def download(self, generation: Object, server: S3Server, folder: Path) -> Path:
        """The dataset that status names, into a folder, as anyone with the store's keys can."""
        uri: str = generation["status"]["dataset"]["uri"]
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        client = server.client()
        for entry in client.list_objects(bucket, prefix=f"{prefix}/", recursive=True):
            name = str(entry.object_name)
            client.fget_object(bucket, name, str(folder / name.removeprefix(f"{prefix}/")))
        return folder

    @contextmanager
    def looking(self) -> Generator[None]:
        """Keep track of whose addresses are whose."""
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.5):
                self.addresses.look(self.api)

        thread = threading.Thread(target=look, name="addresses")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def certificate(self, component: str) -> dict[str, bytes]:
        """tls.crt, tls.key and ca.crt of a part of the release, from its Secret."""
        data = self.api.get(SECRETS, NAMESPACE, f"{FULL_NAME}-tls-{component}")["data"]
        return {name: base64.b64decode(value) for name, value in data.items()}

    def connections(self) -> list[tuple[Peer, Peer, int, str]]:
        """All that pods opened, and were opened; without what the tests opened from the machine."""
        self.addresses.look(self.api)
        # What goes to a Service that has no pod is refused on the spot: it is not turned to any pod's address.
        seen = sorted(
            each for each in self.watch.seen() if each.caller != MACHINE and not _is_service_address(each.called)
        )
        peer = self.addresses.peer
        return [(peer(each.caller), peer(each.called), each.port, each.protocol) for each in seen]


def rows(dataset: Path) -> list[Object]:
    """All rows, without the two facts of a verdict that are the place's: sandbox and its interpreter."""
    found: list[Object] = []
    for path in sorted(dataset.glob("data-*.parquet")):
        found.extend(pq.read_table(path).to_pylist())  # pyright: ignore[reportUnknownMemberType]
    return [_without_place(row) for row in found]


def _without_place(row: Object) -> Object:
    verdict: Any = row.get("verdict")
    properties: list[Object] = row["properties"]
    return row | {
        "verdict": verdict and {k: v for k, v in verdict.items() if k not in ("environment", "sandbox")},
        "properties": [each for each in properties if each["name"] not in ("environment", "sandbox")],
    }


def balanced(ledger: Object) -> bool:
    """requested = accepted + rejected + failed + pending."""
    parts = (ledger["accepted"], ledger["rejectedTotal"], ledger["failedTotal"], ledger["pending"])
    reasons = (sum(ledger.get(kind, {}).values()) for kind in ("rejected", "failed"))
    return ledger["requested"] == sum(parts) and [*reasons] == [ledger["rejectedTotal"], ledger["failedTotal"]]


def has_succeeded(generation: Object) -> bool:
    """Its condition."""
    return condition_of(generation, "Succeeded") == "True"


def _is_service_address(address: str) -> bool:
    return ip_address(address) in ip_network(SERVICE_ADDRESSES)


def _namespace_of(component: str) -> str:
    return EXECUTION if component == "execution" else NAMESPACE


def _said(command: Sequence[str], stdin: str | None = None, *, check: bool = True) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir()}
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, check=False)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
    return done.stdout
