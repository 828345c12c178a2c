"""In what situation a run is, and what is to be done about it: the operator's decisions, in their order.

    an end that is known already  >  an end that its pod just left  >  suspend  >  other Jobs on their way out
    >  waiting for another dataset  >  no Job yet  >  what the Job and its pod are doing

There is never more than one Job, and none is made while a pod of another lives: two processes of one run would do no
harm (the journal's attempts see to that), but both would pay.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from seedmill.operator.actions import Action, CreateJob, DeleteJob, PollProgress
from seedmill.operator.observation import Observed, ObservedJob, ObservedPod, Other, RunProgress
from seedmill.operator.reasons import AWAY, OF_THE_SPEC, PAUSED, PUBLISHED, Reason
from seedmill.operator.run_end import Lost, RunEnd, end_of
from seedmill.spec.model import DatasetGeneration
from seedmill.spec.status import Condition, ConditionStatus, Status

SAFETY_SECONDS = 60.0
"""When to look again although a watch should tell."""

LOST_PAUSE_SECONDS = 30.0
"""How long after its end a Job without a last message is made again: a pod that never leaves one makes a slow loop."""

_IMAGE_TROUBLE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CONTAINER_TROUBLE = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_UNSCHEDULABLE = "Unschedulable"

_WORKING = {
    "starting": Reason.RUNNING,
    "collecting seeds": Reason.COLLECTING_SEEDS,
    "generating": Reason.GENERATING,
    "finishing what is in flight": Reason.GENERATING,
    "publishing": Reason.PUBLISHING,
    "deleting what was superseded": Reason.PUBLISHING,
    "ended": Reason.PUBLISHING,
}
"""Reasons by the run's own phases."""

_WORDS = {
    Reason.RUNNING: "The run's pod runs.",
    Reason.COLLECTING_SEEDS: "Seeds are being collected.",
    Reason.GENERATING: "Samples are being made.",
    Reason.PUBLISHING: "The dataset is being published.",
}


class Kind(StrEnum):
    """What conditions say of a situation hangs on this alone; `conditions.py` has the table."""

    REFUSED = "refused"
    WAITING = "waiting"
    REPLACING = "replacing"
    QUEUED = "queued"
    WORKING = "working"
    HELD_UP = "held up"
    SUSPENDING = "suspending"
    SUSPENDED = "suspended"
    PUBLISHED = "published"
    PAUSED = "paused"
    STALLED = "stalled"


@dataclass(frozen=True, slots=True)
class Situation:
    """`reason` and `message` are those of the condition Ready. `requeue_seconds`: look again then, at the latest.

    `end` is an end that was not known before; `job` is the one that works.
    """

    kind: Kind
    reason: str
    message: str
    actions: tuple[Action, ...] = ()
    requeue_seconds: float | None = None
    end: RunEnd | None = None
    job: ObservedJob | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked for, what was, what there is. `wanted` is the name of the Job for this spec and these limits."""

    generation: DatasetGeneration
    wanted: str
    before: Status
    observed: Observed
    refresh_seconds: float

    @property
    def own_jobs(self) -> list[ObservedJob]:
        """Those that this resource controls, and orphans: left by `--cascade=orphan`, nobody else would delete them."""
        uid = self.observed.resource["metadata"].get("uid", "")
        return [job for job in self.observed.jobs if job.owner_uid in ("", uid)]

    @property
    def job(self) -> ObservedJob | None:
        """The one that is wanted, if it is there to stay. No orphan: nothing would delete it with the resource."""
        jobs = (job for job in self.own_jobs if job.name == self.wanted and job.owner_uid and not job.deleting)
        return next(jobs, None)

    @property
    def has_begun(self) -> bool:
        """Whether candidates were begun, or rows published: from then on the spec's data part is fixed."""
        ledger = self.before.ledger
        return self.before.dataset is not None or (ledger is not None and ledger.requested > 0)


def situation(run: Run) -> Situation:
    """The first that applies."""
    return (
        _known_end(run)
        or _new_end(run)
        or _suspended(run)
        or _failed(run)
        or _replacing(run)
        or _waiting_for_dataset(run)
        or _starting(run)
        or _working(run)
    )


