"""The operator is killed again and again while runs go on: each ends once, and none ever has two pods that live."""

import random
import time
from collections import Counter
from pathlib import Path

from cluster.api import EVENTS, GENERATIONS, JOBS, Api, Object
from cluster.control_plane import ControlPlane, condition_of
from cluster.ends import published
from cluster.generations import generation
from cluster.operator_process import running_operator
from cluster.pod_player import End, PodPlayer
from cluster.waiting import wait_until

RUNS = 20
KILLS = 10
LONG_SECONDS = 600
RUN_LABEL = "seedmill.dev/run"
SEED = 7


def test_runs_end_once_however_often_the_operator_is_killed(
    control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    names = {f"run-{number}" for number in range(RUNS)}
    player = PodPlayer(api, namespace)
    with (
        running_operator(control_plane, api, namespace, tmp_path) as operator,
        player.playing(lambda pod: published(after_seconds=chance.uniform(0.5, 8))) as played,
    ):
        for name in names:
            api.create(GENERATIONS, generation(name), namespace=namespace)
        for _ in range(KILLS):
            time.sleep(chance.uniform(0, 3))  # from when it works: its start alone takes seconds
            operator.kill()
            operator.start()
        wait_until(lambda: succeeded(api, namespace) == names, f"all ends; see {operator.log}", seconds=90)
    assert Counter(run_of(pod) for pod in played.starts) == dict.fromkeys(names, 1), "a run began twice"
    assert Counter(run_of(job) for job in api.items(JOBS, namespace)) == dict.fromkeys(names, 1)
    ends = [event for event in api.items(EVENTS, namespace) if event["reason"] == "TargetReached"]
    assert Counter(event["regarding"]["name"] for event in ends) <= Counter(names), "an end was told twice"
    for each in api.items(GENERATIONS, namespace):
        assert "finalizers" not in each["metadata"]
        assert not each["metadata"].get("annotations")
        assert each["status"]["ledger"]["accepted"] == 10


def test_limits_raised_meanwhile_never_give_a_run_two_pods(
    control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path
) -> None:
    """Each raise replaces the Job, whose pod takes its time to leave: the next may not begin beside it."""
    chance = random.Random(SEED)
    names = [f"run-{number}" for number in range(RUNS // 2)]
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
