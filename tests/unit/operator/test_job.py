"""The Job of a run: what the Job controller, the chart and the pod's own command line read of it."""

import json
from dataclasses import replace
from typing import Any

from typer.testing import CliRunner

from seedmill.cli.main import app
from seedmill.operator.job import job_manifest, resource_text
from seedmill.operator.plan import job_name
from seedmill.operator.settings import PodSettings, StoreSettings
from seedmill.spec.digest import spec_digest
from seedmill.spec.model import API_VERSION, KIND, DatasetGeneration
from seedmill.spec.parse import parse
from seedmill.storage import ACCESS_VARIABLES
from support.fake_cluster import spec
from support.pod_security import restricted_violations
from support.requirements import ROOT

RESOURCE = {"metadata": {"name": "mine", "namespace": "team-a", "uid": "run-1"}}
POD = PodSettings(
    "seedmill:1",
    StoreSettings("s3://datasets/x", "https://s3", "eu", "store", ca_config_map="ca"),
    {"seeding": ["dns:///seeding:50051"], "aggregation": ["a:1", "b:1"], "execution": ["execution:1"]},
    pull_secrets=("pull",),
    service_account="runs",
)


def generation(**changes: Any) -> DatasetGeneration:
    metadata = {"name": "mine", "namespace": "team-a"}
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec(**changes)}
    return parse(json.dumps(document).encode(), "")[0]


def manifest(**changes: Any) -> dict[str, Any]:
    made = generation(**changes)
    return job_manifest(job_name(made), made, RESOURCE, POD)


def container(job: dict[str, Any]) -> dict[str, Any]:
    return job["spec"]["template"]["spec"]["containers"][0]


def test_the_job_restarts_its_one_pod_until_an_end_and_never_has_two() -> None:
    job = manifest()["spec"]
    assert (job["completions"], job["parallelism"], job["backoffLimit"]) == (1, 1, 2147483647)
    assert job["podReplacementPolicy"] == "Failed"
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert job["podFailurePolicy"]["rules"] == [
        {"action": "FailJob", "onExitCodes": {"containerName": "dispatch", "operator": "In", "values": [2, 5]}},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]


