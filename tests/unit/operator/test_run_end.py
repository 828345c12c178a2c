"""What is read of a pod that has ended, and what is done without it."""

from datetime import UTC, datetime, timedelta

import pytest

from seedmill.operator.observation import JobEnd, ObservedJob, ObservedPod, observed_job, observed_pod
from seedmill.operator.run_end import Lost, RunEnd, end_of
from support.fake_cluster import last_words

JOB = ObservedJob("mine-01234567", "job-1", "run-1")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def pod(exit_code: int, message: str = "", job_uid: str = "job-1", ended_at: datetime = AT) -> ObservedPod:
    return ObservedPod("p", job_uid, "Succeeded", exit_code=exit_code, ended_at=ended_at, message=message)


def test_the_words_of_another_jobs_pod_do_not_count() -> None:
    assert end_of(JOB, [pod(5, last_words("TooManyFailures", 5), job_uid="job-0")]) is None


def test_the_newest_end_counts() -> None:
    old, new = pod(2, last_words("ModelNotServed", 2)), pod(0, last_words(), ended_at=AT + timedelta(seconds=1))
    end = end_of(JOB, [new, old])
    assert isinstance(end, RunEnd)
    assert end.reason == "TargetReached"


@pytest.mark.parametrize(
    "message",
    ["", "{", "[]", "null", '{"reason": "TargetReached"}', last_words().replace('"requested": 100', '"requested": 7')],
    ids=["none", "cut", "a list", "null", "half", "a ledger that does not balance"],
)
def test_words_that_cannot_be_read_are_lost(message: str) -> None:
    assert end_of(JOB, [pod(0, message)]) is Lost.LOST


def test_an_exit_of_0_with_words_of_no_publication_is_lost() -> None:
    assert end_of(JOB, [pod(0, last_words("Suspended"))]) is Lost.LOST


@pytest.mark.parametrize("reason", ["", "SpecError", "not one word", "9", "X" * 129])
def test_a_reason_that_no_condition_can_carry_becomes_cannot_work(reason: str) -> None:
    end = end_of(JOB, [pod(2, last_words(reason, 2))])
    assert isinstance(end, RunEnd)
    assert end.reason == "CannotWork"
    assert end.message == f"{reason}."


def test_a_failed_job_without_a_final_status_is_lost() -> None:
    """Nobody sets such a Job's limits to anything but endless, but a person may edit it."""
    job = ObservedJob("mine-01234567", "job-1", "run-1", end=JobEnd.FAILED, end_message="BackoffLimitExceeded")
    assert end_of(job, []) is Lost.LOST


def test_objects_with_hardly_anything_in_them_are_read() -> None:
    assert observed_job({"metadata": {"name": "x"}}) == ObservedJob("x", "")
    assert observed_pod({"metadata": {"name": "x"}}) == ObservedPod("x", "", "Pending")


def test_the_container_of_the_run_is_told_from_one_that_a_mesh_adds() -> None:
    statuses = [
        {"name": "proxy", "state": {"terminated": {"exitCode": 0, "message": "bye"}}},
        {"name": "dispatch", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}},
    ]
    seen = observed_pod({"metadata": {"name": "x"}, "status": {"phase": "Running", "containerStatuses": statuses}})
    assert (seen.exit_code, seen.message, seen.started_at) == (None, "", AT)
