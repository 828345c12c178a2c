"""From the first visit on: what a status says of a run that waits, starts and works."""

import pytest

from seedmill.operator.actions import CreateJob, PollProgress
from seedmill.operator.observation import RunProgress
from seedmill.records.ledger import Ledger
from support.fake_cluster import last_words
from support.operator_stage import GENERATING, Stage, planned

# From the first visit on.


async def test_the_first_visit_makes_the_job_and_all_conditions(stage: Stage) -> None:
    first = planned(stage.cluster)
    name = f"mine-{first.status and first.status['job'][-8:]}"
    assert [action.name for action in first.actions if isinstance(action, CreateJob)] == [name]
    assert first.status is not None
    assert [each["type"] for each in first.status["conditions"]] == [
        "Ready", "Reconciling", "Stalled", "Succeeded", "Suspended", "Degraded",
    ]  # fmt: skip
    assert {each["observedGeneration"] for each in first.status["conditions"]} == {1}
    assert first.status["observedGeneration"] == 1


async def test_a_run_from_beginning_to_end_takes_three_status_writes(stage: Stage) -> None:
    await stage.running()
    await stage.ends(0, last_words())
    assert stage.cluster.writes.count("status") == 3
    assert stage.event_reasons() == ["Started", "TargetReached"]


async def test_times_of_conditions_move_only_with_their_status(stage: Stage) -> None:
    await stage.act()
    stage.cluster.advance(60)
    stage.cluster.start_pods()
    await stage.act()
    times = {each["type"]: each["lastTransitionTime"] for each in stage.status["conditions"]}
    assert stage.condition("Ready") == ("True", "Running")
    assert times["Ready"] == "2026-01-01T00:00:00Z"
    stage.cluster.advance(60)
    await stage.ends(0, last_words())
    times = {each["type"]: each["lastTransitionTime"] for each in stage.status["conditions"]}
    assert times["Succeeded"] == "2026-01-01T00:02:00Z"
    assert times["Stalled"] == "2026-01-01T00:00:00Z"
    assert stage.status["startTime"] == "2026-01-01T00:01:00Z"
    assert stage.status["completionTime"] == "2026-01-01T00:02:00Z"


async def test_a_job_that_kueue_holds_back_is_queued(stage: Stage) -> None:
    stage.cluster.edit(queueName="team-a")
    await stage.act()
    stage.cluster.job_objects[0]["spec"]["suspend"] = True
    stage.cluster.pod_objects.clear()
    await stage.act()
    assert stage.cluster.job_objects[0]["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"
    assert stage.condition("Ready") == ("True", "Queued")
    assert stage.condition("Suspended") == ("True", "Queued")
    assert "team-a" in stage.status["conditions"][0]["message"]


@pytest.mark.parametrize(
    ("waiting", "reason"),
    [
        ("ImagePullBackOff", "ImageUnavailable"),
        ("ErrImagePull", "ImageUnavailable"),
        ("CreateContainerConfigError", "PodRefused"),
    ],
)
async def test_a_pod_that_does_not_start_says_why(stage: Stage, waiting: str, reason: str) -> None:
    await stage.act()
    state = {"waiting": {"reason": waiting}}
    stage.cluster.pod_objects[0]["status"]["containerStatuses"] = [{"name": "dispatch", "state": state}]
    await stage.act()
    assert stage.condition("Ready") == ("False", reason)
    stage.cluster.start_pods()
    await stage.act()
    assert stage.event_reasons() == [reason, "Started", "Recovered"]


async def test_a_pod_without_a_node_says_so(stage: Stage) -> None:
    await stage.act()
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
    stage.cluster.pod_objects[0]["status"]["conditions"] = conditions
    await stage.act()
    assert stage.condition("Ready") == ("False", "PodUnschedulable")


# Progress.


async def test_progress_is_asked_for_and_reported(stage: Stage) -> None:
    stage.cluster.answer = GENERATING
    await stage.running()
    assert stage.condition("Ready") == ("True", "Generating")
    assert stage.status["ledger"]["requested"] == 45
    assert stage.status["ledger"]["rejected"] == {"format": 30}
    assert stage.status["tokens"] == {"prompt": 1000, "completion": 500, "total": 1500}
    told = {"yield": "25 %", "rate": "30/min", "eta": "3m", "updatedAt": "2026-01-01T00:00:00Z"}
    assert stage.status["progress"] == told


async def test_progress_is_not_asked_for_at_each_event(stage: Stage) -> None:
    stage.cluster.answer = GENERATING
    await stage.running()
    assert not [action for action in planned(stage.cluster).actions if isinstance(action, PollProgress)]
    stage.cluster.advance(15)
    assert planned(stage.cluster).actions == (PollProgress("10.0.0.1"),)
    stage.cluster.advance(-3600)
    assert planned(stage.cluster).actions == (PollProgress("10.0.0.1"),), "a clock that was set back"


async def test_a_pod_that_does_not_answer_changes_nothing(stage: Stage) -> None:
    stage.cluster.answer = GENERATING
    await stage.running()
    told, stage.cluster.answer = stage.status, None
    stage.cluster.advance(60)
    await stage.act()
    assert stage.status == told


async def test_a_process_that_has_just_begun_does_not_take_the_ledger_back(stage: Stage) -> None:
    stage.cluster.answer = GENERATING
    await stage.running()
    stage.cluster.answer = RunProgress("starting", Ledger())
    stage.cluster.advance(60)
    await stage.act()
    assert stage.status["ledger"]["accepted"] == 10
    assert stage.status["tokens"]["total"] == 1500


@pytest.mark.parametrize(
    ("dependency", "reason"),
    [
        ("inference", "InferenceUnavailable"),
        ("execution", "ExecutionUnavailable"),
        ("seeding", "SeedingUnavailable"),
        ("aggregation", "AggregationUnavailable"),
        ("store", "StoreUnavailable"),
    ],
)
async def test_what_a_run_waits_for_is_the_reason_that_it_is_not_ready(
    stage: Stage, dependency: str, reason: str
) -> None:
    stage.cluster.answer = GENERATING
    await stage.running()
    stage.cluster.answer = RunProgress("generating", GENERATING.ledger, waiting=((dependency, "refused"),))
    stage.cluster.advance(60)
    await stage.act()
    assert stage.condition("Ready") == ("False", reason)
    assert stage.condition("Stalled")[0] == "False"
    assert stage.status["progress"]["waiting"] == f"{dependency}: refused"
    stage.cluster.answer = GENERATING
    stage.cluster.advance(60)
    await stage.act()
    assert stage.condition("Ready") == ("True", "Generating")
    assert stage.event_reasons() == ["Started", reason, "Recovered"]


async def test_many_failures_degrade_before_they_stop(stage: Stage) -> None:
    stage.cluster.answer = RunProgress("generating", Ledger(accepted=97, failed={"infra": 3}))
    await stage.running()
    assert stage.condition("Degraded") == ("True", "FailuresHigh")
    await stage.ends(0, last_words())
    assert stage.condition("Degraded") == ("False", "WithinLimits")


async def test_a_pod_that_ends_early_again_and_again_degrades(stage: Stage) -> None:
    for _ in range(3):
        await stage.running()
        await stage.ends(137)
    assert stage.condition("Degraded") == ("True", "PodRestarts")
