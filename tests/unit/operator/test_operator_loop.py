"""Passes that fail are put off, runs that wait are woken, and writes are shared by those that work."""

from typing import Any, cast

import pytest

from seedmill.operator.cluster import ApiError, Conflict, Key
from seedmill.operator.main import Operator
from seedmill.operator.observation import RunProgress
from seedmill.operator.reconcile import Reconciler
from seedmill.operator.settings import OperatorSettings, PodSettings, StoreSettings
from seedmill.records.ledger import Ledger
from support.fake_cluster import KEY, FakeCluster, spec

POD = PodSettings("seedmill:1", StoreSettings("s3://datasets"), {"seeding": ["seeding:50051"]})


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "ok"),
        (Conflict(409, "PATCH", "modified"), "conflict"),
        (ApiError(503, "GET", "away"), "error"),
        (ZeroDivisionError(), "error"),
    ],
    ids=["well", "conflict", "API server away", "a mistake of ours"],
)
async def test_a_pass_that_fails_is_put_off_and_ends_nothing(error: Exception | None, result: str) -> None:
    cluster = FakeCluster()
    cluster.create()
    operator = Operator(OperatorSettings(POD), cast("Any", cluster))

    async def fail(key: Key) -> list[Any]:
        raise error or AssertionError

    if error is not None:
        operator.reconciler.cluster = cast("Any", type("Failing", (), {"run": staticmethod(fail)}))
    operator.queue.add(KEY)
    assert await operator._pass(await operator.queue.get()) == result  # pyright: ignore[reportPrivateUsage]
    assert operator.queue.retries == (error is not None)
    assert operator.queue.depth == 0


async def test_a_run_is_woken_by_the_one_whose_dataset_it_waits_for() -> None:
    cluster = FakeCluster()
    other = Key("team-a", "other")
    cluster.create(spec(seeds={"dataset": {"name": "other"}}))
    reconciler = Reconciler(cluster, cluster, POD, lambda: cluster.now)
    await reconciler.reconcile(KEY)
    assert cluster.conditions()["Ready"] == ("False", "DatasetMissing")
    assert reconciler.waiting_for(other) == [KEY]
    cluster.create(key=other)["status"] = {"conditions": [{"type": "Succeeded", "status": "True"}]}
    await reconciler.reconcile(KEY)
    assert cluster.jobs_made == 1
    cluster.delete()
    await reconciler.reconcile(KEY)
    assert reconciler.waiting_for(other) == []


async def test_runs_are_asked_less_often_the_more_there_are() -> None:
    cluster = FakeCluster(answer=RunProgress("generating", Ledger(pending=1)))
    cluster.create()
    reconciler = Reconciler(cluster, cluster, POD, lambda: cluster.now)
    for _ in range(2):
        await reconciler.reconcile(KEY)
        cluster.settle()
        cluster.start_pods()
    assert await reconciler.reconcile(KEY) == 15
    assert reconciler.active == {KEY}
    reconciler.active |= {Key("team-b", str(number)) for number in range(999)}
    assert await reconciler.reconcile(KEY) == 200, "a thousand runs: five reports a second"
