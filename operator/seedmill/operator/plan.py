"""What to do for one DatasetGeneration: a function of what was observed, without I/O, clock or memory.

The order is that of `situation.py`; this module reads the resource before it and writes the status behind it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

from pydantic import ValidationError

from seedmill.operator.actions import Action, DeleteRun
from seedmill.operator.conditions import (
    TTL_IGNORED_WORDS,
    Event,
    conditions_of,
    degraded,
    events_of,
    with_note,
)
from seedmill.operator.observation import Json, Observed
from seedmill.operator.reasons import Reason
from seedmill.operator.report import at_rest, dataset_now, ledger_now, progress_now, tokens_now
from seedmill.operator.situation import Kind, Run, Situation, situation
from seedmill.operator.ttl import is_kept_by_a_tool, seconds_left
from seedmill.spec.digest import LIMITS, spec_digest
from seedmill.spec.errors import SpecError
from seedmill.spec.model import API_VERSION, KIND, DatasetGeneration
from seedmill.spec.parse import Check, parse
from seedmill.spec.status import Status

MANAGER = "seedmill.dev/operator"
"""What `spec.managedBy` must name, if anything, for this operator to act."""

NOT_IN_THE_POD = frozenset({"suspend", "ttlSecondsAfterFinished", "queueName", "priorityClassName", "managedBy"})
"""Fields of spec that change nothing inside a run's pod, so that they leave its Job as it is."""

_OVER = frozenset({Kind.SUSPENDED, Kind.PUBLISHED, Kind.PAUSED, Kind.STALLED})
_CACHED_SPECS = 2048


@dataclass(frozen=True, slots=True)
class Plan:
    """`status` is the whole new status as JSON, or None to leave it; events go out once it is written."""

    actions: tuple[Action, ...] = ()
    status: dict[str, Any] | None = None
    events: tuple[Event, ...] = ()
    requeue_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """`checks` know this installation; `refresh_seconds` is how often a run is asked for its progress."""

    checks: tuple[Check, ...] = ()
    refresh_seconds: float = 15.0


def plan(observed: Observed, rules: Rules) -> Plan:
    """The plan for this moment. Never raises for anything a user can write."""
    metadata = observed.resource["metadata"]
    if "deletionTimestamp" in metadata or _managed_by(observed.resource) not in (None, MANAGER):
        return Plan()
    before, at = _status_of(observed.resource), observed.now.replace(microsecond=0)
    observed = replace(observed, now=at)
    read = _read(observed.resource, rules.checks)
    if isinstance(read, str):
        refused = Situation(Kind.REFUSED, Reason.INVALID_SPEC, read)
        return _planned(refused, None, before, observed, before.spec_digest)
    run = Run(read, job_name(read), before, observed, rules.refresh_seconds)
    digest = spec_digest(read)
    if run.has_begun and before.spec_digest not in (None, digest):
        words = (
            "An edit of spec would make other data, and candidates were begun: it is not followed. Undo it, or make a "
            "DatasetGeneration with another name. "
            "(target, budget, maxInFlight, failurePolicy, output.retention can be changed.)"
        )
        return _planned(Situation(Kind.REFUSED, Reason.SPEC_CHANGED, words), None, before, observed, before.spec_digest)
    return _planned(situation(run), run, before, observed, digest)


def job_name(generation: DatasetGeneration) -> str:
    """`<run>-<digest8 of spec and limits>`: at most 49 characters, so that a pod's name still fits a label."""
    spec = generation.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    limits = {name: value for name, value in spec.items() if name in LIMITS - NOT_IN_THE_POD}
    parts = [spec_digest(generation), limits, spec["output"].get("store")]
    if retention := spec["output"].get("retention"):
        parts.append(retention)
    digest = sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return f"{generation.metadata.name}-{digest[:8]}"


def _planned(now: Situation, run: Run | None, before: Status, observed: Observed, digest: str | None) -> Plan:
    """Actions, status, events of a situation. `run` is None where the spec is not followed."""
    metadata, at = observed.resource["metadata"], observed.now
    spec = None if run is None else run.generation.spec
    ttl = None if spec is None or now.kind is not Kind.PUBLISHED else spec.ttl_seconds_after_finished
    guarded = ttl is not None and is_kept_by_a_tool(metadata)
    now = with_note(now, TTL_IGNORED_WORDS if guarded else "")
    ledger = ledger_now(before.ledger, observed.progress, now.end)
    progress = progress_now(before.progress, observed.progress, at)
    generation = int(metadata.get("generation") or 0)
    after = Status(
        observed_generation=generation,
        state=now.reason[:64],
        conditions=conditions_of(now, before, degraded(now, spec, ledger, now.job), generation, at),
        spec_digest=digest,
        job=before.job if run is None else run.wanted,
        start_time=before.start_time or _first_start(run),
        completion_time=_completion_time(now, before, at),
        progress=at_rest(progress) if now.kind in _OVER else progress,
        ledger=ledger,
        tokens=tokens_now(before.tokens, observed.progress, now.end),
        dataset=dataset_now(before.dataset, now.end),
    )
    left = None if guarded else seconds_left(ttl, after, at)
    if left is not None and left <= 0:
        return Plan((DeleteRun(),))
    return Plan(
        now.actions,
        after.model_dump(mode="json", by_alias=True, exclude_none=True),
        tuple(events_of(now, before, after)),
        left if left is not None else now.requeue_seconds,
    )


def _first_start(run: Run | None) -> datetime | None:
    started = [] if run is None else [pod.started_at for pod in run.observed.pods if pod.started_at is not None]
    return min(started, default=None)


def _completion_time(now: Situation, before: Status, at: datetime) -> datetime | None:
    if now.kind is Kind.REFUSED:
        return before.completion_time
    if now.kind is not Kind.PUBLISHED:
        return None
    if now.end is None and before.completion_time is not None:
        return before.completion_time
    return (now.end.ended_at if now.end is not None else None) or at


def _managed_by(resource: Json) -> str | None:
    spec = resource.get("spec")
    return cast("Json", spec).get("managedBy") if isinstance(spec, Mapping) else None


def _status_of(resource: Json) -> Status:
    """The status before. One that cannot be read was written by another version; as a mere report it is redone."""
    try:
        return Status.model_validate_json(json.dumps(resource.get("status") or {}))
    except ValidationError:
        return Status()


def _read(resource: Json, checks: Sequence[Check]) -> DatasetGeneration | str:
    """The resource, or what is wrong with it in the user's words."""
    metadata = {name: resource["metadata"][name] for name in ("name", "namespace") if name in resource["metadata"]}
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": resource.get("spec")}
    read = _parsed(json.dumps(document, sort_keys=True), tuple(checks))
    dataset = None if isinstance(read, str) else read.spec.seeds.dataset
    if dataset is not None and dataset.name == metadata["name"]:
        return f"spec.seeds.dataset.name: {dataset.name} is this resource itself; name another one"
    return read


@lru_cache(maxsize=_CACHED_SPECS)
def _parsed(text: str, checks: tuple[Check, ...]) -> DatasetGeneration | str:
    try:
        return parse(text.encode(), "", checks)[0]
    except SpecError as error:
        return "; ".join(": ".join(filter(None, (each.path, each.message))) for each in error.problems)
