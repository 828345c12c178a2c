"""How a run ends, and what stands of its end when Job, pod or status are lost."""

import pytest

from support.fake_cluster import KEY, last_words
from support.operator_stage import Stage


@pytest.mark.parametrize(
    ("reason", "succeeded", "suspended", "event"),
    [
        ("TargetReached", ("True", "TargetReached"), "False", "Normal"),
        ("TargetNotReached", ("True", "TargetNotReached"), "False", "Warning"),
        ("BudgetExhausted", ("Unknown", "BudgetExhausted"), "True", "Normal"),
        ("DeadlineExceeded", ("Unknown", "DeadlineExceeded"), "True", "Normal"),
    ],
)
async def test_published_ends(
    stage: Stage, reason: str, succeeded: tuple[str, str], suspended: str, event: str
) -> None:
    await stage.running()
    await stage.ends(0, last_words(reason, rows=70, tokens=900))
    assert stage.condition("Succeeded") == succeeded
    assert stage.condition("Suspended") == (suspended, reason)
    assert stage.condition("Ready") == ("True", reason)
    assert stage.condition("Stalled")[0] == "False"
    partial = suspended == "True"
    assert stage.status["dataset"] == {
        "uri": "s3://datasets/runs/70", "digest": f"{70:064x}", "rows": 70, "partial": partial,
    }  # fmt: skip
    assert stage.status["ledger"]["accepted"] == 70
    assert stage.status["tokens"]["total"] == 900
    assert ("completionTime" in stage.status) == (succeeded[0] == "True")
    assert [each.type for each in stage.cluster.events if each.reason == reason] == [event]


@pytest.mark.parametrize(
    ("exit_code", "reason"), [(2, "ModelNotServed"), (5, "TooManyFailures")], ids=["cannot work", "failures"]
)
async def test_ends_that_a_person_must_clear(stage: Stage, exit_code: int, reason: str) -> None:
    await stage.running()
    await stage.ends(exit_code, last_words(reason, exit_code))
    assert stage.condition("Stalled") == ("True", reason)
    assert stage.condition("Ready") == ("False", reason)
    assert stage.condition("Succeeded") == ("False", reason)
    assert [each.type for each in stage.cluster.events if each.reason == reason] == ["Warning"]
    assert stage.cluster.jobs_made == 1


@pytest.mark.parametrize(("exit_code", "reason"), [(2, "CannotWork"), (5, "TooManyFailures")])
@pytest.mark.parametrize("pod_is_there", [True, False])
async def test_the_exit_status_is_enough_when_the_words_of_a_failure_are_lost(
    stage: Stage, exit_code: int, reason: str, pod_is_there: bool
) -> None:
    await stage.running()
    stage.cluster.end_pods(exit_code, "no JSON")
    stage.cluster.settle()
    if not pod_is_there:
        stage.cluster.pod_objects.clear()
    await stage.act()
    assert stage.condition("Stalled") == ("True", reason)
    assert stage.cluster.jobs_made == 1


async def test_a_run_that_published_without_a_last_message_is_asked_again(stage: Stage) -> None:
    await stage.running()
    await stage.ends(0, "")
    assert stage.condition("Ready") == ("True", "EndLost")
    assert stage.cluster.jobs_made == 1, "not at once: a pod that never leaves words would make a fast loop"
    stage.cluster.advance(31)
    await stage.running()
    await stage.ends(0, last_words())
    assert stage.condition("Succeeded") == ("True", "TargetReached")
    assert stage.cluster.jobs_made == 2


@pytest.mark.parametrize("exit_code", [1, 75, 130, 137, 143])
async def test_all_other_exits_are_left_to_the_job(stage: Stage, exit_code: int) -> None:
    await stage.running()
    await stage.ends(exit_code, last_words("Suspended", exit_code))
    assert stage.condition("Stalled")[0] == "False"
    assert stage.condition("Succeeded")[0] == "Unknown"
    assert stage.cluster.jobs_made == 1
    assert len(stage.cluster.living_pods()) == 1


async def test_an_end_stands_when_job_and_pod_are_gone(stage: Stage) -> None:
    await stage.running()
    await stage.ends(0, last_words())
    stage.cluster.advance(100_000)
    stage.cluster.settle()
    assert not stage.cluster.job_objects
    await stage.act()
    assert stage.condition("Succeeded") == ("True", "TargetReached")
    assert stage.cluster.jobs_made == 1


async def test_a_lost_status_is_found_out_again(stage: Stage) -> None:
    await stage.running()
    await stage.ends(0, last_words())
    told = stage.status
    del stage.cluster.runs[KEY]["status"]
    await stage.act()
    assert stage.status["conditions"] == told["conditions"]
    assert stage.status["dataset"] == told["dataset"]
    assert stage.cluster.jobs_made == 1
