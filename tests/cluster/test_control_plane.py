"""What other tests here take for granted: controllers work, roles hold, played pods count, and nothing is left over."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster.api import CONFIG_MAPS, GENERATIONS, JOBS, PODS, SERVICE_ACCOUNTS, Api, ApiError, Object
from cluster.control_plane import ControlPlane, condition_of
from cluster.generations import generation
from cluster.pod_player import End, PodPlayer
from cluster.waiting import wait_until
from support.requirements import ROOT, require

CONTAINER: Object = {
    "name": "work",
    "image": "work",
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}


def job(name: str = "work", **spec: Any) -> Object:
    """A Job whose pods the restricted level admits."""
    template = {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}
    metadata = {"name": name}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template, **spec}}


def name_of(manifest: Object) -> str:
    return manifest["metadata"]["name"]


def test_a_job_is_complete_when_its_played_pod_ends_well(api: Api, namespace: str) -> None:
    player = PodPlayer(api, namespace)
    api.create(JOBS, job(), namespace=namespace)
    pod = name_of(player.wait_for_pod())
    player.start(pod)
    wait_until(lambda: api.get(JOBS, namespace, "work")["status"].get("ready") == 1, "the ready pod")
    player.end(pod, End(0, message="all is well"))
    wait_until(lambda: condition_of(api.get(JOBS, namespace, "work"), "Complete") == "True", "the complete Job")
    (status,) = api.get(PODS, namespace, pod)["status"]["containerStatuses"]
    assert status["state"]["terminated"]["message"] == "all is well"


def test_exit_codes_of_played_pods_decide_over_their_job(api: Api, namespace: str) -> None:
    player = PodPlayer(api, namespace)
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2]}}
    api.create(JOBS, job(podFailurePolicy={"rules": [rule]}, backoffLimit=5), namespace=namespace)
    first = name_of(player.wait_for_pod())
    player.start(first)
    player.end(first, End(1))
    second = name_of(player.wait_for_pod(but=frozenset({first})))
    player.start(second)
    player.end(second, End(2))
    wait_until(lambda: condition_of(api.get(JOBS, namespace, "work"), "Failed") == "True", "the failed Job")
    assert len(player.pods()) == 2


def test_a_job_deleted_in_the_foreground_stays_until_its_pod_is_let_go(api: Api, namespace: str) -> None:
    player = PodPlayer(api, namespace)
    api.create(JOBS, job(), namespace=namespace)
    pod = name_of(player.wait_for_pod())
    player.start(pod)
    api.delete(JOBS, namespace, "work", propagationPolicy="Foreground")
    wait_until(lambda: "deletionTimestamp" in api.get(PODS, namespace, pod)["metadata"], "the pod's deletion")
    assert api.find(JOBS, namespace, "work") is not None
    player.let_go(pod)
    wait_until(lambda: api.find(JOBS, namespace, "work") is None, "the Job's end")
    assert player.pods() == []


def test_what_a_generation_owns_goes_with_it(api: Api, namespace: str) -> None:
    """From the first second on: the garbage collector knows the kind, because the CRD came before it."""
    owner = api.create(GENERATIONS, generation(), namespace=namespace)
    reference = {"uid": owner["metadata"]["uid"], "name": "a-run", "controller": True}
    reference |= {word: owner[word] for word in ("apiVersion", "kind")}
    metadata = {"name": "owned", "ownerReferences": [reference]}
    api.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, namespace=namespace)
    api.delete(GENERATIONS, namespace, "a-run")
    wait_until(lambda: api.find(CONFIG_MAPS, namespace, "owned") is None, "the end of what it owned")


def test_pods_above_the_restricted_level_are_refused(api: Api, namespace: str) -> None:
    container = {"name": "work", "image": "work"}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lax"}, "spec": {"containers": [container]}}
    with pytest.raises(ApiError, match='violates PodSecurity "restricted') as error:
        api.create(PODS, manifest, namespace=namespace)
    assert error.value.status == 403


def test_a_service_account_may_do_nothing_that_no_role_says(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    token = api.call("POST", SERVICE_ACCOUNTS.path(namespace, "default", "token"), {"spec": {}})["status"]["token"]
    with control_plane.api_with(token) as weak, pytest.raises(ApiError) as error:
        weak.items(JOBS, namespace)
    assert error.value.status == 403
    assert f"system:serviceaccount:{namespace}:default" in error.value.message


def test_all_pods_of_a_namespace_can_be_played_as_they_come(api: Api, namespace: str) -> None:
    ends = iter([End(1), End(0, after_seconds=0.3)])
    with PodPlayer(api, namespace).playing(lambda pod: next(ends)) as played:
        api.create(JOBS, job(), namespace=namespace)
        wait_until(lambda: condition_of(api.get(JOBS, namespace, "work"), "Complete") == "True", "the complete Job")
    assert len(played.starts) == 2
    assert not played.running


def processes_about(folder: Path) -> dict[int, str]:
    """Pid and command line of all processes that name something in this folder."""
    found: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{folder}/" in command or f"={folder}\0" in environment:
            found[int(entry.name)] = command
    return found


def cluster(command: str, cache: Path) -> str:
    """What `make cluster-up` or `make cluster-down` says, with another cache."""
    environment = {
        **os.environ,
        "SEEDMILL_CACHE": str(cache),
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("tests", "services")),
    }
    arguments = [sys.executable, "-m", "cluster", command]
    return subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout


def test_one_for_people_comes_up_once_and_leaves_nothing_even_when_it_is_killed(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "tools").symlink_to(require("kubernetes").parent)
    require("openssl")
    try:
        said = cluster("up", cache)
        kubeconfig = Path(said.removeprefix("export KUBECONFIG=").strip())
        assert kubeconfig.stat().st_mode & 0o077 == 0, "others may not have its keys"
        running = processes_about(cache)
        assert len(running) == 4, "its keeper and three programs"
        assert cluster("up", cache) == said
        assert processes_about(cache) == running
        (keeper,) = [pid for pid, command in running.items() if " keep " in command]
        os.kill(keeper, signal.SIGKILL)
        wait_until(lambda: not processes_about(cache), "the end of all programs")
        assert cluster("up", cache) == said
        assert len(processes_about(cache)) == 4
    finally:
        cluster("down", cache)
    assert [path.name for path in cache.iterdir()] == ["tools"]
    assert not processes_about(cache)
    assert cluster("down", cache) == ""
