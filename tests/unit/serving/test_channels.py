"""Channels: turns, replicas that are down, waiting for them."""

import asyncio
import collections
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from seedmill.serving.channel import Channels
from seedmill.serving.errors import Misconfigured, Unavailable
from seedmill.serving.server import Service, running_server
from seedmill.v1alpha1 import execution_pb2, execution_pb2_grpc


class Replica(execution_pb2_grpc.ExecutionServiceServicer):
    """Says its number, or that it is away."""

    def __init__(self, number: int, *, away: bool = False) -> None:
        self.number = number
        self.away = away
        self.calls = 0

    async def GetCapabilities(self, request: Any, context: Any) -> Any:
        self.calls += 1
        if self.away:
            raise Unavailable("SandboxUnavailable", "away")
        return execution_pb2.GetCapabilitiesResponse(slots=self.number)

    def service(self) -> Service:
        return Service(
            "execution", lambda server: execution_pb2_grpc.add_ExecutionServiceServicer_to_server(self, server)
        )


async def asked(channels: Channels, times: int) -> "collections.Counter[int | None]":
    """Which replica answered how often; None = an error."""
    answers: collections.Counter[int | None] = collections.Counter()
    for _ in range(times):
        stub: Any = execution_pb2_grpc.ExecutionServiceStub(channels.pick())
        try:
            answers[(await stub.GetCapabilities(execution_pb2.GetCapabilitiesRequest(), timeout=5)).slots] += 1
        except grpc.RpcError:
            answers[None] += 1
    return answers


async def test_replicas_take_turns(tmp_path: Path) -> None:
    addresses = [f"unix:{tmp_path}/{number}" for number in range(3)]
    async with (
        running_server([Replica(1).service()], addresses[0]),
        running_server([Replica(2).service()], addresses[1]),
        running_server([Replica(3).service()], addresses[2]),
    ):
        channels = Channels(addresses, "execution")
        await channels.ready(5)
        assert await asked(channels, 30) == {1: 10, 2: 10, 3: 10}
        await channels.close()


async def test_a_replica_that_is_gone_costs_one_call_and_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedmill.serving.channel.FIRST_PAUSE_SECONDS", 2.0)  # longer than twenty calls take
    addresses = [f"unix:{tmp_path}/{number}" for number in range(2)]
    channels = Channels(addresses, "execution")
    async with running_server([Replica(1).service()], addresses[0]):
        async with running_server([Replica(2).service()], addresses[1]):
            await channels.ready(5)
            assert await asked(channels, 4) == {1: 2, 2: 2}
        during = await asked(channels, 20)
        assert during[None] <= 1
        assert during[1] >= 19
        async with running_server([Replica(2).service()], addresses[1]):
            async with asyncio.timeout(20):
                while not (await asked(channels, 2))[2]:
                    await asyncio.sleep(0.1)
    await channels.close()


async def test_a_replica_that_answers_unavailable_is_passed_over_for_a_growing_pause(tmp_path: Path) -> None:
    addresses = [f"unix:{tmp_path}/{number}" for number in range(2)]
    sick = Replica(2, away=True)
    async with running_server([Replica(1).service()], addresses[0]), running_server([sick.service()], addresses[1]):
        channels = Channels(addresses, "execution")
        await channels.ready(5)
        async with asyncio.timeout(10):
            while sick.calls < 3:
                await asked(channels, 1)
                await asyncio.sleep(0.01)
        before = sick.calls
        await asked(channels, 50)
        assert sick.calls <= before + 1
        sick.away = False
        async with asyncio.timeout(10):
            while not (await asked(channels, 2))[2]:
                await asyncio.sleep(0.05)
        assert (await asked(channels, 10))[2] == 5
        await channels.close()


async def test_with_every_replica_down_one_is_tried(tmp_path: Path) -> None:
    channels = Channels([f"unix:{tmp_path}/1", f"unix:{tmp_path}/2"], "execution")
    assert await asked(channels, 5) == {None: 5}
    async with running_server([Replica(1).service()], f"unix:{tmp_path}/1"):
        async with asyncio.timeout(10):
            while not (await asked(channels, 1))[1]:
                await asyncio.sleep(0.05)
    await channels.close()


