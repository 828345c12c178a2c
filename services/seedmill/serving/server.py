"""A server's life: bind, start the services, serve, drain, stop.

The port is bound first, so that an address in use is an error before a model is loaded; calls are taken only once every
service has started. At SIGTERM health turns to NOT_SERVING, `drain_seconds` pass in which clients and endpoints move
away while calls are still answered, then no new call is taken and those in flight have `grace_seconds` to finish. A
second signal cuts both short.
"""

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import grpc
import structlog

from seedmill.serving.addresses import HostPort, bind, parse_address
from seedmill.serving.guard import Guard
from seedmill.serving.health import Health, Readiness
from seedmill.serving.interceptors import all_interceptors
from seedmill.serving.metrics import metrics_endpoint
from seedmill.serving.options import server_options
from seedmill.serving.parent import end_with

log = structlog.get_logger("seedmill.serving")

OPEN = Guard()
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where and how to serve.

    `address` is `unix:/path` or `host:port`, `metrics_address` is `host:port`. `drain_seconds` is how long calls are
    still taken after the signal to stop (a cluster needs 5-10 s to notice), `grace_seconds` what calls in flight then
    have. `parent_pid`: end when this parent process does. `guard` is for a TCP port.
    """

    address: str
    metrics_address: str | None = None
    drain_seconds: float = 0.0
    grace_seconds: float = 30.0
    parent_pid: int | None = None
    guard: Guard = OPEN


async def nothing() -> None:
    """For services that need no start or no stop."""


def nothing_to_say() -> None:
    """For services whose calls end of themselves."""


def always() -> bool:
    """For services that can do their work once they have started."""
    return True


@dataclass(frozen=True, slots=True)
class Service:
    """One service: `register` adds its servicer; `start` runs before the first call, `stop` after the last.

    `drain` is called when the server is about to stop: what holds a long call should learn of it.
    `ready` says, once a second, whether it can do its work at present: while one cannot, health is NOT_SERVING.
    `callers` are who may call it where nobody says otherwise (`identity.NAMES`).
    """

    name: str
    register: Callable[[grpc.aio.Server], None]
    start: Callable[[], Awaitable[None]] = nothing
    stop: Callable[[], Awaitable[None]] = nothing
    ready: Callable[[], bool] = always
    drain: Callable[[], None] = nothing_to_say
    callers: Sequence[str] = ("run", "test")


async def serve(settings: ServerSettings, services: Sequence[Service], stop: asyncio.Event | None = None) -> None:
    """Serve until `stop` is set, or, without it, until SIGTERM or SIGINT; then drain.

    Raises Misconfigured when an address cannot be bound, and what a service's `start` raises.
    """
    hurry = asyncio.Event()
    if stop is None:
        stop = asyncio.Event()
        _on_signals(stop, hurry)
    if settings.parent_pid is not None and not end_with(settings.parent_pid):
        return
    names = ", ".join(service.name for service in services)
    readiness = Readiness()
    with metrics_endpoint(settings.metrics_address, readiness):
        async with _started(settings.address, services, settings.guard, readiness) as running:
            log.info("ready", services=names, address=running.address, metrics=settings.metrics_address or "none")
            await stop.wait()
            log.info("draining", services=names)
            await running.drain(settings.drain_seconds, settings.grace_seconds, hurry)
    log.info("stopped", services=names)


@asynccontextmanager
async def running_server(
    services: Sequence[Service], address: str, guard: Guard = OPEN, readiness: Readiness | None = None
) -> AsyncGenerator[str]:
    """A server beside other work of this process: yields its address (`host:0` has got its port).

    It stops at once at the end, so it is for calls that nobody misses, and for tests.
    """
    async with _started(address, services, guard, readiness or Readiness()) as running:
        yield running.address


@dataclass(frozen=True, slots=True)
class _Running:
    address: str
    server: grpc.aio.Server
    health: Health
    services: Sequence[Service]

    async def drain(self, drain_seconds: float, grace_seconds: float, hurry: asyncio.Event) -> None:
        await self.health.draining()
        for service in self.services:
            service.drain()
        hurried = asyncio.create_task(hurry.wait())
        await asyncio.wait([hurried], timeout=drain_seconds)
        stopping = asyncio.create_task(self.server.stop(grace_seconds))
        await asyncio.wait([stopping, hurried], return_when=asyncio.FIRST_COMPLETED)
        # One stop after the other, never beside it: the one that is late would cancel the calls of a server that the
        # other has destroyed already, which ends the process (SIGSEGV).
        for task in (stopping, hurried):
            task.cancel()
        await asyncio.gather(stopping, hurried, return_exceptions=True)
        await self.server.stop(None)


@asynccontextmanager
async def _started(
    address: str, services: Sequence[Service], guard: Guard, readiness: Readiness
) -> AsyncGenerator[_Running]:
    parsed = parse_address(address)
    lock = guard.lock(parsed, {caller for service in services for caller in service.callers})
    interceptors = all_interceptors(lock and lock.callers)
    server = grpc.aio.server(interceptors=interceptors, options=server_options(parsed))
    recorder = _Recorder(server)
    for service in services:
        service.register(cast(grpc.aio.Server, recorder))
    health = Health(server, recorder.names, readiness)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop, None)
        bound = bind(server, parsed, lock and lock.certificates.server_credentials())
        await health.starting()
        async with AsyncExitStack() as started:
            for service in services:
                # Also after a start that failed half-way: what it has begun must end.
                started.push_async_callback(service.stop)
                await service.start()
            started.push_async_callback(server.stop, None)
            await server.start()
            await health.serving()
            watching = asyncio.create_task(_watch(services, health))
            started.callback(watching.cancel)
            if lock is None and isinstance(bound, HostPort):
                log.warning("no TLS: whoever reaches this port may call; give --tls FOLDER", address=str(bound))
            try:
                yield _Running(str(bound), server, health, services)
            finally:
                readiness.serving = False


async def _watch(services: Sequence[Service], health: Health) -> None:
    """Keep health at what the services say, while the server is not draining."""
    was = True
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = all(service.ready() for service in services)
        if now != was:
            was = now
            await (health.serving() if now else health.away())


class _Recorder:
    """Stands for the server while services register, to learn their full names for health and reflection."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.names: list[str] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self.names.extend(handler.service_name() for handler in handlers)
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service_name: str, handlers: dict[str, Any]) -> None:
        self._server.add_registered_method_handlers(service_name, handlers)


def _on_signals(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def handle() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handle)
