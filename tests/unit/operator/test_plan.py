"""What the operator decides: each end of a run, each way there and back, and what it must never do."""

from dataclasses import dataclass
from typing import Any

import pytest

from seedmill.operator.actions import CreateJob, DeleteRun, PollProgress
from seedmill.operator.cluster import Key
from seedmill.operator.observation import Other, RunProgress
from seedmill.operator.plan import Plan, Rules, job_name, plan
from seedmill.operator.reconcile import Reconciler
from seedmill.operator.settings import PodSettings, StoreSettings
from seedmill.records.ledger import Ledger
from seedmill.spec.parse import Finding
from support.fake_cluster import KEY, FakeCluster, last_words, spec

POD = PodSettings("seedmill:1", StoreSettings("s3://datasets"), {"seeding": ["seeding:50051"]})
GENERATING = RunProgress("generating", Ledger(accepted=10, rejected={"format": 30}, pending=5), 1000, 500, 0.5, 180)


@dataclass
class Stage:
    """A cluster with one run and an operator that a test lets act."""

    cluster: FakeCluster

    async def act(self) -> None:
        """Reconcile until nothing is written any more."""
        reconciler = Reconciler(self.cluster, self.cluster, POD, lambda: self.cluster.now)
        for _ in range(10):
            before = len(self.cluster.writes)
            await reconciler.reconcile(KEY)
            self.cluster.settle()
            if len(self.cluster.writes) == before:
                return
        raise AssertionError(f"the operator does not come to rest: {self.cluster.writes}")

    async def running(self) -> None:
        await self.act()
        self.cluster.start_pods()
        await self.act()

    async def ends(self, exit_code: int, message: str = "") -> None:
        self.cluster.end_pods(exit_code, message)
        self.cluster.settle()
        await self.act()

    @property
    def status(self) -> dict[str, Any]:
        return self.cluster.runs[KEY]["status"]

    def condition(self, name: str) -> tuple[str, str]:
        return self.cluster.conditions()[name]

    def event_reasons(self) -> list[str]:
        return [event.reason for event in self.cluster.events]


@pytest.fixture
def stage() -> Stage:
    cluster = FakeCluster()
    cluster.create()
    return Stage(cluster)


def planned(cluster: FakeCluster, **others: Other) -> Plan:
    return plan(cluster.observed(**others), Rules())


# How a run ends.


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


# suspend and resume, raising limits.


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


# What is refused.


async def test_a_spec_that_does_not_parse_is_told_in_the_users_words(stage: Stage) -> None:
    stage.cluster.edit(target={"acceptedSamples": 0}, recipe={})
    await stage.act()
    assert stage.condition("Stalled") == ("True", "InvalidSpec")
    message = stage.status["conditions"][0]["message"]
    assert "spec.target.acceptedSamples" in message
    assert "spec.recipe" in message
    assert "1:" not in message, "a resource has no lines"
    assert stage.cluster.jobs_made == 0
    stage.cluster.edit(**spec())
    await stage.act()
    assert stage.condition("Stalled")[0] == "False"
    assert stage.cluster.jobs_made == 1


def test_checks_of_the_installation_are_asked() -> None:
    cluster = FakeCluster()
    cluster.create()
    rules = Rules(checks=(lambda _: [Finding(("spec", "decontamination"), "there is no index of Foo")],))
    refused = plan(cluster.observed(), rules)
    assert refused.status is not None
    assert refused.status["conditions"][0]["message"] == "spec.decontamination: there is no index of Foo"


@pytest.mark.parametrize("has_begun", [True, False])
async def test_an_edit_that_makes_other_data_is_followed_only_before_candidates_were_begun(
    stage: Stage, has_begun: bool
) -> None:
    stage.cluster.answer = GENERATING if has_begun else RunProgress("collecting seeds", Ledger())
    await stage.running()
    digest = stage.status["specDigest"]
    stage.cluster.edit(randomSeed=1)
    await stage.act()
    if not has_begun:
        assert stage.condition("Reconciling") == ("True", "Restarting")
        assert stage.status["specDigest"] != digest
        return
    assert stage.condition("Stalled") == ("True", "SpecChanged")
    assert stage.cluster.writes.count("delete job") == 0, "the run goes on as it was"
    assert stage.status["specDigest"] == digest
    stage.cluster.edit(randomSeed=0)
    await stage.act()
    assert stage.condition("Ready") == ("True", "Running")
    assert stage.cluster.jobs_made == 1
    assert stage.event_reasons() == ["Started", "SpecChanged", "Recovered"]


async def test_an_end_survives_an_edit_that_is_refused_and_undone(stage: Stage) -> None:
    await stage.running()
    await stage.ends(0, last_words())
    stage.cluster.edit(randomSeed=1)
    await stage.act()
    assert stage.condition("Stalled") == ("True", "SpecChanged")
    assert stage.condition("Succeeded") == ("True", "TargetReached")
    stage.cluster.edit(randomSeed=0)
    await stage.act()
    assert stage.condition("Stalled")[0] == "False"
    assert stage.condition("Succeeded") == ("True", "TargetReached")
    assert stage.cluster.jobs_made == 1


# Other resources, other owners.


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


# Time to live.


async def test_the_ttl_deletes_what_has_succeeded(stage: Stage) -> None:
    stage.cluster.edit(ttlSecondsAfterFinished=600)
    await stage.running()
    await stage.ends(0, last_words())
    assert planned(stage.cluster).requeue_seconds == 600
    stage.cluster.advance(600)
    assert planned(stage.cluster) == Plan((DeleteRun(),))


@pytest.mark.parametrize("reason", ["BudgetExhausted", "ModelNotServed"])
async def test_the_ttl_leaves_what_has_not(stage: Stage, reason: str) -> None:
    stage.cluster.edit(ttlSecondsAfterFinished=0)
    await stage.running()
    code = 0 if reason == "BudgetExhausted" else 2
    await stage.ends(code, last_words(reason, code))
    stage.cluster.advance(600)
    assert not planned(stage.cluster).actions


@pytest.mark.parametrize(
    "marks",
    [
        {"annotations": {"argocd.argoproj.io/tracking-id": "x"}},
        {"labels": {"app.kubernetes.io/instance": "x"}},
        {"labels": {"kustomize.toolkit.fluxcd.io/name": "x"}},
    ],
    ids=["argo", "argo by label", "flux"],
)
async def test_the_ttl_is_ignored_with_one_warning_where_a_tool_would_make_the_object_again(
    stage: Stage, marks: dict[str, Any]
) -> None:
    stage.cluster.runs[KEY]["metadata"] |= marks
    stage.cluster.edit(ttlSecondsAfterFinished=0)
    await stage.running()
    await stage.ends(0, last_words())
    stage.cluster.advance(600)
    await stage.act()
    assert not planned(stage.cluster).actions
    assert stage.event_reasons().count("TTLIgnored") == 1
    assert "ttlSecondsAfterFinished is ignored" in stage.status["conditions"][0]["message"]


# Names and bounds.


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
