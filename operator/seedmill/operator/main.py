"""The operator's process: watch, workers, resync and probes side by side. When one of them ends, all do.

A process that ends is started again by the kubelet and lists everything anew, which is the one repair that always
works; a process half of which has died would look healthy.
"""

import asyncio
import random
import signal
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from seedmill.operator import metrics
from seedmill.operator.api import Api, configuration
from seedmill.operator.cluster import ApiError, Conflict, Key
from seedmill.operator.health import Signs, probes
from seedmill.operator.progress import RunClient
from seedmill.operator.queue import WorkQueue
from seedmill.operator.reconcile import Reconciler
from seedmill.operator.settings import OperatorSettings
from seedmill.operator.watch import registry, watch
from seedmill.operator.write_budget import WriteBudget
from seedmill.serving.certificates import Certificates
from seedmill.serving.metrics import metrics_endpoint
from seedmill.spec.parse import Check

log = structlog.stdlib.get_logger("seedmill.operator")

CANARY_SECONDS = 30.0
METRICS_SECONDS = 5.0


class Stopped(Exception):
    """A part that should run for ever has ended."""


async def operate(settings: OperatorSettings, checks: tuple[Check, ...] = ()) -> None:
    """Look after runs until SIGTERM or SIGINT. Raises Misconfigured, and whatever ended a part."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _connected(settings) as api:
        operator = Operator(settings, api, checks)
        with metrics_endpoint(settings.metrics_address):
            async with probes(settings.health_address, operator.signs):
                log.info("ready", namespaces=list(settings.namespaces) or "all", image=settings.pod.image)
                await operator.work(stop)
    log.info("stopped")


@asynccontextmanager
async def _connected(settings: OperatorSettings) -> AsyncGenerator[Api]:
    async with AsyncExitStack() as stack:
        api = Api(await configuration(), WriteBudget(settings.writes_per_second, settings.write_burst))
        stack.push_async_callback(api.close)
        yield api


@dataclass(slots=True)
class Operator:
    """The parts of one operator, and what they share."""

    settings: OperatorSettings
    api: Api
    checks: tuple[Check, ...] = ()
    queue: WorkQueue[Key] = field(default_factory=WorkQueue[Key])
    reconciler: Reconciler = field(init=False)

    def __post_init__(self) -> None:
        pod = self.settings.pod
        tls = self.settings.tls
        source = RunClient(pod.progress_port, None if tls is None else Certificates(tls))
        self.reconciler = Reconciler(
            self.api, source, pod, lambda: datetime.now(UTC), self.checks, self.settings.progress_seconds
        )

    async def work(self, stop: asyncio.Event) -> None:
        """Run all parts until `stop`; one that ends before ends all the others."""
        parts: list[Coroutine[Any, Any, None]] = [self._worker() for _ in range(self.settings.workers)]
        parts += [self._resync(), self._canary(), self._measure(), self._watch(stop)]
        tasks = [asyncio.create_task(part) for part in parts]
        everything: list[asyncio.Task[Any]] = [*tasks, asyncio.create_task(stop.wait())]
        try:
            await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done() and not stop.is_set():
                    task.result()
                    raise Stopped(f"{task.get_coro()} has ended")
        finally:
            for task in everything:
                task.cancel()
            await asyncio.gather(*everything, return_exceptions=True)

    def signs(self) -> Signs:
        since = asyncio.get_running_loop().time() - self.api.answered_at
        return Signs(self.queue.longest_work_seconds, self.queue.oldest_seconds, since)

    def _wake(self, key: Key, seconds: float) -> None:
        if seconds:
            self.queue.add_after(key, seconds)
        else:
            self.queue.add(key)

    def _wake_waiting(self, key: Key) -> None:
        for waiter in self.reconciler.waiting_for(key):
            self.queue.add(waiter)

    async def _watch(self, stop: asyncio.Event) -> None:
        """kopf takes the signals for itself once it has started; that it ends in peace means that one has come."""
        handlers = registry(self._wake, self._wake_waiting, self.settings.start_jitter_seconds)
        await watch(handlers, self.settings.namespaces)
        stop.set()

    async def _worker(self) -> None:
        while True:
            key = await self.queue.get()
            with metrics.reconcile_seconds.time():
                result = await self._pass(key)
            metrics.reconciles.labels(result).inc()

    async def _pass(self, key: Key) -> str:
        try:
            again = await self.reconciler.reconcile(key)
        except Conflict:
            # Somebody wrote in between; what they wrote is what counts.
            self.queue.retry(key)
            return "conflict"
        except ApiError as error:
            log.warning("put off", run=str(key), error=str(error))
            self.queue.retry(key)
            return "error"
        except Exception:
            # A mistake of ours over one run must not end the work on all others.
            log.exception("put off", run=str(key))
            self.queue.retry(key)
            return "error"
        self.queue.done(key, again)
        return "ok"

    async def _resync(self) -> None:
        """Every run now and then: a watch that reconnects does not tell what was deleted meanwhile."""
        while True:
            await asyncio.sleep(self.settings.resync_seconds * random.uniform(0.8, 1.2))  # noqa: S311
            for namespace in self.settings.namespaces or [None]:
                try:
                    async for key in self.api.run_keys(namespace):
                        self.queue.add_after(key, random.uniform(0, self.settings.start_jitter_seconds))  # noqa: S311
                except ApiError as error:
                    log.warning("resync put off", namespace=namespace, error=str(error))

    async def _canary(self) -> None:
        """Ask the API server something, so that readiness knows whether it answers when there is nothing to do."""
        while True:
            try:
                await self.api.ask((*self.settings.namespaces, None)[0])
            except ApiError as error:
                log.warning("the API server refuses", error=str(error))
            await asyncio.sleep(CANARY_SECONDS)

    async def _measure(self) -> None:
        while True:
            metrics.queue_depth.set(self.queue.depth)
            metrics.queue_oldest.set(self.queue.oldest_seconds)
            metrics.queue_retries.set(self.queue.retries)
            metrics.active_runs.set(len(self.reconciler.active))
            await asyncio.sleep(METRICS_SECONDS)
