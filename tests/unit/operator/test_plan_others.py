"""Other resources and other owners: what a run waits for, and what is left alone."""

import pytest

from seedmill.operator.actions import CreateJob
from seedmill.operator.cluster import Key
from seedmill.operator.observation import Other
from seedmill.operator.plan import Plan
from support.fake_cluster import KEY, FakeCluster, spec
from support.operator_stage import GENERATING, Stage, planned


def chained(cluster: FakeCluster) -> None:
    cluster.create(spec(seeds={"dataset": {"name": "other"}}))


@pytest.mark.parametrize(("other", "reason"), [(Other.MISSING, "DatasetMissing"), (Other.NOT_YET, "DatasetNotReady")])
def test_a_chained_run_waits_for_the_dataset(other: Other, reason: str) -> None:
    cluster = FakeCluster()
    chained(cluster)
    waiting = planned(cluster, other=other)
    assert not waiting.actions
    assert waiting.requeue_seconds is not None
    assert waiting.status is not None
    assert waiting.status["conditions"][0] | {"message": ""} == {
        "type": "Ready", "status": "False", "reason": reason, "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
    }  # fmt: skip
    assert [type(action) for action in planned(cluster, other=Other.SUCCEEDED).actions] == [CreateJob]


async def test_a_chained_run_that_has_begun_keeps_to_what_it_found() -> None:
    stage = Stage(FakeCluster(answer=GENERATING))
    chained(stage.cluster)
    other = stage.cluster.create(key=Key("team-a", "other"))
    other["status"] = {"conditions": [{"type": "Succeeded", "status": "True"}]}
    await stage.running()
    other["status"] = {"conditions": [{"type": "Succeeded", "status": "Unknown"}]}
    stage.cluster.edit(target={"acceptedSamples": 200})
    await stage.act()
    stage.cluster.end_leaving_pods()
    stage.cluster.settle()
    await stage.act()
    assert stage.cluster.jobs_made == 2


def test_a_run_cannot_be_made_from_itself() -> None:
    cluster = FakeCluster()
    cluster.create(spec(seeds={"dataset": {"name": KEY.name}}))
    refused = planned(cluster, mine=Other.NOT_YET)
    assert refused.status is not None
    assert refused.status["state"] == "InvalidSpec"


def test_what_another_controller_manages_is_left_alone() -> None:
    cluster = FakeCluster()
    cluster.create(spec(managedBy="example.com/other"))
    assert planned(cluster) == Plan()
    cluster.create(spec(managedBy="seedmill.dev/operator"))
    assert planned(cluster).actions


def test_what_is_being_deleted_is_left_alone() -> None:
    cluster = FakeCluster()
    cluster.create(deletionTimestamp="2026-01-01T00:00:00Z")
    assert planned(cluster) == Plan()


async def test_a_resource_made_again_waits_for_the_pod_of_the_one_before(stage: Stage) -> None:
    await stage.running()
    stage.cluster.delete()
    stage.cluster.create()
    await stage.act()
    assert stage.cluster.jobs_made == 1
    assert stage.condition("Ready") == ("True", "Restarting")
    stage.cluster.end_leaving_pods()
    stage.cluster.settle()
    await stage.act()
    assert stage.cluster.jobs_made == 2


async def test_an_orphaned_job_is_replaced(stage: Stage) -> None:
    await stage.running()
    stage.cluster.job_objects[0]["metadata"]["ownerReferences"] = []
    await stage.act()
    assert not stage.cluster.staying_jobs()
    stage.cluster.end_leaving_pods()
    stage.cluster.settle()
    await stage.act()
    assert stage.cluster.jobs_made == 2


async def test_a_job_that_someone_deleted_is_made_again_once_its_pod_is_gone(stage: Stage) -> None:
    await stage.running()
    stage.cluster.delete_in_background(stage.cluster.job_objects[0])
    await stage.act()
    assert stage.cluster.jobs_made == 1
    stage.cluster.end_leaving_pods()
    stage.cluster.settle()
    await stage.act()
    assert stage.cluster.jobs_made == 2
