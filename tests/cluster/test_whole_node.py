"""Runs on a real cluster: both charts, the images of this checkout, gVisor, S3, a teacher. Needs root; minutes."""

import itertools
import json
import secrets
import time
import urllib.request
from pathlib import Path
from typing import Any

import grpc
import pytest

from cluster.api import JOBS, NETWORK_POLICIES, Object
from cluster.elsewhere import NAMESPACE as ELSEWHERE
from cluster.elsewhere import scale
from cluster.images import reference
from cluster.installation import (
    EXECUTION,
    FULL_NAME,
    NAMESPACE,
    OTHER_TEAM,
    OWN_STORE_SECRET,
    RELEASE,
    SERVICES,
    Installation,
    balanced,
    has_succeeded,
    rows,
)
from cluster.waiting import wait_until
from seedmill.serving.channel import LOOKUP_SECONDS
from seedmill.v1alpha1 import execution_pb2, execution_pb2_grpc
from support.cli import seedmill
from support.network_policies import allowed, without_a_part

pytestmark = pytest.mark.timeout(900)

TARGET, WINDOW = 60, 16
LONG_TARGET = 150
STORE_AWAY_SECONDS = 20
DNS_BY_TCP = [str({"port": 53, "protocol": "TCP"}), str({"protocol": "TCP", "port": 53})]
VICTIMS = ("run", "operator", *SERVICES, "store")


def generation(name: str, target: int = TARGET, **spec: Any) -> Object:
    """A run of the scripted teacher, verified in gVisor."""
    return {
        "apiVersion": "seedmill.dev/v1alpha1",
        "kind": "DatasetGeneration",
        "metadata": {"name": name},
        "spec": {
            "recipe": {"selfOssInstruct": {"responsesPerInstruction": 2, "fewShotExamples": 1}},
            "seeds": {"corpus": {"uri": "s3://corpora/functions.jsonl", "licenses": {"allow": ["MIT"]}}},
            "teacher": {"model": "scripted"},
            "execution": {"verdict": "Strict", "timeoutSeconds": 2, "memory": "128Mi"},
            "target": {"acceptedSamples": target},
            "maxInFlight": WINDOW,
            **spec,
        },
    }


@pytest.fixture(scope="module")
def undisturbed(mill: Installation) -> tuple[Object, int]:
    """A long run that nothing happened to, and the prompts that were paid for it."""
    before = paid(mill)
    mill.apply(generation("undisturbed", LONG_TARGET))
    return mill.wait_succeeded("undisturbed"), paid(mill) - before


def test_a_run_makes_what_a_laptop_makes(mill: Installation, tmp_path: Path) -> None:
    mill.apply(generation("first"))
    run = mill.wait_succeeded("first")
    assert run["status"]["ledger"]["accepted"] == TARGET
    assert balanced(run["status"]["ledger"])
    assert "gVisor" in mill.kubectl("-n", EXECUTION, "exec", f"deployment/{FULL_NAME}-execution", "--", "dmesg")
    file = tmp_path / "run.yaml"
    file.write_text(json.dumps(generation("first")))
    options = ["--workdir", tmp_path / "work", "--teacher", f"openai:{mill.teacher_url}"]
    done = seedmill("run", file, *options, timeout=240, **mill.store.environment)
    assert done.returncode == 0, done.stderr
    (local,) = (tmp_path / "work").glob("runs/*/*/dataset/*/")
    made = rows(mill.download(run, mill.store, tmp_path / "downloaded"))
    assert len(made) == TARGET
    assert made == rows(local)
    assert mill.run_file(run)["image"] == reference("seedmill")


def test_a_second_namespace_keeps_its_dataset_in_its_own_store(
    mill: Installation, undisturbed: tuple[Object, int]
) -> None:
    own = {"output": {"store": {"uri": "s3://team-data/sets", "secretRef": {"name": OWN_STORE_SECRET}}}}
    mill.apply(generation("theirs", LONG_TARGET, **own), OTHER_TEAM)
    run = mill.wait_succeeded("theirs", OTHER_TEAM)
    uri: str = run["status"]["dataset"]["uri"]
    assert uri.startswith("s3://team-data/sets/")
    assert mill.data(run, mill.team_store) == mill.data(undisturbed[0])
    kept = mill.store.client().list_objects("datasets", recursive=True)
    assert not [entry.object_name for entry in kept if "theirs" in str(entry.object_name)]


