"""There and back: suspend and resume, and limits that are raised."""

from typing import Any

import pytest

from support.fake_cluster import last_words
from support.operator_stage import Stage


async def test_suspend_ends_the_pod_and_resume_makes_the_same_job_again(stage: Stage) -> None:
    await stage.running()
    name = stage.cluster.job_objects[0]["metadata"]["name"]
    stage.cluster.edit(suspend=True)
    await stage.act()
    assert stage.condition("Ready") == ("True", "Suspending")
    assert stage.condition("Suspended")[0] == "False", "its pod still works"
    stage.cluster.end_leaving_pods()
    stage.cluster.settle()
    await stage.act()
    assert stage.condition("Suspended") == ("True", "Suspended")
    assert stage.condition("Succeeded")[0] == "Unknown"
    assert not stage.cluster.job_objects
    stage.cluster.edit(suspend=False)
    await stage.act()
    assert [job["metadata"]["name"] for job in stage.cluster.job_objects] == [name]
    assert stage.condition("Suspended")[0] == "False"
    assert stage.event_reasons() == ["Started", "Suspended", "Resumed"]


async def test_a_run_is_suspended_only_when_its_pod_is_gone_even_if_the_job_went_first(stage: Stage) -> None:
    await stage.running()
    stage.cluster.edit(suspend=True)
    stage.cluster.delete_in_background(stage.cluster.job_objects[0])
    await stage.act()
    assert stage.condition("Suspended")[0] == "False"
    stage.cluster.end_leaving_pods()
    stage.cluster.settle()
    await stage.act()
    assert stage.condition("Suspended") == ("True", "Suspended")


async def test_resuming_at_once_waits_for_the_job_that_is_on_its_way_out(stage: Stage) -> None:
    await stage.running()
    stage.cluster.edit(suspend=True)
    await stage.act()
    stage.cluster.edit(suspend=False)
    await stage.act()
    assert stage.condition("Ready") == ("True", "Restarting")
    assert stage.cluster.jobs_made == 1
    stage.cluster.end_leaving_pods()
    stage.cluster.settle()
    await stage.act()
    assert stage.cluster.jobs_made == 2


async def test_a_run_that_is_suspended_from_the_first_makes_no_job(stage: Stage) -> None:
    stage.cluster.edit(suspend=True)
    await stage.act()
    assert stage.condition("Suspended") == ("True", "Suspended")
    assert stage.cluster.jobs_made == 0


async def test_an_end_is_not_lost_to_suspend(stage: Stage) -> None:
    await stage.running()
    stage.cluster.edit(suspend=True)
    await stage.ends(0, last_words())
    assert stage.condition("Succeeded") == ("True", "TargetReached")
    assert stage.condition("Suspended")[0] == "False"


async def test_suspend_and_resume_try_a_failed_run_anew(stage: Stage) -> None:
    await stage.running()
    await stage.ends(5, last_words("TooManyFailures", 5))
    stage.cluster.edit(suspend=True)
    await stage.act()
    assert stage.condition("Stalled")[0] == "False"
    stage.cluster.edit(suspend=False)
    await stage.running()
    await stage.ends(0, last_words())
    assert stage.condition("Succeeded")[0] == "True"
    assert stage.cluster.jobs_made == 2


@pytest.mark.parametrize(
    "change",
    [
        {"target": {"acceptedSamples": 200}},
        {"budget": {"maxTokens": 10_000}},
        {"maxInFlight": 7},
        {"failurePolicy": {"maxFailedPercent": 50}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_changed_limit_ends_the_old_job_before_the_next(stage: Stage, change: dict[str, Any]) -> None:
    await stage.running()
    old = stage.cluster.job_objects[0]
    stage.cluster.edit(**change)
    await stage.act()
    assert stage.cluster.job_objects == [old], "its pod still works"
    assert stage.condition("Reconciling") == ("True", "Restarting")
    stage.cluster.end_leaving_pods()
    stage.cluster.settle()
    await stage.act()
    assert [job["metadata"]["name"] != old["metadata"]["name"] for job in stage.cluster.job_objects] == [True]
    assert stage.condition("Reconciling")[0] == "False"


@pytest.mark.parametrize("reason", ["TargetReached", "BudgetExhausted"])
async def test_raising_a_limit_continues_a_run_that_had_ended(stage: Stage, reason: str) -> None:
    await stage.running()
    await stage.ends(0, last_words(reason))
    stage.cluster.edit(target={"acceptedSamples": 500})
    await stage.act()
    assert stage.condition("Succeeded")[0] == "Unknown"
    assert stage.condition("Suspended")[0] == "False"
    assert "completionTime" not in stage.status
    assert stage.status["dataset"]["rows"] == 100, "what is published stays"
    await stage.running()
    await stage.ends(0, last_words(rows=500))
    assert stage.condition("Succeeded")[0] == "True"
    assert stage.status["dataset"]["rows"] == 500


@pytest.mark.parametrize(
    "change", [{"queueName": "other"}, {"priorityClassName": "low"}, {"ttlSecondsAfterFinished": 1}]
)
async def test_what_changes_nothing_in_the_pod_leaves_the_job(stage: Stage, change: dict[str, Any]) -> None:
    await stage.running()
    stage.cluster.edit(**change)
    await stage.act()
    assert stage.cluster.jobs_made == 1
    assert stage.cluster.writes.count("delete job") == 0
    assert stage.status["observedGeneration"] == 2
