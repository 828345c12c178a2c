"""Channels to the replicas of one service: one for each address, taken in turn, those that are down left out.

A name (of a headless Service, say) is looked up every few seconds: each address that it stands for is a replica, with a
channel of its own, because an operation lives in the replica that began it and its calls must all go there. gRPC's own
round robin would spread them. Until the name is known, its one channel waits for it and says so.

An address whose calls end UNAVAILABLE is passed over for a pause that doubles with each such call and ends with the
first answer. Nothing is repeated here: the call fails, and who made it knows whether to make it again. With every
address down the one whose pause ends first is tried, so that a caller never hears of pauses.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from seedmill.serving.addresses import Address, HostPort, UnixPath, is_name, parse_target, resolve
from seedmill.serving.certificates import Certificates
from seedmill.serving.errors import Unavailable
from seedmill.serving.identity import dns_name
from seedmill.serving.options import channel_options

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
READY_PAUSE_SECONDS = 0.05
READY_CALL_SECONDS = 2.0
LOOKUP_SECONDS = 5.0


def open_channel(address: Address, service: str, certificates: Certificates | None) -> grpc.aio.Channel:
    """One channel: with TLS where there are certificates, to a server whose certificate names this service.

    The name is said here, because what is called is an IP.
    """
    options = channel_options(address)
    if certificates is None or isinstance(address, UnixPath):
        return grpc.aio.insecure_channel(str(address), options=options)
    named = ("grpc.ssl_target_name_override", dns_name(service))
    return grpc.aio.secure_channel(str(address), certificates.channel_credentials(), options=[*options, named])


class Channels:
    """`addresses` are `unix:/path`, `host:port` or `dns:///host:port`, at least one.

    `service` is for people, and with `certificates` the name that a server must prove to have; those on Unix sockets
    need not.

    Made inside the event loop that uses it, closed with `close`. Raises Misconfigured for a bad address.
    """

    def __init__(self, addresses: Sequence[str], service: str, certificates: Certificates | None = None) -> None:
        if not addresses:
            raise ValueError(f"no address for {service}")
        self._service = service
        self._certificates = certificates
        self._named = [self._replica(parse_target(address)) for address in addresses]
        self._replicas = self._named
        self._known = {replica.address: replica for replica in self._named}
        self._turn = 0
        names = any(is_name(replica.address) for replica in self._named)
        self._lookup = asyncio.create_task(self._look_up_forever()) if names else None

    @property
    def secure(self) -> bool:
        """Whether nobody else can read a call on its way, to whichever replica: what may carry credentials."""
        return self._certificates is not None or all(isinstance(replica.address, UnixPath) for replica in self._named)

    @property
    def count(self) -> int:
        """How many replicas there are, as far as is known."""
        return len(self._replicas)

    def pick(self) -> grpc.aio.Channel:
        """The channel for the next call. A call that is given up half-way must be cancelled: collection does not."""
        now = time.monotonic()
        for _ in self._replicas:
            replica = self._replicas[self._turn % len(self._replicas)]
            self._turn += 1
            if replica.down_until <= now:
                return replica.channel
        return min(self._replicas, key=lambda replica: replica.down_until).channel

    async def ready(self, timeout_seconds: float) -> None:
        """Wait until every address serves. Raises Unavailable, reason ServiceNotReady, naming those that do not."""
        checks = {replica: asyncio.create_task(replica.serves()) for replica in self._named}
        try:
            await asyncio.wait(checks.values(), timeout=timeout_seconds)
            missing = [str(replica.address) for replica, check in checks.items() if not check.done()]
        finally:
            for check in checks.values():
                check.cancel()
            await asyncio.gather(*checks.values(), return_exceptions=True)
        if missing:
            raise Unavailable(
                "ServiceNotReady",
                f"{self._service} is not ready after {timeout_seconds:g} s at {', '.join(missing)}",
            )

    async def close(self) -> None:
        """Close the channels; calls in flight are cancelled."""
        if self._lookup is not None:
            self._lookup.cancel()
            await asyncio.gather(self._lookup, return_exceptions=True)
        await asyncio.gather(*(replica.close() for replica in self._known.values()))

    def _replica(self, address: Address) -> "_Replica":
        return _Replica(address, self._service, self._certificates)

    async def _look_up_forever(self) -> None:
        behind: dict[Address, list[Address]] = {}
        while True:
            for named in self._named:
                if isinstance(named.address, HostPort) and is_name(named.address):
                    # A name that is not known, or not any more, leaves what was known of it: it may answer still.
                    with contextlib.suppress(OSError):
                        behind[named.address] = [*await resolve(named.address)]
            addresses = [each for named in self._named for each in behind.get(named.address, [named.address])]
            for address in addresses:
                # One that is gone is kept and closed at the end: an operation may still be asking it.
                if address not in self._known:
                    self._known[address] = self._replica(address)
            self._replicas = [self._known[address] for address in addresses]
            await asyncio.sleep(LOOKUP_SECONDS)


class _Replica:
    """One address: its channel, and how it fares."""

    def __init__(self, address: Address, service: str, certificates: Certificates | None) -> None:
        self.address = address
        self._service = service
        self._certificates = certificates
        self._left: list[grpc.aio.Channel] = []
        self._connect()
        self.down_until = 0.0
        self._pause_seconds = 0.0

    def _connect(self) -> None:
        self._exchange = 0 if self._certificates is None else self._certificates.exchange()
        self.plain = open_channel(self.address, self._service, self._certificates)
        self.channel = cast(grpc.aio.Channel, _Watched(self.plain, self._ended))

    async def close(self) -> None:
        await asyncio.gather(*(channel.close() for channel in (*self._left, self.plain)))

    def _ended(self, code: grpc.StatusCode) -> None:
        if code is not grpc.StatusCode.UNAVAILABLE:
            self.down_until = self._pause_seconds = 0.0
            return
        now = time.monotonic()
        if now < self.down_until:  # a call from before the pause: the same outage
            return
        self._pause_seconds = min(max(FIRST_PAUSE_SECONDS, 2 * self._pause_seconds), LONGEST_PAUSE_SECONDS)
        self.down_until = now + self._pause_seconds
        if self._certificates is not None and self._certificates.exchange() != self._exchange:
            # A channel keeps the certificates that it began with, and they may be why. Its calls are let finish.
            self._left.append(self.plain)
            self._connect()

    async def serves(self) -> None:
        """Return once the server says SERVING."""
        stub: Any = health_pb2_grpc.HealthStub(self.plain)
        while True:
            try:
                answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=READY_CALL_SECONDS)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            except grpc.aio.AioRpcError:
                pass
            await asyncio.sleep(READY_PAUSE_SECONDS)


class _Watched:
    """A channel that tells how each call ended. (grpc's client interceptors would put a task about every message.)"""

    def __init__(self, channel: grpc.aio.Channel, ended: Callable[[grpc.StatusCode], None]) -> None:
        self._ended = ended
        self.unary_unary = self._telling(channel.unary_unary)
        self.unary_stream = self._telling(channel.unary_stream)
        self.stream_unary = self._telling(channel.stream_unary)
        self.stream_stream = self._telling(channel.stream_stream)

    def _telling(self, method: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
        def multicallable(*args: Any, **kwargs: Any) -> Callable[..., Any]:
            make = method(*args, **kwargs)

            def call(*args: Any, **kwargs: Any) -> Any:
                made = make(*args, **kwargs)
                watch = asyncio.ensure_future(made.code())
                watch.add_done_callback(self._tell)
                return made

            return call

        return multicallable

    def _tell(self, watch: "asyncio.Future[grpc.StatusCode]") -> None:
        if not watch.cancelled() and watch.exception() is None:
            self._ended(watch.result())
