"""The operator's rights: a whole life of a run needs all that the chart's role gives, and nothing that it does not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.api import GENERATIONS, JOBS, SERVICE_ACCOUNTS, Api, ApiError
from cluster.control_plane import ControlPlane, condition_of
from cluster.ends import published
from cluster.generations import generation, spec_with
from cluster.operator_process import ACCOUNT, IMAGE, ROLES, STORE, let_in, role_rules, running_operator
from cluster.pod_player import PodPlayer
from cluster.waiting import wait_until
from seedmill.operator.job import job_manifest
from seedmill.operator.settings import PodSettings, StoreSettings
from seedmill.spec.model import DatasetGeneration

Right = tuple[str, str, str]
"""API group, resource, verb."""

NEVER_ASKED_FOR: set[Right] = {
    # Asked of the roles by the API server when a Job is made whose deletion its owner waits for: no request of its own.
    ("seedmill.dev", "datasetgenerations/finalizers", "update"),
    # Asked when an object that is not there is applied: the request itself is a patch.
    ("batch", "jobs", "create"),
}


def given() -> Iterator[Right]:
    for rule in role_rules():
        for group in rule["apiGroups"]:
            yield from ((group, resource, verb) for resource in rule["resources"] for verb in rule["verbs"])


def asked(plane: ControlPlane, namespace: str) -> Iterator[tuple[Right, int]]:
    """Each request of the namespace's operator, and the status it was answered with."""
    user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
    for line in plane.audit.read_text().splitlines():
        event = json.loads(line)
        of = event.get("objectRef")
        if event["user"]["username"] == user and of is not None:
            resource = "/".join(part for part in (of["resource"], of.get("subresource")) if part)
            yield (of.get("apiGroup", ""), resource, event["verb"]), event.get("responseStatus", {}).get("code", 0)


def test_a_run_needs_all_that_the_role_gives_and_nothing_else(
    control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path
) -> None:
    player = PodPlayer(api, namespace)
    api.create(GENERATIONS, generation("kept"), namespace=namespace)
    api.create(GENERATIONS, generation("passing", spec_with({"ttlSecondsAfterFinished": 1})), namespace=namespace)
    with (
        running_operator(control_plane, api, namespace, tmp_path) as operator,
        player.playing(lambda pod: published(after_seconds=1)),
    ):
        wait_until(lambda: condition_of(api.get(GENERATIONS, namespace, "kept"), "Succeeded") == "True", "the end")
        wait_until(lambda: api.find(GENERATIONS, namespace, "passing") is None, f"the TTL; see {operator.log}")
        before = {name for name, _ in api.each(JOBS, namespace)}
        api.merge(GENERATIONS, namespace, "kept", {"spec": {"target": {"acceptedSamples": 20}}})
        wait_until(lambda: {name for name, _ in api.each(JOBS, namespace)} - before, "the Job of the raised target")
    requests = set(asked(control_plane, namespace))
    assert {right for right, status in requests if status == 403} == set()
    used = {right for right, _ in requests} | NEVER_ASKED_FOR
    assert used <= set(given()), "asked for without a right"
    assert set(given()) <= used, "given, and not needed"


def operator_of(plane: ControlPlane, api: Api, namespace: str) -> Api:
    """The API as the operator's ServiceAccount."""
    path = SERVICE_ACCOUNTS.path(namespace, ACCOUNT, "token")
    return plane.api_with(api.call("POST", path, {"spec": {}})["status"]["token"])


@pytest.mark.parametrize("right", sorted(NEVER_ASKED_FOR))
def test_without_what_is_asked_of_the_roles_alone_no_job_is_made(
    control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path, right: Right
) -> None:
    run = api.create(GENERATIONS, generation("run"), namespace=namespace)
    settings = PodSettings(IMAGE, StoreSettings(STORE), {})
    document = json.dumps(generation("run") | {"metadata": {"name": "run", "namespace": namespace}})
    job = job_manifest("run-0", DatasetGeneration.model_validate_json(document), run, settings)
    let_in(control_plane, api, namespace, tmp_path)
    group, resource, verb = right
    fewer = [
        rule | {"verbs": [each for each in rule["verbs"] if (rule["apiGroups"], rule["resources"], each) != target]}
        for target in [([group], [resource], verb)]
        for rule in role_rules()
    ]
    with operator_of(control_plane, api, namespace) as operator:
        api.merge(ROLES, namespace, ACCOUNT, {"rules": [rule for rule in fewer if rule["verbs"]]})
        with pytest.raises(ApiError) as refused:
            operator.apply(JOBS, job, namespace=namespace)
        assert refused.value.status == 403
        api.merge(ROLES, namespace, ACCOUNT, {"rules": role_rules()})
        operator.apply(JOBS, job, namespace=namespace)