def test_services_scaled_in_mid_run_change_nothing(mill: Installation, undisturbed: tuple[Object, int]) -> None:
    mill.apply(generation("scaled", LONG_TARGET))
    wait_until(lambda: mill.accepted("scaled") > 0 or has_succeeded(mill.run("scaled")), "the first rows", 60)
    slow_down(mill, seconds=2)  # so that it is still running when the pods are there
    try:
        mill.scale(3)
        time.sleep(2 * LOOKUP_SECONDS)  # until the run has seen them
        running = not has_succeeded(mill.run("scaled"))
        mill.scale(1)
    finally:
        slow_down(mill, seconds=0)
    run = mill.wait_succeeded("scaled", seconds=400)
    assert running, "it had ended before it met three pods of a service"
    assert run["status"]["ledger"] == undisturbed[0]["status"]["ledger"]
    assert mill.data(run) == mill.data(undisturbed[0])


def test_what_is_killed_at_random_changes_nothing_and_is_hardly_paid_again(
    mill: Installation, undisturbed: tuple[Object, int]
) -> None:
    expected, paid_undisturbed = undisturbed
    before = paid(mill)
    kills: list[str] = []
    mill.apply(generation("killed", LONG_TARGET))
    wait_until(lambda: mill.pods("run"), "the run's pod", 60)
    for victim in itertools.cycle(VICTIMS):
        if has_succeeded(mill.run("killed")) or kills.count("store") > 1:
            break
        time.sleep(secrets.choice([1, 2, 3]))
        if victim == "store":
            scale(mill.api, ELSEWHERE, "store", 0)
            time.sleep(STORE_AWAY_SECONDS)
            scale(mill.api, ELSEWHERE, "store", 1)
            kills.append(victim)
        elif mill.kill(victim):
            kills.append(victim)
    run = mill.wait_succeeded("killed", seconds=400)
    again = paid(mill) - before - paid_undisturbed
    print(f"{len(kills)} kills ({', '.join(kills)}); {again} of {paid_undisturbed} prompts paid again")  # noqa: T201
    assert set(VICTIMS) <= set(kills)
    assert balanced(run["status"]["ledger"])
    assert run["status"]["ledger"] == expected["status"]["ledger"]
    assert mill.data(run) == mill.data(expected)
    names = [name for name, _ in mill.api.each(JOBS, NAMESPACE) if name.startswith("killed-")]
    assert len(names) == 1
    # A kill costs a window of samples at most, of which each has two prompts under way or not yet durable; what lies
    # beyond the cut at the end is a window, too.
    assert again <= (len(kills) + 1) * WINDOW * 2


def test_calls_without_a_known_certificate_are_refused(mill: Installation) -> None:
    (pod,) = mill.pods("execution")
    target = f"{pod['status']['podIP']}:50051"
    name = (("grpc.ssl_target_name_override", "execution.seedmill.internal"),)
    caller = mill.certificate("aggregation")
    stranger = grpc.ssl_channel_credentials(caller["ca.crt"])
    known = grpc.ssl_channel_credentials(caller["ca.crt"], caller["tls.key"], caller["tls.crt"])
    refused = {grpc.StatusCode.UNAVAILABLE}
    with grpc.insecure_channel(target) as channel:
        assert answer_of(channel) in refused
    with grpc.secure_channel(target, stranger, options=name) as channel:
        assert answer_of(channel) in refused
    with grpc.secure_channel(target, known, options=name) as channel:
        assert answer_of(channel) is grpc.StatusCode.PERMISSION_DENIED


def test_helm_test_passes(mill: Installation) -> None:
    assert "Succeeded" in mill.helm("test", RELEASE, f"--namespace={NAMESPACE}", "--timeout=120s")


def test_every_connection_is_allowed_and_every_rule_is_needed(mill: Installation) -> None:
    """Of all that was seen while the tests above ran."""
    policies = mill.api.items(NETWORK_POLICIES)
    seen = mill.connections()
    assert len(seen) > 20
    assert [each for each in seen if not allowed(policies, *each)] == []
    unneeded = [what for what, fewer in without_a_part(policies) if all(allowed(fewer, *each) for each in seen)]
    # Names are asked by TCP when an answer is too long for UDP, which none is here.
    assert [what for what in unneeded if what.rpartition(" ports ")[2] not in DNS_BY_TCP] == []


def paid(mill: Installation) -> int:
    """Prompts that the teacher has answered since it started."""
    with urllib.request.urlopen(f"{mill.teacher_url.removesuffix('/v1')}/stats", timeout=10) as answer:
        return int(json.load(answer)["paid"])


def slow_down(mill: Installation, seconds: float) -> None:
    """Have the teacher take that much longer for each answer from now on."""
    url = f"{mill.teacher_url.removesuffix('/v1')}/pause?seconds={seconds}"
    urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10).close()


def answer_of(channel: grpc.Channel) -> grpc.StatusCode:
    """To a call of the execution service."""
    stub: Any = execution_pb2_grpc.ExecutionServiceStub(channel)
    try:
        list(stub.Execute(execution_pb2.ExecuteRequest(), timeout=5))
    except grpc.RpcError as error:
        return error.code()  # pyright: ignore
    return grpc.StatusCode.OK
