"""Names and statuses stay small, whatever a run is called and says."""

from seedmill.operator.actions import CreateJob
from seedmill.operator.cluster import Key
from seedmill.operator.observation import RunProgress
from seedmill.operator.plan import Rules, job_name, plan
from seedmill.records.ledger import Ledger
from support.fake_cluster import FakeCluster, last_words
from support.operator_stage import Stage, planned


def test_names_of_jobs_fit_labels() -> None:
    cluster = FakeCluster()
    name = "m" * 40
    key = Key("team-a", name)
    cluster.create(key=key)
    made = plan(cluster.observed(key), Rules()).actions[0]
    assert isinstance(made, CreateJob)
    assert len(made.name) + len("-abcde") <= 63
    assert made.name == job_name(made.generation)


def test_a_status_of_another_version_is_no_obstacle() -> None:
    cluster = FakeCluster()
    cluster.create()["status"] = {"conditions": "none", "shards": [1]}
    assert isinstance(planned(cluster).actions[0], CreateJob)


async def test_a_status_is_small_whatever_a_run_says(stage: Stage) -> None:
    reasons = {f"{number}-{'r' * 150}": number for number in range(1, 500)}
    ledger = Ledger(accepted=10**12, rejected=reasons, failed=reasons)
    waiting = tuple(("inference", "x" * 5000) for _ in range(10))
    stage.cluster.answer = RunProgress("generating", ledger, 10**15, 10**15, 1e9, 1e12, waiting)
    await stage.running()
    status = stage.status
    assert len(str(status)) < 32_768
    assert status["ledger"]["rejectedTotal"] == sum(reasons.values()) == sum(status["ledger"]["rejected"].values())
    assert len(status["ledger"]["rejected"]) <= 64
    await stage.ends(2, last_words("X" * 5000, 2))
    assert len(str(stage.status)) < 32_768
