"""Many runs, operators that die every few calls, two of them at once: one Job for each run and limits, few writes."""

import asyncio
import random

import pytest

from seedmill.operator.cluster import Conflict, Key
from seedmill.operator.reconcile import Reconciler
from seedmill.operator.settings import PodSettings, StoreSettings
from support.fake_cluster import FakeCluster, Killed, last_words

POD = PodSettings("seedmill:1", StoreSettings("s3://datasets"), {"seeding": ["seeding:50051"]})
RUNS = 30
STATUS_WRITES = 4
"""Of one run from its creation to its end, at most (a started pod, an end, and what two operators wrote)."""


async def storm(cluster: FakeCluster, keys: list[Key], chance: random.Random, rounds: int) -> int:
    """So many passes over runs, most of them cut short. How many died."""
    deaths = 0
    for _ in range(rounds):
        cluster.crash_in = chance.choice([None, *range(7)])
        cluster.crash_after = chance.random() < 0.5
        try:
            # A new process each time: what one had in memory is gone.
            await Reconciler(cluster, cluster, POD, lambda: cluster.now).reconcile(chance.choice(keys))
        except Killed:
            deaths += 1
        except Conflict:
            pass
        cluster.crash_in = None
        cluster.settle()
        if chance.random() < 0.3:
            cluster.start_pods()
        if chance.random() < 0.1:
            cluster.end_pods(*chance.choice([(137, ""), (0, last_words()), (0, last_words())]))
        cluster.advance(1)
    return deaths


@pytest.mark.parametrize("seed", range(5))
async def test_no_job_is_lost_and_none_is_made_twice(seed: int) -> None:
    chance = random.Random(seed)
    cluster = FakeCluster()
    keys = [Key("team-a", f"run-{number}") for number in range(RUNS)]
    for key in keys:
        cluster.create(key=key)
    assert await storm(cluster, keys, chance, 400) > 50
    for _ in range(4):
        for key in keys:
            await Reconciler(cluster, cluster, POD, lambda: cluster.now).reconcile(key)
        cluster.settle()
        cluster.start_pods()
        cluster.end_pods(0, last_words())
        cluster.settle()
    assert cluster.jobs_made == RUNS
    for key in keys:
        assert cluster.conditions(key)["Succeeded"] == ("True", "TargetReached")
        metadata = cluster.runs[key]["metadata"]
        assert not {"annotations", "finalizers"} & metadata.keys()
    assert cluster.writes.count("status") <= STATUS_WRITES * RUNS


async def test_two_operators_that_look_at_the_same_moment_make_one_job_and_tell_once() -> None:
    cluster = FakeCluster()
    cluster.create()
    key = next(iter(cluster.runs))
    both = [Reconciler(cluster, cluster, POD, lambda: cluster.now) for _ in range(2)]
    for act in (lambda: None, cluster.start_pods, lambda: cluster.end_pods(0, last_words())):
        act()
        cluster.settle()
        results = await asyncio.gather(*(each.reconcile(key) for each in both), return_exceptions=True)
        assert all(isinstance(result, Conflict | float | None) for result in results)
        cluster.settle()
    assert cluster.jobs_made == 1
    assert [event.reason for event in cluster.events] == ["Started", "TargetReached"]
