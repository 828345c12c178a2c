"""What `plan` looks at: the few fields of a resource, its Jobs, its pods and what they say, as values.

Objects come in as the API server gives them (plain JSON); what is missing in them is missing here, never an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from seedmill.records.ledger import Ledger

RUN_LABEL = "seedmill.dev/run"
"""On Jobs and pods: the name of their DatasetGeneration."""

CONTAINER = "dispatch"

Json = Mapping[str, Any]


class JobEnd(StrEnum):
    COMPLETE = "Complete"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class ObservedJob:
    """A Job that carries the run's label. `owner_uid` is empty when nobody controls it."""

    name: str
    uid: str
    owner_uid: str = ""
    deleting: bool = False
    suspended: bool = False
    end: JobEnd | None = None
    end_message: str = ""
    ended_at: datetime | None = None
    failed_pods: int = 0


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """A pod that carries the run's label. `message` is its container's last one; `waiting` why it does not start."""

    name: str
    job_uid: str
    phase: str
    address: str = ""
    started_at: datetime | None = None
    exit_code: int | None = None
    ended_at: datetime | None = None
    message: str = ""
    waiting: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether its container may still work; a lost node's pod counts as alive until it is gone."""
        return self.phase not in ("Succeeded", "Failed")


class Other(StrEnum):
    """Another DatasetGeneration, as far as one that waits for it cares."""

    MISSING = "missing"
    NOT_YET = "not yet"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True)
class RunProgress:
    """What the run's pod said of itself (RunService.GetProgress).

    `phase` is one of the words that run.proto lists; tokens are those of records that count; `waiting` has the name of
    each dependency that is away, and why.
    """

    phase: str
    ledger: Ledger
    prompt_tokens: int = 0
    completion_tokens: int = 0
    rows_per_second: float = 0.0
    eta_seconds: float | None = None
    waiting: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """One moment. `asked`: the pod was asked for its progress in this pass, and `progress` is its answer, if any."""

    resource: Json
    now: datetime
    jobs: Sequence[ObservedJob] = ()
    pods: Sequence[ObservedPod] = ()
    others: Mapping[str, Other] | None = None
    asked: bool = False
    progress: RunProgress | None = None


def observed_job(job: Json) -> ObservedJob:
    """From a batch/v1 Job."""
    metadata, status = _map(job, "metadata"), _map(job, "status")
    ended = {each["type"]: each for each in _list(status, "conditions") if each.get("status") == "True"}
    end = next((end for end in JobEnd if end.value in ended), None)
    condition: Json = ended[end.value] if end is not None else {}
    return ObservedJob(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        owner_uid=_controller(metadata),
        deleting="deletionTimestamp" in metadata,
        suspended=bool(_map(job, "spec").get("suspend")),
        end=end,
        end_message=condition.get("message", ""),
        ended_at=moment(condition.get("lastTransitionTime")),
        failed_pods=int(status.get("failed") or 0),
    )


def observed_pod(pod: Json) -> ObservedPod:
    """From a v1 Pod."""
    metadata, status = _map(pod, "metadata"), _map(pod, "status")
    containers = [each for each in _list(status, "containerStatuses") if each.get("name") == CONTAINER]
    state: Json = _map(containers[0], "state") if containers else {}
    terminated = _map(state, "terminated")
    return ObservedPod(
        name=metadata["name"],
        job_uid=_controller(metadata),
        phase=status.get("phase", "Pending"),
        address=status.get("podIP", ""),
        started_at=moment(_map(state, "running").get("startedAt") or terminated.get("startedAt")),
        exit_code=terminated.get("exitCode"),
        ended_at=moment(terminated.get("finishedAt")),
        message=terminated.get("message", ""),
        waiting=_map(state, "waiting").get("reason", "") or _unschedulable(status),
    )


def other_state(resource: Json | None) -> Other:
    """What another DatasetGeneration is to one that waits for its dataset."""
    if resource is None:
        return Other.MISSING
    conditions = _list(_map(resource, "status"), "conditions")
    succeeded = any(each.get("type") == "Succeeded" and each.get("status") == "True" for each in conditions)
    return Other.SUCCEEDED if succeeded else Other.NOT_YET


def moment(text: Any) -> datetime | None:
    """A time as Kubernetes writes it, or None."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _unschedulable(status: Json) -> str:
    scheduled = [each for each in _list(status, "conditions") if each.get("type") == "PodScheduled"]
    return "Unschedulable" if any(each.get("reason") == "Unschedulable" for each in scheduled) else ""


def _controller(metadata: Json) -> str:
    owners = [each for each in _list(metadata, "ownerReferences") if each.get("controller")]
    return owners[0].get("uid", "") if owners else ""


def _map(node: Json, name: str) -> Json:
    value = node.get(name)
    return cast("Json", value) if isinstance(value, Mapping) else {}


def _list(node: Json, name: str) -> list[Json]:
    value = node.get(name)
    return cast("list[Json]", value) if isinstance(value, list) else []
