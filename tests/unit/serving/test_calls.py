"""Calls through a real server and real channels: errors both ways, drain, health, sockets."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from seedmill.serving.channel import Channels
from seedmill.serving.errors import Busy, InvalidRequest, ItemError, Misconfigured, ServiceError, Unavailable
from seedmill.serving.server import ServerSettings, Service, running_server, serve
from seedmill.serving.status import OPERATION_UNKNOWN, from_rpc_error
from seedmill.v1alpha1 import execution_pb2, execution_pb2_grpc

SERVICE = "seedmill.v1alpha1.ExecutionService"


class Servicer(execution_pb2_grpc.ExecutionServiceServicer):
    """Answers; or raises what it is told to, after one group of a stream."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.release = asyncio.Event()
        self.entered = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def Execute(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield execution_pb2.ExecuteResponse(verdicts=[execution_pb2.VerdictItem(id="1", status="pass")])
        if self.error is not None:
            raise self.error
        self.entered.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        yield execution_pb2.ExecuteResponse(verdicts=[execution_pb2.VerdictItem(id="2", status="pass")])

    async def GetCapabilities(self, request: Any, context: Any) -> Any:
        if self.error is not None:
            raise self.error
        return execution_pb2.GetCapabilitiesResponse(slots=2)


def service(servicer: Servicer, **life: Any) -> Service:
    return Service(
        "execution", lambda server: execution_pb2_grpc.add_ExecutionServiceServicer_to_server(servicer, server), **life
    )


def stub(channel: grpc.aio.Channel) -> Any:
    return execution_pb2_grpc.ExecutionServiceStub(channel)


async def unary_error(error: Exception, address: str) -> ServiceError:
    async with running_server([service(Servicer(error))], address) as bound, opened(bound) as channels:
        with pytest.raises(grpc.RpcError) as raised:
            await stub(channels.pick()).GetCapabilities(execution_pb2.GetCapabilitiesRequest(), timeout=5)
    return from_rpc_error(raised.value)


class opened:  # noqa: N801
    """Channels that are closed at the end."""

    def __init__(self, *addresses: str) -> None:
        self.channels = Channels(addresses, "execution")

    async def __aenter__(self) -> Channels:
        return self.channels

    async def __aexit__(self, *_: object) -> None:
        await self.channels.close()


ERRORS = [
    InvalidRequest("TooManyItems", "at most 256"),
    InvalidRequest(OPERATION_UNKNOWN, "start it again"),
    Misconfigured("CorpusMissing", "no such directory: ä"),
    Unavailable("SandboxUnavailable", "runsc is away"),
    Busy("QueueFull", "512 wait", 1.25),
    ItemError("PromptRefused", "HTTP 400"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.reason)
async def test_each_error_comes_out_of_a_unary_call_as_it_was_raised(error: ServiceError) -> None:
    received = await unary_error(error, "127.0.0.1:0")
    assert type(received) is type(error)
    assert (received.reason, received.message) == (error.reason, error.message)
    if isinstance(received, Busy) and isinstance(error, Busy):
        assert received.retry_after_seconds == error.retry_after_seconds


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.reason)
async def test_each_error_comes_out_of_a_stream_after_what_came_before_it(error: ServiceError) -> None:
    async with running_server([service(Servicer(error))], "127.0.0.1:0") as bound, opened(bound) as channels:
        call = stub(channels.pick()).Execute(execution_pb2.ExecuteRequest())
        assert (await call.read()).verdicts[0].id == "1"
        with pytest.raises(grpc.RpcError) as raised:
            await call.read()
    received = from_rpc_error(raised.value)
    assert type(received) is type(error)
    assert (received.reason, received.message) == (error.reason, error.message)


async def test_groups_before_an_unknown_exception_are_received() -> None:
    async with running_server([service(Servicer(ValueError()))], "127.0.0.1:0") as bound, opened(bound) as channels:
        call = stub(channels.pick()).Execute(execution_pb2.ExecuteRequest())
        assert (await call.read()).verdicts[0].id == "1"
        with pytest.raises(grpc.RpcError):
            await call.read()


async def test_an_unknown_exception_does_not_leak_its_text() -> None:
    received = await unary_error(ValueError("password=hunter2"), "127.0.0.1:0")
    assert type(received) is ServiceError
    assert received.reason == "InternalError"
    assert "hunter2" not in received.message
    assert "trace" in received.message


async def test_a_very_long_message_still_arrives() -> None:
    received = await unary_error(Misconfigured("CorpusMissing", "x" * 100_000), "127.0.0.1:0")
    assert type(received) is Misconfigured
    assert received.message.startswith("xxx")


async def test_no_server_means_unavailable(tmp_path: Path) -> None:
    async with opened(f"unix:{tmp_path}/nobody") as channels:
        with pytest.raises(grpc.RpcError) as raised:
            await stub(channels.pick()).GetCapabilities(execution_pb2.GetCapabilitiesRequest())
    assert type(from_rpc_error(raised.value)) is Unavailable


async def test_a_method_the_server_lacks_is_a_misconfiguration() -> None:
    async with running_server([], "127.0.0.1:0") as bound, opened(bound) as channels:
        with pytest.raises(grpc.RpcError) as raised:
            await stub(channels.pick()).GetCapabilities(execution_pb2.GetCapabilitiesRequest())
    assert type(from_rpc_error(raised.value)) is Misconfigured


async def test_a_message_over_four_megabytes_passes() -> None:
    request = execution_pb2.ExecuteRequest(programs=[execution_pb2.ProgramItem(solution="x" * 20_000_000)])
    servicer = Servicer()
    servicer.release.set()
    async with running_server([service(servicer)], "127.0.0.1:0") as bound, opened(bound) as channels:
        assert len([group async for group in stub(channels.pick()).Execute(request)]) == 2


async def test_a_cancelled_call_reaches_the_handler() -> None:
    servicer = Servicer()
    async with running_server([service(servicer)], "127.0.0.1:0") as bound, opened(bound) as channels:
        call = stub(channels.pick()).Execute(execution_pb2.ExecuteRequest())
        await call.read()
        await asyncio.wait_for(servicer.entered.wait(), 5)
        call.cancel()
        await asyncio.wait_for(servicer.cancelled.wait(), 5)


async def test_four_thousand_calls_at_once_all_get_an_answer() -> None:
    async with running_server([service(Servicer())], "127.0.0.1:0") as bound, opened(bound) as channels:
        ask = stub(channels.pick()).GetCapabilities
        answers = await asyncio.gather(*(ask(execution_pb2.GetCapabilitiesRequest()) for _ in range(4000)))
    assert len(answers) == 4000


async def test_drain_finishes_calls_in_flight_and_refuses_new_ones(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    servicer, stop = Servicer(), asyncio.Event()
    life: list[str] = []

    async def begin() -> None:
        life.append("start")

    async def end() -> None:
        life.append("stop" if servicer.release.is_set() else "stopped too early")

    settings = ServerSettings(address, grace_seconds=20)
    server = asyncio.create_task(serve(settings, [service(servicer, start=begin, stop=end)], stop))
    async with opened(address) as channels, opened(address) as later:
        await channels.ready(10)
        call = stub(channels.pick()).Execute(execution_pb2.ExecuteRequest())
        await call.read()
        stop.set()
        await asyncio.sleep(0.2)
        with pytest.raises(grpc.RpcError) as refused:
            await stub(later.pick()).GetCapabilities(execution_pb2.GetCapabilitiesRequest(), timeout=5)
        servicer.release.set()
        assert (await call.read()).verdicts[0].id == "2"
        assert await call.code() is grpc.StatusCode.OK
    await asyncio.wait_for(server, 5)
    assert type(from_rpc_error(refused.value)) is Unavailable
    assert life == ["start", "stop"]


async def test_calls_over_the_grace_are_cancelled(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    servicer, stop = Servicer(), asyncio.Event()
    server = asyncio.create_task(serve(ServerSettings(address, grace_seconds=0.2), [service(servicer)], stop))
    async with opened(address) as channels:
        await channels.ready(10)
        call = stub(channels.pick()).Execute(execution_pb2.ExecuteRequest())
        await call.read()
        await servicer.entered.wait()
        stop.set()
        await asyncio.wait_for(server, 5)
        assert servicer.cancelled.is_set()
        with pytest.raises(grpc.RpcError) as raised:
            await call.read()
    assert type(from_rpc_error(raised.value)) is Unavailable


async def test_health_says_not_serving_while_draining(tmp_path: Path) -> None:
    address, stop = f"unix:{tmp_path}/s", asyncio.Event()
    server = asyncio.create_task(serve(ServerSettings(address, drain_seconds=0.5), [service(Servicer())], stop))
    async with opened(address) as channels:
        await channels.ready(10)
        health: Any = health_pb2_grpc.HealthStub(channels.pick())
        named = health_pb2.HealthCheckRequest(service=SERVICE)
        before = await health.Check(named)
        stop.set()
        await asyncio.sleep(0.1)
        during = await health.Check(named)
        answer = await stub(channels.pick()).GetCapabilities(execution_pb2.GetCapabilitiesRequest())
    await asyncio.wait_for(server, 5)
    assert before.status == health_pb2.HealthCheckResponse.SERVING
    assert during.status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert answer.slots == 2


async def test_a_unix_socket_is_private_and_replaces_a_dead_one(tmp_path: Path) -> None:
    path = tmp_path / "s"
    for _ in range(2):
        async with running_server([service(Servicer())], f"unix:{path}"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_start_that_fails_ends_the_server_and_stops_what_began() -> None:
    stopped: list[str] = []

    async def fail() -> None:
        raise Misconfigured("NoSandbox", "no gVisor here")

    async def end() -> None:
        stopped.append("first")

    services = [service(Servicer(), stop=end), Service("second", lambda server: None, start=fail)]
    with pytest.raises(Misconfigured, match="no gVisor here"):
        await serve(ServerSettings("127.0.0.1:0"), services, asyncio.Event())
    assert stopped == ["first"]


async def test_a_port_in_use_is_a_clear_error() -> None:
    async with running_server([service(Servicer())], "127.0.0.1:0") as bound:
        with pytest.raises(Misconfigured, match=rf"cannot listen on {bound}: Address already in use"):
            await serve(ServerSettings(bound), [service(Servicer())], asyncio.Event())


async def test_a_socket_in_use_is_a_clear_error_and_its_server_lives_on(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    async with running_server([service(Servicer())], address), opened(address) as channels:
        with pytest.raises(Misconfigured, match="another server listens there"):
            await serve(ServerSettings(address), [service(Servicer())], asyncio.Event())
        assert (await stub(channels.pick()).GetCapabilities(execution_pb2.GetCapabilitiesRequest())).slots == 2


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("localhost", "neither unix:/path nor host:port"),
        ("localhost:http", "neither"),
        ("localhost:70000", "neither"),
        (":50051", "neither"),
        ("unix:", "has no path"),
        ("unix:/" + "x" * 107, "107 are possible"),
        ("unix:/no/such/folder/s", "No such file or directory"),
        ("no-such-host.invalid:1", "cannot listen on no-such-host.invalid:1: "),
    ],
)
async def test_a_bad_address_is_a_clear_error(address: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        await serve(ServerSettings(address), [service(Servicer())], asyncio.Event())


async def test_the_metrics_endpoint_counts_calls() -> None:
    async with running_server([service(Servicer())], "127.0.0.1:0") as free:
        pass
    settings, stop = ServerSettings("127.0.0.1:0", metrics_address=free), asyncio.Event()
    server = asyncio.create_task(serve(settings, [service(Servicer())], stop))
    full = service(Servicer(Busy("QueueFull", "full", 1)))
    async with running_server([full], "127.0.0.1:0") as bound, opened(bound) as channels:
        with pytest.raises(grpc.RpcError):
            await stub(channels.pick()).GetCapabilities(execution_pb2.GetCapabilitiesRequest())
    reader, writer = await asyncio.open_connection(*free.split(":"))
    writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    stop.set()
    await asyncio.wait_for(server, 5)
    handled = [line for line in text.splitlines() if line.startswith("grpc_server_handled_total")]
    assert any('grpc_method="GetCapabilities"' in line and "RESOURCE_EXHAUSTED" in line for line in handled)
