"""kopf, as a watch shell and nothing more: each event puts a key into the queue.

No handler of kopf's own kinds (create, update, timer, daemon, index) is used: they keep state in annotations and
finalizers, and cannot be replayed. So an object of ours bears no mark of kopf, and kopf could be replaced by a hundred
lines of list and watch. Below 1.45 a watch that died was never noticed, hence the pin.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

import kopf

from seedmill.operator import metrics
from seedmill.operator.cluster import Key
from seedmill.operator.observation import RUN_LABEL
from seedmill.spec.crd import GROUP, PLURAL, VERSION

Wake = Callable[[Key, float], None]
"""Puts a key into the queue, so many seconds later at most."""


def registry(wake: Wake, wake_waiting: Callable[[Key], None], start_jitter_seconds: float) -> kopf.OperatorRegistry:
    """Handlers of one operator. What the first listing shows is spread over `start_jitter_seconds`."""
    made = kopf.OperatorRegistry()

    def pause(kind: str | None) -> float:
        return random.uniform(0, start_jitter_seconds) if kind is None else 0.0  # noqa: S311

    async def on_run(*, namespace: str, name: str, **event: Any) -> None:
        metrics.watch_last_event.labels(PLURAL).set_to_current_time()
        key = Key(namespace, name)
        wake(key, pause(event["type"]))
        wake_waiting(key)

    async def on_child(*, namespace: str, labels: Any, resource: Any, **event: Any) -> None:
        metrics.watch_last_event.labels(resource.plural).set_to_current_time()
        wake(Key(namespace, labels[RUN_LABEL]), pause(event["type"]))

    async def login(**arguments: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)

    on: Any = kopf.on
    on.login(registry=made)(login)
    on.event(GROUP, VERSION, PLURAL, registry=made)(on_run)
    on.event("batch", "v1", "jobs", labels={RUN_LABEL: kopf.PRESENT}, registry=made)(on_child)
    on.event("", "v1", "pods", labels={RUN_LABEL: kopf.PRESENT}, registry=made)(on_child)
    return made


def settings() -> kopf.OperatorSettings:
    """kopf's, less everything that it would do beside watching."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.scanning.disabled = True
    made.peering.standalone = True
    made.networking.request_timeout = 30
    made.networking.connect_timeout = 5
    made.watching.server_timeout = 300
    made.watching.client_timeout = 310
    made.watching.inactivity_timeout = 70
    made.watching.chunk_size = 500
    selectors: Any = made.watching.label_selectors
    for resource in ("jobs.batch", "pods"):
        selectors[resource] = RUN_LABEL
    made.queueing.exit_timeout = 2
    made.process.ultimate_exiting_timeout = 20
    # Should a handler of the other kinds ever be added: not under kopf's own names, which other operators share.
    made.persistence.finalizer = f"{GROUP}/operator"
    return made


async def watch(registry: kopf.OperatorRegistry, namespaces: Sequence[str]) -> None:
    """Watch until cancelled or told to stop by a signal. No `namespaces`: all. Raises what ended a watch for good."""
    where: dict[str, Any] = {"namespaces": list(namespaces)} if namespaces else {"clusterwide": True}
    await kopf.operator(registry=registry, settings=settings(), standalone=True, **where)