def condition(status: Status, name: str) -> Condition | None:
    """A condition by its type."""
    return next((each for each in status.conditions if each.type == name), None)


def _is_true(found: Condition | None) -> bool:
    return found is not None and found.status is ConditionStatus.TRUE


def _known_end(run: Run) -> Situation | None:
    """A published end of this very Job stands, whether the Job is still there or not."""
    if run.before.job != run.wanted:
        return None
    actions = _delete(job for job in run.own_jobs if job.name != run.wanted)
    for name, kind, reasons in (("Succeeded", Kind.PUBLISHED, PUBLISHED), ("Suspended", Kind.PAUSED, PAUSED)):
        found = condition(run.before, name)
        if found is not None and _is_true(found) and found.reason in reasons:
            return Situation(kind, found.reason, found.message, actions)
    return None


def _new_end(run: Run) -> Situation | None:
    """Comes before `suspend`: a run that has published has nothing left to suspend."""
    end = None if run.job is None else end_of(run.job, run.observed.pods)
    if not isinstance(end, RunEnd) or end.reason not in PUBLISHED | PAUSED:
        return None
    kind = Kind.PUBLISHED if end.reason in PUBLISHED else Kind.PAUSED
    return Situation(kind, end.reason, end.message, end=end)


def _suspended(run: Run) -> Situation | None:
    """By deleting the Job: where Kueue admits Jobs, their own `suspend` is Kueue's."""
    if not run.generation.spec.suspend:
        return None
    if not run.own_jobs and not _living(run, None):
        return Situation(Kind.SUSPENDED, Reason.SUSPENDED, "spec.suspend is true; set it to false to go on.")
    words = "spec.suspend is true; what is in flight is being finished."
    return Situation(Kind.SUSPENDING, Reason.SUSPENDING, words, _delete(run.own_jobs), SAFETY_SECONDS)


def _failed(run: Run) -> Situation | None:
    """It cannot work as it stands, or too much failed. Suspending clears this, so that resuming tries anew."""
    end = None if run.job is None else end_of(run.job, run.observed.pods)
    if isinstance(end, RunEnd):
        return Situation(Kind.STALLED, end.reason, end.message, end=end)
    known = condition(run.before, "Stalled")
    if run.before.job != run.wanted or known is None or not _is_true(known) or known.reason in OF_THE_SPEC:
        return None
    actions = _delete(job for job in run.own_jobs if job.name != run.wanted)
    return Situation(Kind.STALLED, known.reason, known.message, actions)


def _replacing(run: Run) -> Situation | None:
    """Jobs of other limits, of a former resource of this name, or without a last message leave first."""
    job = run.job
    if job is not None and end_of(job, run.observed.pods) is Lost.LOST:
        words = "The run ended, but its last message is gone; it is asked again."
        ended_at = job.ended_at or run.observed.now
        left = (ended_at + timedelta(seconds=LOST_PAUSE_SECONDS) - run.observed.now).total_seconds()
        if left > 0:
            return Situation(Kind.REPLACING, Reason.END_LOST, words, (), left)
        return Situation(Kind.REPLACING, Reason.END_LOST, words, _delete([job]), SAFETY_SECONDS)
    others = [each for each in run.observed.jobs if each is not job]
    if not others and not _living(run, job):
        return None
    words = "The Job before is on its way out; the next is made when its pod is gone."
    actions = _delete(each for each in run.own_jobs if each is not job)
    return Situation(Kind.REPLACING, Reason.RESTARTING, words, actions, SAFETY_SECONDS)


def _waiting_for_dataset(run: Run) -> Situation | None:
    """Until the run has begun: it then keeps to the publication that it found."""
    dataset = run.generation.spec.seeds.dataset
    if dataset is None or run.job is not None or run.has_begun:
        return None
    match (run.observed.others or {}).get(dataset.name, Other.MISSING):
        case Other.SUCCEEDED:
            return None
        case Other.NOT_YET:
            words = f"spec.seeds.dataset: {dataset.name} has not succeeded yet."
            return Situation(Kind.WAITING, Reason.DATASET_NOT_READY, words, (), SAFETY_SECONDS)
        case Other.MISSING:
            words = f"spec.seeds.dataset: there is no DatasetGeneration {dataset.name} in this namespace."
            return Situation(Kind.WAITING, Reason.DATASET_MISSING, words, (), SAFETY_SECONDS)


