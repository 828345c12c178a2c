"""From a situation to conditions, and from one set of conditions to the next: what is news, and to whom.

Ready says whether all is as it should be (also for a run that waits in a queue, is suspended or done), which is what
Flux and `kubectl wait` read; Succeeded is for the dataset. kubernetes/community api-conventions.md; kstatus.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from seedmill.operator.observation import ObservedJob
from seedmill.operator.reasons import AWAY, Reason
from seedmill.operator.situation import Kind, Situation, condition
from seedmill.spec.model import Spec
from seedmill.spec.status import Condition, ConditionStatus, LedgerStatus, Status

MESSAGE_CHARACTERS = 2000
JUDGED_FROM = 100
"""Settled samples from which on `failurePolicy` is judged (DESIGN §3)."""
RESTARTS_DEGRADED = 3

_YES, _NO, _OPEN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN

_TYPES = ("Ready", "Reconciling", "Stalled", "Succeeded", "Suspended")

_TABLE: dict[Kind, tuple[ConditionStatus | None, ...]] = {
    # None: stays as it was
    Kind.REFUSED: (_NO, _NO, _YES, None, None),
    Kind.WAITING: (_NO, _YES, _NO, _OPEN, _NO),
    Kind.REPLACING: (_YES, _YES, _NO, _OPEN, _NO),
    Kind.QUEUED: (_YES, _NO, _NO, _OPEN, _YES),
    Kind.WORKING: (_YES, _NO, _NO, _OPEN, _NO),
    Kind.HELD_UP: (_NO, _YES, _NO, _OPEN, _NO),
    Kind.SUSPENDING: (_YES, _YES, _NO, _OPEN, _NO),
    Kind.SUSPENDED: (_YES, _NO, _NO, _OPEN, _YES),
    Kind.PUBLISHED: (_YES, _NO, _NO, _YES, _NO),
    Kind.PAUSED: (_YES, _NO, _NO, _OPEN, _YES),
    Kind.STALLED: (_NO, _NO, _YES, _NO, _NO),
}

_NORMAL = {
    Reason.QUEUED,
    Reason.SUSPENDED,
    Reason.TARGET_REACHED,
    Reason.BUDGET_EXHAUSTED,
    Reason.DEADLINE_EXCEEDED,
}
_WARNING = {
    Reason.DATASET_MISSING,
    Reason.END_LOST,
    Reason.POD_UNSCHEDULABLE,
    Reason.IMAGE_UNAVAILABLE,
    Reason.POD_REFUSED,
    Reason.TARGET_NOT_REACHED,
    Reason.STORE_UNAVAILABLE,
    *AWAY.values(),
}
"""Situations that are worth an event when they begin, besides all that stall."""

TTL_IGNORED_WORDS = (
    "spec.ttlSecondsAfterFinished is ignored: a GitOps tool or Helm keeps this object and would make it again."
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `type` is Normal or Warning."""

    type: str
    reason: str
    message: str


def conditions_of(
    now: Situation, before: Status, degraded: tuple[bool, Reason, str], generation: int, at: datetime
) -> list[Condition]:
    """All six; lastTransitionTime moves only where the status does."""
    wanted: list[Condition] = []
    for name, status in zip(_TYPES, _TABLE[now.kind], strict=True):
        old = condition(before, name)
        if status is None:
            kept = old or Condition(
                type=name, status=_OPEN, reason=now.reason, message=now.message, last_transition_time=at
            )
            wanted.append(kept)
        else:
            wanted.append(_condition(name, status, now.reason, now.message, at))
    holds, reason, message = degraded
    wanted.append(_condition("Degraded", _YES if holds else _NO, reason, message, at))
    return [_settled(each, condition(before, each.type), generation) for each in wanted]


def degraded(
    now: Situation, spec: Spec | None, ledger: LedgerStatus | None, job: ObservedJob | None
) -> tuple[bool, Reason, str]:
    """Whether a run that goes on does so badly."""
    if now.kind not in (Kind.WORKING, Kind.HELD_UP):
        return False, Reason.WITHIN_LIMITS, ""
    if spec is not None and ledger is not None:
        settled, allowed = ledger.requested - ledger.pending, spec.failure_policy.max_failed_percent
        if settled >= JUDGED_FROM and ledger.failed_total * 100 * 2 > allowed * settled:
            words = f"Failed samples are over half of failurePolicy.maxFailedPercent ({allowed} %)."
            return True, Reason.FAILURES_HIGH, words
    if job is not None and job.failed_pods >= RESTARTS_DEGRADED:
        return True, Reason.POD_RESTARTS, f"The run's pod ended early {RESTARTS_DEGRADED} times or more."
    return False, Reason.WITHIN_LIMITS, ""


def with_note(now: Situation, note: str) -> Situation:
    """The same with a further sentence, once."""
    return now if not note or note in now.message else replace(now, message=f"{now.message} {note}".strip())


def events_of(now: Situation, before: Status, after: Status) -> list[Event]:
    """What has changed since the status before, for people; nothing when it says the same."""
    events: list[Event] = []
    ready = condition(before, "Ready")
    if before.start_time is None and after.start_time is not None:
        events.append(Event("Normal", Reason.STARTED, "The run's first pod has begun."))
    if ready is None or ready.reason != now.reason:
        if _is_true(before, "Suspended") and ready is not None and ready.reason == Reason.SUSPENDED:
            events.append(Event("Normal", Reason.RESUMED, "spec.suspend is false again."))
        if now.kind in (Kind.STALLED, Kind.REFUSED) or now.reason in _WARNING:
            events.append(Event("Warning", now.reason, now.message))
        elif now.reason in _NORMAL:
            events.append(Event("Normal", now.reason, now.message))
        elif now.kind is Kind.WORKING and ready is not None and ready.status is _NO:
            events.append(Event("Normal", Reason.RECOVERED, now.message))
    succeeded = condition(before, "Succeeded")
    if TTL_IGNORED_WORDS in now.message and (succeeded is None or TTL_IGNORED_WORDS not in succeeded.message):
        events.append(Event("Warning", Reason.TTL_IGNORED, TTL_IGNORED_WORDS))
    return events


def _is_true(status: Status, name: str) -> bool:
    found = condition(status, name)
    return found is not None and found.status is _YES


def _condition(name: str, status: ConditionStatus, reason: str, message: str, at: datetime) -> Condition:
    return Condition(
        type=name, status=status, reason=reason, message=message[:MESSAGE_CHARACTERS], last_transition_time=at
    )


def _settled(new: Condition, old: Condition | None, generation: int) -> Condition:
    since = old.last_transition_time if old is not None and old.status is new.status else new.last_transition_time
    return new.model_copy(update={"last_transition_time": since, "observed_generation": generation})