def test_the_job_goes_with_its_run() -> None:
    (owner,) = manifest()["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": API_VERSION, "kind": KIND, "name": "mine", "uid": "run-1",
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def test_labels_are_those_that_the_charts_policies_know_a_run_by() -> None:
    template = (ROOT / "charts" / "seedmill" / "templates" / "_names.tpl").read_text()
    job = manifest()
    labels = job["spec"]["template"]["metadata"]["labels"]
    for name in ("app.kubernetes.io/name", "app.kubernetes.io/component"):
        assert f"{name}: {labels[name]}" in template
    assert labels["seedmill.dev/run"] == job["metadata"]["labels"]["seedmill.dev/run"] == "mine"
    assert "app.kubernetes.io/instance" not in labels | job["metadata"]["labels"], "Argo CD would prune it"


def test_the_pod_meets_the_restricted_standard() -> None:
    pod = manifest()["spec"]["template"]["spec"]
    assert restricted_violations(pod) == []
    assert pod["automountServiceAccountToken"] is False
    assert container(manifest())["securityContext"]["readOnlyRootFilesystem"] is True


def test_its_command_line_is_one_that_seedmill_takes() -> None:
    """Up to what only a cluster has: without a resource in the environment it says so, and nothing else."""
    command = container(manifest())
    assert command["command"] == ["seedmill"]
    without_log = [each for each in command["args"] if not each.startswith("--termination-log")]
    told = CliRunner().invoke(app, without_log, env={"SEEDMILL_RESOURCE": ""})
    assert "No such option" not in told.output
    assert "give --resource FILE" in f"{told.output}{told.exception}"
    assert {"--store=s3://datasets/x", "--seeding=dns:///seeding:50051", "--aggregation=a:1", "--aggregation=b:1"} <= {
        *command["args"]
    }


def test_the_pod_gets_the_same_run_as_the_operator_read() -> None:
    given = generation(budget={"maxCost": "400.50", "pricePerMillionTokens": {"input": "0.1", "output": "0.2"}})
    read = parse(resource_text(given).encode(), "")[0]
    assert read == given
    assert spec_digest(read) == spec_digest(given)


def test_what_changes_nothing_in_the_pod_is_neither_in_it_nor_in_the_jobs_name() -> None:
    changes: dict[str, Any] = {
        "suspend": True,
        "queueName": "q",
        "priorityClassName": "p",
        "managedBy": "seedmill.dev/operator",
    }
    changed, plain = generation(**changes, ttlSecondsAfterFinished=3), generation()
    assert resource_text(changed) == resource_text(plain)
    assert job_name(changed) == job_name(plain)


def test_another_retention_is_another_job_and_none_is_the_job_of_versions_that_knew_none() -> None:
    names = {job_name(generation(output=output)) for output in ({}, {"retention": {"publications": 2}})}
    assert len(names) == 2
    given = generation(output={"retention": {"publications": 2}})
    assert parse(resource_text(given).encode(), "")[0] == given
    assert job_name(generation()) == "mine-695d5baf"


def test_kueue_and_the_scheduler_hear_of_queue_and_priority() -> None:
    job = manifest(queueName="team-a", priorityClassName="low")
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"
    assert job["spec"]["template"]["spec"]["priorityClassName"] == "low"
    assert "suspend" not in job["spec"], "Kueue's own"


def test_the_release_store_comes_with_keys_by_reference() -> None:
    variables = {each["name"]: each for each in container(manifest())["env"]}
    assert variables["SEEDMILL_IMAGE"]["value"] == container(manifest())["image"]
    assert variables["SEEDMILL_S3_ENDPOINT"]["value"] == "https://s3"
    assert variables["AWS_SECRET_ACCESS_KEY"]["valueFrom"]["secretKeyRef"] == {
        "name": "store", "key": "AWS_SECRET_ACCESS_KEY",
    }  # fmt: skip
    assert variables["SSL_CERT_FILE"]["value"] == "/etc/seedmill/ca/ca.crt"


def test_the_pod_gets_its_certificate_when_the_operator_has_a_secret_for_it() -> None:
    made = generation()
    plain = json.dumps(job_manifest(job_name(made), made, RESOURCE, POD))
    assert "SEEDMILL_TLS" not in plain
    job = job_manifest(job_name(made), made, RESOURCE, replace(POD, tls_secret="run-tls"))
    pod = job["spec"]["template"]["spec"]
    assert {"name": "SEEDMILL_TLS", "value": "/run/seedmill/tls"} in container(job)["env"]
    assert {"name": "tls", "mountPath": "/run/seedmill/tls", "readOnly": True} in container(job)["volumeMounts"]
    assert {"name": "tls", "secret": {"secretName": "run-tls", "defaultMode": 0o440}} in pod["volumes"]
    assert pod["securityContext"]["fsGroup"], "who else could read the key"
    assert restricted_violations(pod) == []


def test_a_store_of_the_runs_own_comes_with_its_secret_and_nothing_of_the_releases() -> None:
    own = {"store": {"uri": "s3://mine/x", "secretRef": {"name": "own"}}}
    made = container(manifest(output=own))
    assert "--store=s3://mine/x" in made["args"]
    given = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in made["env"] if "valueFrom" in each}
    assert set(given) == set(ACCESS_VARIABLES)
    assert {each["name"] for each in given.values()} == {"own"}
    assert {key for key, each in given.items() if not each["optional"]} == {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    }
    assert not {each["name"] for each in made["env"] if "value" in each} & set(ACCESS_VARIABLES)
    assert "envFrom" not in made, "a Secret does not choose the rest of the environment"
    assert manifest(output=own)["metadata"]["name"] != manifest()["metadata"]["name"]
    moved = {"store": {**own["store"], "endpoint": "https://s3.mine"}}
    assert manifest(output=moved)["metadata"]["name"] != manifest(output=own)["metadata"]["name"]