def _starting(run: Run) -> Situation | None:
    words = "The Job is made; its pod does not run yet."
    if run.job is None:
        create = CreateJob(run.wanted, run.generation)
        return Situation(Kind.WORKING, Reason.STARTING, words, (create,), SAFETY_SECONDS)
    if run.job.suspended:
        queue = run.generation.spec.queue_name
        words = f"Waiting for Kueue's queue {queue}." if queue else "The Job itself is suspended; resume it to go on."
        return Situation(Kind.QUEUED, Reason.QUEUED, words, (), SAFETY_SECONDS, job=run.job)
    pod = _pod(run)
    if pod is not None and pod.phase == "Running":
        return None
    held_up = None if pod is None else _pod_trouble(pod)
    if held_up is None:
        return Situation(Kind.WORKING, Reason.STARTING, words, (), SAFETY_SECONDS, job=run.job)
    reason, words = held_up
    return Situation(Kind.HELD_UP, reason, words, (), SAFETY_SECONDS, job=run.job)


def _working(run: Run) -> Situation:
    pod, progress = _pod(run), run.observed.progress
    actions = (PollProgress(pod.address),) if pod is not None and pod.address and _is_due(run) else ()
    kind, reason, words = _said_before(run) if progress is None else _said(progress)
    return Situation(kind, reason, words, actions, run.refresh_seconds, job=run.job)


def _said(progress: RunProgress) -> tuple[Kind, str, str]:
    if progress.waiting:
        reason = AWAY.get(progress.waiting[0][0], Reason.STORE_UNAVAILABLE)
        # No message of the dependency: it may differ each time, and conditions are no log. status.progress has it.
        return Kind.HELD_UP, reason, "The run waits and goes on by itself; status.progress.waiting says for what."
    reason = _WORKING.get(progress.phase, Reason.RUNNING)
    return Kind.WORKING, reason, _WORDS[reason]


def _said_before(run: Run) -> tuple[Kind, str, str]:
    """Silence of a pod that runs changes nothing."""
    ready = condition(run.before, "Ready")
    if ready is not None and run.before.job == run.wanted:
        if ready.reason in _WORDS:
            return Kind.WORKING, ready.reason, ready.message
        if ready.reason in (*AWAY.values(), Reason.STORE_UNAVAILABLE):
            return Kind.HELD_UP, ready.reason, ready.message
    return Kind.WORKING, Reason.RUNNING, _WORDS[Reason.RUNNING]


def _is_due(run: Run) -> bool:
    """Not at each event: our own status writes are events, too."""
    if run.observed.asked:
        return False
    progress = run.before.progress
    if progress is None or progress.updated_at is None or run.before.job != run.wanted:
        return True
    age_seconds = (run.observed.now - progress.updated_at).total_seconds()
    return not 0 <= age_seconds < run.refresh_seconds  # negative: a clock was set back


def _pod(run: Run) -> ObservedPod | None:
    """The wanted Job's living pod."""
    return next(iter(pod for pod in run.observed.pods if run.job and pod.job_uid == run.job.uid and pod.is_alive), None)


def _living(run: Run, job: ObservedJob | None) -> Sequence[ObservedPod]:
    """Living pods that are not this Job's."""
    return [pod for pod in run.observed.pods if pod.is_alive and (job is None or pod.job_uid != job.uid)]


def _pod_trouble(pod: ObservedPod) -> tuple[Reason, str] | None:
    # The kubelet's own words alternate between a failed pull and a pause before the next; these do not.
    if pod.waiting in _IMAGE_TROUBLE:
        return Reason.IMAGE_UNAVAILABLE, "The run's image cannot be pulled; the events of its pod say why."
    if pod.waiting in _CONTAINER_TROUBLE:
        return Reason.POD_REFUSED, "The run's container cannot be made; the events of its pod say why."
    if pod.waiting == _UNSCHEDULABLE:
        return Reason.POD_UNSCHEDULABLE, "No node takes the run's pod; its events say why."
    return None


def _delete(jobs: Iterable[ObservedJob]) -> tuple[Action, ...]:
    return tuple(DeleteJob(job.name, job.uid) for job in jobs if not job.deleting)
