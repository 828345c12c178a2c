"""The Job that the operator makes of a run, before a real API server: taken, admitted, owned, judged by its exit."""

import json
from collections.abc import Callable

import pytest

from cluster.api import GENERATIONS, JOBS, Api, Object
from cluster.control_plane import condition_of
from cluster.generations import generation, spec_with
from cluster.pod_player import End, PodPlayer
from cluster.waiting import wait_until
from seedmill.operator.job import job_manifest
from seedmill.operator.settings import PodSettings, StoreSettings
from seedmill.spec.model import DatasetGeneration

SETTINGS = PodSettings(
    image="registry.example.org/seedmill:1",
    store=StoreSettings("s3://datasets/team-a", endpoint="https://s3.example.org", region="eu", secret="store"),
    services={name: (f"{name}.example.org:50051",) for name in ("seeding", "inference", "execution", "aggregation")},
)


def made(api: Api, namespace: str, manifest: Object) -> tuple[Object, Object]:
    """The resource and its Job as the API server has them."""
    resource = api.create(GENERATIONS, manifest, namespace=namespace)
    parts = {word: resource[word] for word in ("apiVersion", "kind", "spec")}
    parts["metadata"] = {"name": resource["metadata"]["name"], "namespace": namespace}
    parsed = DatasetGeneration.model_validate_json(json.dumps(parts))
    return resource, api.apply(JOBS, job_manifest("a-run-0", parsed, resource, SETTINGS), namespace=namespace)


def test_it_is_taken_as_it_stands_and_its_pod_is_restricted(api: Api, namespace: str) -> None:
    _, job = made(api, namespace, generation())
    pod = PodPlayer(api, namespace).wait_for_pod()
    assert pod["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert "volumes" in pod["spec"]
    assert not [volume for volume in pod["spec"]["volumes"] if "projected" in volume], "a token of the API server"


@pytest.mark.parametrize(
    "changes",
    [
        {"output.store": {"uri": "s3://mine/there", "secretRef": {"name": "mine"}}},
        {"queueName": "gpu"},
        {"seeds": {"dataset": {"name": "other"}}},
    ],
    ids=["a store of its own", "a queue", "another run's rows"],
)
def test_it_is_taken_with_all_that_a_spec_may_ask_for(api: Api, namespace: str, changes: Object) -> None:
    _, job = made(api, namespace, generation(spec=spec_with(changes)))
    assert PodPlayer(api, namespace).wait_for_pod()["metadata"]["labels"]["job-name"] == job["metadata"]["name"]


def test_it_goes_with_its_run_once_its_pod_is_gone(api: Api, namespace: str) -> None:
    made(api, namespace, generation())
    player = PodPlayer(api, namespace)
    pod = player.wait_for_pod()["metadata"]["name"]
    player.start(pod)
    api.delete(GENERATIONS, namespace, "a-run", propagationPolicy="Foreground")
    wait_until(lambda: any("deletionTimestamp" in each["metadata"] for each in player.pods()), "the pod's deletion")
    assert api.find(GENERATIONS, namespace, "a-run") is not None
    player.let_go(pod)
    wait_until(lambda: api.find(GENERATIONS, namespace, "a-run") is None, "the run's end")
    assert api.items(JOBS, namespace) == []


@pytest.mark.parametrize("exit_code", [2, 5])
def test_an_exit_that_nothing_would_mend_fails_it_at_once(api: Api, namespace: str, exit_code: int) -> None:
    made(api, namespace, generation())
    player = PodPlayer(api, namespace)
    pod = player.wait_for_pod()["metadata"]["name"]
    player.start(pod)
    player.end(pod, End(exit_code))
    wait_until(failed(api, namespace), "the Job's failure")
    assert len(player.pods()) == 1


def failed(api: Api, namespace: str) -> Callable[[], bool]:
    return lambda: condition_of(api.get(JOBS, namespace, "a-run-0"), "Failed") == "True"