async def test_ready_waits_for_a_server_that_comes_later(tmp_path: Path) -> None:
    channels = Channels([f"unix:{tmp_path}/1"], "execution")
    waiting = asyncio.create_task(channels.ready(10))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    async with running_server([Replica(1).service()], f"unix:{tmp_path}/1"):
        await waiting
    await channels.close()


async def test_ready_names_what_is_missing(tmp_path: Path) -> None:
    async with running_server([Replica(1).service()], f"unix:{tmp_path}/1"):
        channels = Channels([f"unix:{tmp_path}/1", f"unix:{tmp_path}/2"], "execution")
        with pytest.raises(Unavailable, match=rf"execution is not ready after 0.3 s at unix:{tmp_path}/2"):
            await channels.ready(0.3)
        await channels.close()


async def test_a_bad_address_is_refused_at_once() -> None:
    with pytest.raises(Misconfigured):
        Channels(["http://localhost"], "execution")


NAME = "mill.test"


class Names:
    """The system's name service, as far as NAME goes: `hosts` are what it stands for, none = it is not known."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hosts: list[str] = []
        self._system = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, host: Any, port: Any, *more: Any, **options: Any) -> Any:
        if host != NAME:
            return self._system(host, port, *more, **options)
        if not self.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [found for each in self.hosts for found in self._system(each, port, *more, **options)]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    monkeypatch.setattr("seedmill.serving.channel.LOOKUP_SECONDS", 0.05)
    return Names(monkeypatch)


@asynccontextmanager
async def replicas_on_one_port(hosts: list[str]) -> AsyncGenerator[str]:
    """One replica on each of these loopback hosts, numbered from 1, all on the same port: that port."""
    async with AsyncExitStack() as stack:
        port = "0"
        for number, host in enumerate(hosts, 1):
            bound = await stack.enter_async_context(running_server([Replica(number).service()], f"{host}:{port}"))
            port = bound.rpartition(":")[2]
        yield port


async def until_all_of(channels: Channels, numbers: set[int]) -> None:
    async with asyncio.timeout(10):
        while set(await asked(channels, 2 * len(numbers))) != numbers:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("scheme", ["", "dns:///"])
async def test_a_name_stands_for_replicas_that_come_and_go(names: Names, scheme: str) -> None:
    async with replicas_on_one_port(["127.0.0.1", "127.0.0.2", "127.0.0.3"]) as port:
        channels = Channels([f"{scheme}{NAME}:{port}"], "execution")
        assert await asked(channels, 1) == {None: 1}  # not known yet: an error to wait for, no end
        names.hosts = ["127.0.0.1", "127.0.0.2"]
        await until_all_of(channels, {1, 2})
        assert await asked(channels, 20) == {1: 10, 2: 10}
        names.hosts = ["127.0.0.2", "127.0.0.3"]
        await until_all_of(channels, {2, 3})
        names.hosts = []  # the name service is away: what was known is used on
        await asyncio.sleep(0.2)
        assert await asked(channels, 20) == {2: 10, 3: 10}
        await channels.close()


async def test_the_calls_of_one_operation_go_to_one_replica_of_a_name(names: Names) -> None:
    names.hosts = ["127.0.0.1", "127.0.0.2"]
    async with replicas_on_one_port(names.hosts) as port:
        channels = Channels([f"{NAME}:{port}"], "execution")
        await until_all_of(channels, {1, 2})
        for _ in range(4):
            stub: Any = execution_pb2_grpc.ExecutionServiceStub(channels.pick())
            answers = [await stub.GetCapabilities(execution_pb2.GetCapabilitiesRequest(), timeout=5) for _ in range(10)]
            assert len({answer.slots for answer in answers}) == 1
        await channels.close()


async def test_a_host_that_only_has_ipv4_servers_is_reached_by_name() -> None:
    async with running_server([Replica(1).service()], "127.0.0.1:0") as bound:
        channels = Channels([f"localhost:{bound.rpartition(':')[2]}"], "execution")
        await channels.ready(5)
        assert await asked(channels, 20) == {1: 20}
        await channels.close()
