"""Whatever people, controllers and kills do: never two pods at work, and it comes to the end that was asked for.

A drawn story is a list of steps against the small cluster; after each step the invariants are checked, at its end the
world is left in peace and the operator must bring the run to where its spec says. The operator dies in the middle of
calls (`Killed`), before or after they took effect, and a second one looks at what an older moment showed.
"""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seedmill.operator.cluster import Conflict
from seedmill.operator.observation import RunProgress
from seedmill.operator.plan import Rules, job_name, plan
from seedmill.operator.reconcile import Reconciler
from seedmill.operator.settings import PodSettings, StoreSettings
from seedmill.records.ledger import Ledger
from seedmill.spec.model import API_VERSION, KIND
from seedmill.spec.parse import parse
from support.fake_cluster import KEY, FakeCluster, Killed, is_alive, last_words

POD = PodSettings("seedmill:1", StoreSettings("s3://datasets"), {"seeding": ["seeding:50051"]})

TARGETS = (100, 200, 300)

STEPS = st.one_of(
    st.just(("reconcile",)),
    st.tuples(st.just("killed"), st.integers(0, 8), st.booleans()),
    st.just(("settle",)),
    st.just(("start",)),
    st.tuples(st.just("end"), st.sampled_from([0, 1, 2, 5, 137, 143]), st.booleans()),
    st.just(("leave",)),
    st.tuples(st.just("target"), st.sampled_from(TARGETS)),
    st.tuples(st.just("suspend"), st.booleans()),
    st.just(("delete job",)),
    st.just(("lose pods",)),
    st.just(("lose status",)),
    st.just(("make again",)),
    st.tuples(st.just("advance"), st.sampled_from([1, 20, 100, 100_000])),
    st.tuples(st.just("answer"), st.sampled_from(["starting", "generating", "away", "silent"])),
)

ANSWERS = {
    "starting": RunProgress("starting", Ledger()),
    "generating": RunProgress("generating", Ledger(accepted=3, rejected={"format": 4}, pending=2), 10, 20),
    "away": RunProgress("generating", Ledger(accepted=3, pending=2), 10, 20, waiting=(("store", "full"),)),
    "silent": None,
}


def words(cluster: FakeCluster, exit_code: int) -> str:
    target = cluster.runs[KEY]["spec"]["target"]["acceptedSamples"]
    return last_words({2: "ModelNotServed", 5: "TooManyFailures"}.get(exit_code, "TargetReached"), exit_code, target)


def step(cluster: FakeCluster, reconciler: Reconciler, what: tuple[Any, ...]) -> None:
    match what:
        case ("reconcile",):
            asyncio.run(reconciler.reconcile(KEY))
        case ("killed", calls, after):
            cluster.crash_in, cluster.crash_after = calls, after
            try:
                asyncio.run(reconciler.reconcile(KEY))
            except Killed:
                pass
            finally:
                cluster.crash_in = None
        case ("settle",):
            cluster.settle()
        case ("start",):
            cluster.start_pods()
        case ("end", exit_code, with_words):
            cluster.end_pods(exit_code, words(cluster, exit_code) if with_words else "")
        case ("leave",):
            cluster.end_leaving_pods()
        case ("target", target):
            cluster.edit(target={"acceptedSamples": target})
        case ("suspend", wanted):
            cluster.edit(suspend=wanted)
        case ("delete job",):
            for job in list(cluster.job_objects):
                cluster.delete_in_background(job)
        case ("lose pods",):
            cluster.pod_objects = [pod for pod in cluster.pod_objects if is_alive(pod)]
        case ("lose status",):
            cluster.runs[KEY].pop("status", None)
        case ("make again",):
            kept = cluster.runs[KEY]["spec"]
            cluster.delete()
            cluster.create(kept)
        case ("advance", seconds):
            cluster.advance(seconds)
        case ("answer", kind):
            cluster.answer = ANSWERS[kind]
        case _:
            raise AssertionError(what)


