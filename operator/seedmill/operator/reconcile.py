"""One pass over one run: observe, plan, act, one status write, events. Level-triggered, and safe to end anywhere.

The order is that of what can be lost: actions first, for they can be done twice; then the status, under the resource
version that was looked at; events last, for the next pass finds no news in a status that is written.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, cast

from seedmill.operator.actions import Action, CreateJob, DeleteJob, DeleteRun, PollProgress
from seedmill.operator.cluster import Cluster, Key
from seedmill.operator.job import job_manifest
from seedmill.operator.observation import (
    Json,
    Observed,
    Other,
    RunProgress,
    observed_job,
    observed_pod,
    other_state,
)
from seedmill.operator.plan import Plan, Rules, plan
from seedmill.operator.settings import PodSettings
from seedmill.spec.parse import Check

PROGRESS_WRITES_PER_SECOND = 5.0
"""Half of what the operator may write: transitions come first."""


class ProgressSource(Protocol):
    """Asks the pods of runs."""

    async def progress(self, address: str) -> RunProgress | None:
        """What the run at this IP says, or None when it does not answer (yet)."""
        ...


@dataclass(slots=True)
class Reconciler:
    """`active` and `waiting` are hints that may be lost: how many runs share the writes, and who waits for whom."""

    cluster: Cluster
    source: ProgressSource
    pod: PodSettings
    now: Callable[[], datetime]
    checks: tuple[Check, ...] = ()
    progress_seconds: float = 15.0
    active: set[Key] = field(default_factory=set[Key])
    waiting: dict[Key, Key] = field(default_factory=dict[Key, Key])

    async def reconcile(self, key: Key) -> float | None:
        """One pass. When to look again, in seconds, at the latest. Raises ApiError: look again after a pause."""
        resource = await self.cluster.run(key)
        if resource is None:
            self._forget(key)
            return None
        observed = await self._observe(key, resource)
        rules = Rules(self.checks, max(self.progress_seconds, len(self.active) / PROGRESS_WRITES_PER_SECOND))
        planned = plan(observed, rules)
        asked = next((action for action in planned.actions if isinstance(action, PollProgress)), None)
        if asked is not None:
            self.active.add(key)
            progress = await self.source.progress(asked.address)
            planned = plan(replace(observed, asked=True, progress=progress), rules)
        elif not any(pod.is_alive for pod in observed.pods):
            self.active.discard(key)
        await self._carry_out(key, resource, planned)
        return planned.requeue_seconds

    def waiting_for(self, key: Key) -> list[Key]:
        """Runs whose next step this one's end may be."""
        return [waiter for waiter, other in self.waiting.items() if other == key]

    async def _observe(self, key: Key, resource: Json) -> Observed:
        jobs, pods = await self.cluster.jobs(key), await self.cluster.pods(key)
        return Observed(
            resource=resource,
            now=self.now(),
            jobs=[observed_job(job) for job in jobs],
            pods=[observed_pod(pod) for pod in pods],
            others=await self._others(key, resource),
        )

    async def _others(self, key: Key, resource: Json) -> dict[str, Other]:
        name = _dataset_name(resource)
        if name is None:
            self.waiting.pop(key, None)
            return {}
        other = Key(key.namespace, name)
        self.waiting[key] = other
        return {name: other_state(await self.cluster.run(other))}

    async def _carry_out(self, key: Key, resource: Json, planned: Plan) -> None:
        for action in planned.actions:
            await self._act(key, resource, action)
        if planned.status is not None and planned.status != resource.get("status"):
            await self.cluster.write_status(resource, planned.status)
        for event in planned.events:
            await self.cluster.post_event(resource, event)

    async def _act(self, key: Key, resource: Json, action: Action) -> None:
        match action:
            case CreateJob(name, generation):
                await self.cluster.apply_job(key.namespace, job_manifest(name, generation, resource, self.pod))
            case DeleteJob(name, uid):
                await self.cluster.delete_job(key.namespace, name, uid)
            case DeleteRun():
                await self.cluster.delete_run(resource)
            case PollProgress():
                pass  # was done before this plan was made

    def _forget(self, key: Key) -> None:
        self.active.discard(key)
        self.waiting.pop(key, None)


def _dataset_name(resource: Json) -> str | None:
    """`spec.seeds.dataset.name`, if that is what stands there."""
    node: Any = resource
    for field_name in ("spec", "seeds", "dataset", "name"):
        node = cast("dict[str, Any]", node).get(field_name) if isinstance(node, dict) else None
    return node if isinstance(node, str) else None
