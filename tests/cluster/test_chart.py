"""The rendered chart before a real API server: every object is one that it takes, every pod one that it admits."""

import base64
import functools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.api import NAMESPACES, SECRETS, SERVICE_ACCOUNTS, Api, ApiError, Kind, Object
from cluster.control_plane import ControlPlane
from support.charts import CASES, CHART, NAMESPACE, RELEASE, case, full_name, helm, of_kind, pods

PRIVILEGED = "seedmill-execution"
"""Where pods go whose gVisor sandbox needs more than the restricted level."""

NOT_SERVED = {"keda.sh/v1alpha1", "monitoring.coreos.com/v1"}
"""Of operators that are not part of Kubernetes: their kinds are known only where those are installed."""

Kinds = Callable[[Object], Kind]


@pytest.fixture(scope="module")
def installed(api: Api) -> Iterator[Kinds]:
    """Namespaces and classes that the chart's examples take for granted. Gives where objects of each kind go."""
    for name in (NAMESPACE, PRIVILEGED, "team-a", "team-b"):
        level = "privileged" if name == PRIVILEGED else "restricted"
        metadata = {"name": name, "labels": {"pod-security.kubernetes.io/enforce": level}}
        api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    for name in ("gvisor", "nvidia"):
        _create(api, "node.k8s.io/v1", "RuntimeClass", "runtimeclasses", name, {"handler": name})
    _create(api, "scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", "batch", {"value": 1})

    @functools.cache
    def served(api_version: str) -> dict[str, Kind]:
        path = Kind(api_version, "").path().rstrip("/")
        found = api.call("GET", path)["resources"]
        return {
            each["kind"]: Kind(api_version, each["name"], each["namespaced"])
            for each in found
            if "/" not in each["name"]
        }

    yield lambda manifest: served(manifest["apiVersion"])[manifest["kind"]]
    for name in (NAMESPACE, PRIVILEGED, "team-a", "team-b"):
        api.delete(NAMESPACES, "", name)


def _create(api: Api, api_version: str, kind: str, plural: str, name: str, fields: Object) -> None:
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}
    api.create(Kind(api_version, plural, namespaced=False), manifest)


@pytest.mark.parametrize("name", CASES)
def test_every_object_is_taken_under_strict_validation(api: Api, installed: Kinds, name: str) -> None:
    for manifest in case(name):
        if manifest["apiVersion"] in NOT_SERVED or manifest["kind"] in ("Namespace", "Pod"):
            continue  # the namespace is there; pods are admitted below
        try:
            namespace = manifest["metadata"].get("namespace", "")
            api.create(installed(manifest), manifest, namespace=namespace, dry_run=True)
        except ApiError as error:
            raise AssertionError(f"{full_name(manifest)}: {error}") from error


@pytest.mark.parametrize("name", CASES)
def test_every_pod_is_admitted_at_its_level(api: Api, installed: Kinds, name: str) -> None:
    objects = case(name)
    for metadata, spec in pods(objects):
        namespace = PRIVILEGED if spec.get("runtimeClassName") == "gvisor" else NAMESPACE
        for account in of_kind(objects, "ServiceAccount"):
            if account["metadata"]["name"] == spec.get("serviceAccountName"):
                _ensure_account(api, namespace, account["metadata"]["name"])
        named = {"name": "tried", **metadata, "namespace": namespace}
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": spec}
        api.create(installed(manifest), manifest, namespace=namespace, dry_run=True)


def test_an_upgrade_keeps_every_key_and_signs_new_ones_with_the_same(
    control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path
) -> None:
    other, authority = f"{namespace}-runs", f"{RELEASE}-seedmill-tls-ca"
    api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})

    def keys(where: str) -> dict[str, dict[str, str]]:
        made = api.items(SECRETS, where, labels=f"app.kubernetes.io/instance={RELEASE}")
        return {each["metadata"]["name"]: each["data"] for each in made}

    def apply(verb: str, *values: str) -> None:
        options = (f"--kubeconfig={control_plane.kubeconfig}", f"--namespace={namespace}")
        helm(verb, RELEASE, CHART, *options, *values)

    apply("install")
    before = keys(namespace)
    assert len(before) == 8
    apply("upgrade", f"--set=operator.watchNamespaces={{{namespace},{other}}}", "--set=image.tag=v2")
    assert keys(namespace) == before
    ((name, data),) = keys(other).items()
    assert name == f"{RELEASE}-seedmill-tls-run"
    assert data["ca.crt"] == before[authority]["tls.crt"]
    for file in ("ca.crt", "tls.crt"):
        (tmp_path / file).write_bytes(base64.b64decode(data[file]))
    subprocess.run(["openssl", "verify", "-CAfile", tmp_path / "ca.crt", tmp_path / "tls.crt"], check=True)
    api.delete(SECRETS, namespace, authority)
    apply("upgrade")
    renewed = keys(namespace)
    (signer,) = {each["ca.crt"] for name, each in renewed.items() if name != authority}
    assert signer == renewed[authority]["tls.crt"] != before[authority]["tls.crt"]
    api.delete(NAMESPACES, "", other)


def _ensure_account(api: Api, namespace: str, name: str) -> None:
    manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    if api.find(SERVICE_ACCOUNTS, namespace, name) is None:
        api.create(SERVICE_ACCOUNTS, manifest, namespace=namespace)
