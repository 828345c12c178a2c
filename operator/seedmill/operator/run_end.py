"""How a run ended, from what its pod left: the message at its end, the exit status, the Job's own words.

The message may be lost (the pod was deleted, the node is gone). Then the exit status says enough when it is 2 or 5, and
nothing when it is 0: only the run knows what it published, so it is asked again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import orjson

from seedmill.operator.observation import JobEnd, ObservedJob, ObservedPod
from seedmill.operator.reasons import PAUSED, PUBLISHED, Reason
from seedmill.records.ledger import Ledger
from seedmill.spec.pod import CANNOT_WORK_EXIT, PUBLISHED_EXIT, TOO_MANY_FAILURES_EXIT
from seedmill.spec.status import CONDITION_REASON

FINAL_EXITS = (PUBLISHED_EXIT, CANNOT_WORK_EXIT, TOO_MANY_FAILURES_EXIT)
"""All others are restarted by the Job."""

_EXIT_IN_WORDS = re.compile(r"exit code (\d+)")
_SPEC_ERROR = "SpecError"
_MESSAGE_CHARACTERS = 2000
REASON_CHARACTERS = 128
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PublishedDataset:
    """Where it is, what it is, how much it is."""

    uri: str
    digest: str
    rows: int


@dataclass(frozen=True, slots=True)
class RunEnd:
    """An end that stands. `tokens` are those that the last process paid."""

    reason: str
    message: str
    exit_code: int
    ended_at: datetime | None = None
    ledger: Ledger | None = None
    tokens: int = 0
    dataset: PublishedDataset | None = None


class Lost(Enum):
    """It ended, and nothing is left that tells how."""

    LOST = "lost"


def end_of(job: ObservedJob, pods: Sequence[ObservedPod]) -> RunEnd | Lost | None:
    """The end of this Job, or None while it goes on. `pods` may hold those of other Jobs."""
    ended = [pod for pod in pods if pod.job_uid == job.uid and pod.exit_code in FINAL_EXITS]
    if ended:
        return _end_of_pod(max(ended, key=lambda pod: pod.ended_at or _EARLIEST))
    match job.end:
        case None:
            return None
        case JobEnd.COMPLETE:
            return Lost.LOST
        case JobEnd.FAILED:
            code = _EXIT_IN_WORDS.search(job.end_message)
            return _without_words(int(code[1]) if code else None, job.ended_at)


def _end_of_pod(pod: ObservedPod) -> RunEnd | Lost:
    said = _read(pod)
    if said is None or (said.exit_code == PUBLISHED_EXIT and said.reason not in PUBLISHED | PAUSED):
        return _without_words(pod.exit_code, pod.ended_at)
    return said


def _without_words(exit_code: int | None, ended_at: datetime | None) -> RunEnd | Lost:
    match exit_code:
        case 2:
            words = "The run cannot work as it stands; its log says why."
            return RunEnd(Reason.CANNOT_WORK, words, CANNOT_WORK_EXIT, ended_at)
        case 5:
            words = "Too many samples failed; nothing was published."
            return RunEnd(Reason.TOO_MANY_FAILURES, words, TOO_MANY_FAILURES_EXIT, ended_at)
        case _:
            return Lost.LOST


def _read(pod: ObservedPod) -> RunEnd | None:
    """The message of `seedmill dispatch`, or None when it is none."""
    try:
        said: dict[str, Any] = orjson.loads(pod.message)
        dataset = said.get("dataset")
        return RunEnd(
            reason=_reason(str(said["reason"])),
            message=str(said["message"])[:_MESSAGE_CHARACTERS],
            exit_code=pod.exit_code or 0,
            ended_at=pod.ended_at,
            ledger=Ledger.from_json(said["ledger"]),
            tokens=max(0, int(said.get("tokens") or 0)),
            dataset=PublishedDataset(str(dataset["uri"]), str(dataset["digest"]), int(dataset["rows"]))
            if dataset
            else None,
        )
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        return None


def _reason(said: str) -> str:
    # InvalidSpec is what the operator says itself, before there is a Job.
    return (
        said
        if said != _SPEC_ERROR and re.fullmatch(CONDITION_REASON, said) and len(said) <= 128
        else Reason.CANNOT_WORK
    )
