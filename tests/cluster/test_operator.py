"""`seedmill operator` as a process against a real API server and Job controller; its pods are played.

It runs as a ServiceAccount that has the rights which docs/operator.md lists, and no others.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.api import GENERATIONS, JOBS, Api, ApiError, Object
from cluster.control_plane import ControlPlane
from cluster.generations import generation
from cluster.pod_player import End, PodPlayer
from cluster.waiting import wait_until
from support.requirements import ROOT

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{}"


def last_words(reason: str = "TargetReached", exit_code: int = 0, rows: int = 10) -> str:
    """What `seedmill dispatch` leaves."""
    ledger: Object = {"requested": rows, "accepted": rows, "rejected": {}, "failed": {}, "pending": 0}
    dataset = {"uri": "s3://datasets/x", "digest": "0" * 64, "rows": rows} if exit_code == 0 else None
    words: Object = {"reason": reason, "message": f"{reason}.", "exitCode": exit_code, "ledger": ledger, "tokens": 7}
    return json.dumps({**words, "dataset": dataset, "run": "runs/x"})


def documented_rules() -> list[Object]:
    """The rules of a Role, as the table of docs/operator.md lists them."""
    table = (ROOT / "docs" / "operator.md").read_text().partition("## Rights")[2].partition("\n## ")[0]
    rules: list[Object] = []
    for resource, verbs in re.findall(r"^\| `([^`]+)` \| (.+) \|$", table, re.MULTILINE):
        name, _, group = resource.partition(".")
        words = re.sub(r"\([^)]*\)", "", verbs).replace(";", ",").split(",")
        group = "seedmill.dev" if name.startswith("datasetgenerations") else group.removeprefix("events.")
        group = {"events.k8s.io": "events.k8s.io", "k8s.io": "events.k8s.io"}.get(group, group)
        rules.append({"apiGroups": [group], "resources": [name], "verbs": [word.strip() for word in words]})
    return rules


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path) -> Path:
    """Of a ServiceAccount with the documented rights in this namespace."""
    role: Object = {"metadata": {"name": "operator"}, "rules": documented_rules()}
    api.call("POST", RBAC.format(namespace, "roles"), role)
    binding: Object = {
        "metadata": {"name": "operator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
    }
    api.call("POST", RBAC.format(namespace, "rolebindings"), binding)
    token = api.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token", {"spec": {}})
    return control_plane.write_kubeconfig(tmp_path / "kubeconfig", token["status"]["token"])


@contextmanager
def operator(kubeconfig: Path, namespace: str, log: Path, *flags: str) -> Generator["subprocess.Popen[bytes]"]:
    """The process; ended by SIGTERM, which it must take well, unless the test has killed it."""
    command = [sys.executable, "-m", "seedmill.cli", "operator", f"--namespace={namespace}", *flags]
    command += ["--image=seedmill:1", "--store=s3://datasets", "--seeding=s:1", "--aggregation=a:1"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env={**os.environ, "KUBECONFIG": str(kubeconfig)}, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        code = process.wait(30)
    assert code in (0, -signal.SIGKILL), log.read_text()[-3000:]


def has(api: Api, namespace: str, name: str, kind: str, status: str, reason: str | None = None) -> bool:
    """Whether the run has this condition."""
    found = [
        each
        for each in api.get(GENERATIONS, namespace, name).get("status", {}).get("conditions", [])
        if each["type"] == kind and each["status"] == status and reason in (None, each["reason"])
    ]
    return bool(found)


def events_told(api: Api, namespace: str) -> list[str]:
    """The reasons of the operator's events, sorted."""
    events = api.call("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")["items"]
    return sorted(each["reason"] for each in events if each.get("reportingController") == "seedmill.dev/operator")


def test_a_run_from_apply_to_its_end_and_on(api: Api, namespace: str, kubeconfig: Path, tmp_path: Path) -> None:
    player = PodPlayer(api, namespace)

    def wait_for(kind: str, status: str, reason: str) -> None:
        wait_until(lambda: has(api, namespace, "a-run", kind, status, reason), f"{kind}={status} {reason}")

    with operator(kubeconfig, namespace, tmp_path / "log"):
        api.create(GENERATIONS, generation(), namespace=namespace)
        wait_for("Ready", "True", "Starting")
        first = player.wait_for_pod()["metadata"]["name"]
        player.start(first)
        wait_for("Ready", "True", "Running")
        player.end(first, End(0, last_words()))
        wait_for("Succeeded", "True", "TargetReached")
        with pytest.raises(ApiError, match=r"spec\.randomSeed cannot be changed once candidates were begun"):
            api.merge(GENERATIONS, namespace, "a-run", {"spec": {"randomSeed": 4}})
        api.merge(GENERATIONS, namespace, "a-run", {"spec": {"target": {"acceptedSamples": 20}}})
        second = player.wait_for_pod(but=frozenset({first}))["metadata"]["name"]
        assert len(api.items(JOBS, namespace)) == 1
        wait_for("Succeeded", "Unknown", "Starting")
        player.start(second)
        player.end(second, End(5, last_words("TooManyFailures", 5)))
        wait_for("Stalled", "True", "TooManyFailures")
        api.merge(GENERATIONS, namespace, "a-run", {"spec": {"suspend": True}})
        wait_for("Suspended", "True", "Suspended")
        assert api.items(JOBS, namespace) == []
        api.merge(GENERATIONS, namespace, "a-run", {"spec": {"suspend": False}})
        wait_for("Ready", "True", "Starting")
        wait_until(lambda: "Resumed" in events_told(api, namespace), "the event that follows the status")
    metadata = api.get(GENERATIONS, namespace, "a-run")["metadata"]
    assert not {"annotations", "finalizers"} & metadata.keys()
    assert events_told(api, namespace) == [
        "Resumed", "Started", "Suspended", "TargetReached", "TooManyFailures",
    ]  # fmt: skip


def test_the_ttl_deletes_a_run_that_has_succeeded(api: Api, namespace: str, kubeconfig: Path, tmp_path: Path) -> None:
    manifest = generation()
    manifest["spec"]["ttlSecondsAfterFinished"] = 1
    with (
        operator(kubeconfig, namespace, tmp_path / "log"),
        PodPlayer(api, namespace).playing(lambda _: End(0, last_words())),
    ):
        api.create(GENERATIONS, manifest, namespace=namespace)
        wait_until(lambda: api.find(GENERATIONS, namespace, "a-run") is None, "the run's deletion")
        wait_until(lambda: api.items(JOBS, namespace) == [], "the Job's")