def check(cluster: FakeCluster) -> None:
    working = {pod["metadata"]["ownerReferences"][0]["uid"] for pod in cluster.living_pods()}
    assert len(working) <= 1, "pods of two Jobs at work"
    assert len(cluster.staying_jobs()) <= 1, "two Jobs"
    for job in cluster.staying_jobs():
        assert working <= {job["metadata"]["uid"]}, "a Job was made while a pod of another lives"
    metadata = cluster.runs[KEY]["metadata"]
    assert "finalizers" not in metadata
    assert "annotations" not in metadata
    if "status" in cluster.runs[KEY]:
        assert len(str(cluster.runs[KEY]["status"])) < 16_384


def check_at_rest(cluster: FakeCluster) -> None:
    """The same moment again, with what a pod may say already asked: no action, no event, the same status."""
    again = plan(cluster.observed(), Rules(refresh_seconds=1e9))
    assert not [action for action in again.actions if type(action).__name__ != "PollProgress"]
    assert not again.events
    assert again.status == cluster.runs[KEY]["status"]


def in_peace(cluster: FakeCluster, reconciler: Reconciler) -> None:
    """Everything works from now on, until nothing happens any more."""
    for _ in range(40):
        before = (len(cluster.writes), cluster.jobs_made, len(cluster.job_objects), len(cluster.pod_objects))
        asyncio.run(reconciler.reconcile(KEY))
        check(cluster)
        cluster.settle()
        cluster.end_leaving_pods()
        cluster.start_pods()
        asyncio.run(reconciler.reconcile(KEY))
        cluster.end_pods(0, words(cluster, 0))
        cluster.settle()
        cluster.advance(31)
        asyncio.run(reconciler.reconcile(KEY))
        check(cluster)
        after = (len(cluster.writes), cluster.jobs_made, len(cluster.job_objects), len(cluster.pod_objects))
        if before == after:
            return
    raise AssertionError(f"it never comes to rest: {cluster.conditions()}")


@settings(max_examples=400)
@given(st.lists(STEPS, max_size=25))
def test_every_story_ends_well(story: list[tuple[Any, ...]]) -> None:
    cluster = FakeCluster()
    cluster.create()
    for what in story:
        # A new process each time: nothing that is needed may live in memory.
        step(cluster, Reconciler(cluster, cluster, POD, lambda: cluster.now), what)
        check(cluster)
    reconciler = Reconciler(cluster, cluster, POD, lambda: cluster.now)
    in_peace(cluster, reconciler)
    check_at_rest(cluster)
    resource = cluster.runs[KEY]
    conditions, status = cluster.conditions(), resource["status"]
    if conditions["Stalled"][0] == "True":
        assert conditions["Stalled"][1] in ("ModelNotServed", "CannotWork", "TooManyFailures")
    elif conditions["Suspended"][0] == "True":
        assert resource["spec"]["suspend"]
        assert not cluster.living_pods()
    else:
        assert conditions["Succeeded"] == ("True", "TargetReached")
        assert status["dataset"]["rows"] == resource["spec"]["target"]["acceptedSamples"]
    text = json.dumps({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "mine"}, "spec": resource["spec"]})
    assert status["job"] == job_name(parse(text.encode(), "")[0])


@settings(max_examples=200)
@given(st.lists(STEPS, max_size=15))
def test_two_operators_at_once_end_well(story: list[tuple[Any, ...]]) -> None:
    """Each decision is carried out twice, the second time by an operator that looked before the first acted."""
    cluster = FakeCluster()
    cluster.create()
    one = Reconciler(cluster, cluster, POD, lambda: cluster.now)
    for what in story:
        stale = asyncio.run(one._observe(KEY, cluster.runs[KEY]))  # pyright: ignore[reportPrivateUsage]
        resource = stale.resource
        old = plan(stale, Rules())
        version = resource["metadata"]["resourceVersion"]
        step(cluster, one, what)
        if what[0] in ("reconcile", "killed"):
            try:
                looked_at = {**resource, "metadata": {**resource["metadata"], "resourceVersion": version}}
                asyncio.run(one._carry_out(KEY, looked_at, old))  # pyright: ignore[reportPrivateUsage]
            except Conflict:
                pass
        check(cluster)
    in_peace(cluster, one)
    check_at_rest(cluster)
