"""The operator is killed again and again while runs go on: each ends once, and none ever has two pods that live."""

import json
import random
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from cluster.api import EVENTS, GENERATIONS, JOBS, Api, Object
from cluster.control_plane import ControlPlane, condition_of
from cluster.ends import published
from cluster.generations import generation
from cluster.operator_process import ACCOUNT, Operator, let_in, running_operator
from cluster.pod_player import End, PodPlayer
from cluster.waiting import wait_until

STORM_RUNS = 100
STORM_SECONDS = 60
MOST_STATUS_WRITES = 4
RUNS = 10
KILLS = 10
LONG_SECONDS = 600
RUN_LABEL = "seedmill.dev/run"
SEED = 7


@pytest.mark.parametrize("operators", [1, 2])
@pytest.mark.timeout(400)
def test_a_storm_of_kills_makes_no_job_twice_and_hardly_a_write(
    control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path, operators: int
) -> None:
    chance = random.Random(SEED)
    names = [f"run-{number}" for number in range(STORM_RUNS)]
    kubeconfig = let_in(control_plane, api, namespace, tmp_path)
    alive = [Operator(kubeconfig, namespace, tmp_path / f"operator-{number}.log") for number in range(operators)]
    kills = 0
    with ExitStack() as stack:
        for operator in alive:
            stack.callback(operator.kill)
            operator.start()
        script = stack.enter_context(
            PodPlayer(api, namespace).playing(lambda pod: published(after_seconds=chance.uniform(0.5, 8)))
        )
        for name in names:
            api.create(GENERATIONS, generation(name), namespace=namespace)
        until = time.monotonic() + STORM_SECONDS
        while time.monotonic() < until:
            time.sleep(chance.uniform(1, 3))
            operator = chance.choice(alive)
            operator.kill()
            operator.begin()  # the next kill may come before it works
            kills += 1
        for operator in alive:
            operator.kill()
            operator.start()
        wait_until(lambda: succeeded(api, namespace) == {*names}, f"all ends; see {tmp_path}", seconds=120)
    assert kills >= STORM_SECONDS / 4
    jobs = api.items(JOBS, namespace)
    assert Counter(run_of(job) for job in jobs) == dict.fromkeys(names, 1)
    made = {pod["metadata"]["ownerReferences"][0]["uid"] for pod in script.starts}
    assert made == {job["metadata"]["uid"] for job in jobs}, "a Job was made, and made again"
    writes = status_writes(control_plane, namespace)
    print(f"{operators} operators, {kills} kills, status writes per run: {dict(Counter(writes.values()))}")  # noqa: T201
    assert writes.keys() == {*names}
    assert max(writes.values()) <= MOST_STATUS_WRITES
    ends = [event for event in api.items(EVENTS, namespace) if event["reason"] == "TargetReached"]
    assert Counter(event["regarding"]["name"] for event in ends) <= Counter(names), "an end was told twice"
    for each in api.items(GENERATIONS, namespace):
        assert not {"annotations", "finalizers"} & each["metadata"].keys()
        assert each["status"]["ledger"]["accepted"] == 10


def status_writes(plane: ControlPlane, namespace: str) -> Counter[str]:
    """How often the operators of a namespace wrote the status of each run."""
    user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
    written: Counter[str] = Counter()
    for line in plane.audit.read_text().splitlines():
        event = json.loads(line)
        of: Object = event.get("objectRef") or {}
        if event["user"]["username"] == user and of.get("subresource") == "status" and event["verb"] == "patch":
            written[of["name"]] += event["responseStatus"]["code"] == 200
    return written


def test_limits_raised_meanwhile_never_give_a_run_two_pods(
    control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path
) -> None:
    """Each raise replaces the Job, whose pod takes its time to leave: the next may not begin beside it."""
    chance = random.Random(SEED)
    names = [f"run-{number}" for number in range(RUNS)]
    player = PodPlayer(api, namespace)
    together: list[str] = []

    def script(pod: Object) -> End:
        others = [each for each in player.pods(f"{RUN_LABEL}={run_of(pod)}") if each["metadata"] != pod["metadata"]]
        together.extend(run_of(each) for each in others if each["status"]["phase"] in ("Pending", "Running"))
        return published(after_seconds=LONG_SECONDS)

    with (
        running_operator(control_plane, api, namespace, tmp_path) as operator,
        player.playing(script, leave_seconds=1) as played,
    ):
        for name in names:
            api.create(GENERATIONS, generation(name), namespace=namespace)
        for target in range(20, 20 + KILLS):
            time.sleep(chance.uniform(0, 3))
            api.merge(GENERATIONS, namespace, chance.choice(names), {"spec": {"target": {"acceptedSamples": target}}})
            time.sleep(chance.uniform(0, 1))
            operator.kill()
            operator.start()
        played.hurried = True
        wait_until(lambda: followed(api, namespace) == set(names), f"all ends; see {operator.log}", seconds=90)
    assert not together
    assert len(played.starts) > len(names), "no raise came in time to replace anything"
    assert Counter(run_of(job) for job in api.items(JOBS, namespace)) == dict.fromkeys(names, 1)


def followed(api: Api, namespace: str) -> set[str]:
    """Runs that succeeded as they are now."""
    return {
        each["metadata"]["name"]
        for each in api.items(GENERATIONS, namespace)
        if condition_of(each, "Succeeded") == "True"
        and each["status"]["observedGeneration"] == each["metadata"]["generation"]
    }


def succeeded(api: Api, namespace: str) -> set[str]:
    runs = api.items(GENERATIONS, namespace)
    return {each["metadata"]["name"] for each in runs if condition_of(each, "Succeeded") == "True"}


def run_of(manifest: Object) -> str:
    """The run that a Job or a pod belongs to."""
    return manifest["metadata"]["labels"][RUN_LABEL]
