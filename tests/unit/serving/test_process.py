"""A server as a process: signals, the line that says it is ready, and its parent's death."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from seedmill.serving.channel import Channels

SERVER = """
import asyncio, os, sys
from seedmill.serving.logs import LogFormat, configure_logs
from seedmill.serving.server import ServerSettings, Service, serve
configure_logs(LogFormat.JSON)
settings = ServerSettings(sys.argv[1], parent_pid=int(sys.argv[2]) if len(sys.argv) > 2 else None, drain_seconds=float(
    os.environ.get("DRAIN", "0")))
asyncio.run(serve(settings, [Service("empty", lambda server: None)]))
"""

PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", os.environ["SERVER"], sys.argv[1], str(os.getpid())])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    return f"unix:{tmp_path}/s"


def started(address: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVER), address],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )


async def wait_until_ready(address: str) -> None:
    channels = Channels([address], "empty")
    try:
        await channels.ready(20)
    finally:
        await channels.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_which_says_when_it_was_ready(address: str, number: signal.Signals) -> None:
    server = started(address)
    asyncio.run(wait_until_ready(address))
    server.send_signal(number)
    _, log = server.communicate(timeout=20)
    lines = [json.loads(line) for line in log.splitlines()]
    assert server.returncode == 0
    assert [line["event"] for line in lines] == ["ready", "draining", "stopped"]
    assert lines[0]["address"] == address


def test_a_second_signal_cuts_the_drain_short(address: str) -> None:
    server = started(address, DRAIN="60")
    asyncio.run(wait_until_ready(address))
    server.send_signal(signal.SIGTERM)
    assert server.stderr is not None
    while "draining" not in server.stderr.readline():
        pass
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=20)
    assert server.returncode == 0
    assert time.monotonic() - began < 10


def test_the_server_ends_when_its_parent_is_killed(address: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SERVER": SERVER}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, address], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        asyncio.run(wait_until_ready(address))
        parent.kill()
        parent.wait(timeout=10)
        deadline = time.monotonic() + 10
        while Path(f"/proc/{child}").exists() and _state(child) != "Z":
            assert time.monotonic() < deadline, "the server outlived its parent"
            time.sleep(0.05)


def test_a_server_whose_parent_died_while_it_started_does_not_serve(address: str) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", SERVER, address, str(gone.pid)], timeout=20, env=environment, check=False
    )
    assert done.returncode == 0
    assert not Path(address.removeprefix("unix:")).exists()


def test_health_of_an_unknown_service_is_not_found(address: str) -> None:
    server = started(address)

    async def ask() -> grpc.StatusCode:
        await wait_until_ready(address)
        async with grpc.aio.insecure_channel(address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            call = stub.Check(health_pb2.HealthCheckRequest(service="nobody"))
            return await call.code()

    assert asyncio.run(ask()) is grpc.StatusCode.NOT_FOUND
    server.terminate()
    server.communicate(timeout=20)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
