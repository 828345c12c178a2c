"""`seedmill serve`: each of the four services as a process of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seedmill.serving.channel import Channels

SERVICES = {
    "seeding": [],
    "inference": ["--endpoint", "openai:http://127.0.0.1:9/v1"],
    "execution": ["--isolation", "process", "--workers", "1"],
    "aggregation": [],
}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "seedmill.cli", "serve", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


async def ready(address: str, service: str) -> None:
    channels = Channels([address], service)
    try:
        await channels.ready(60)
    finally:
        await channels.close()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_serves_on_a_socket_until_sigterm(service: str, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    with subprocess.Popen(
        command(service, "--address", address, *SERVICES[service]), stderr=subprocess.PIPE, text=True, env=environment()
    ) as server:
        try:
            asyncio.run(ready(address, service))
        finally:
            server.send_signal(signal.SIGTERM)
            _, log = server.communicate(timeout=60)
    assert server.returncode == 0, log
    assert [word for word in ("ready", "draining", "stopped") if f'"event": "{word}"' in log] == [
        "ready",
        "draining",
        "stopped",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["seeding", "--address", "localhost"], "neither unix:/path nor host:port"),
        (["aggregation", "--address", "unix:/no/such/folder/s"], "No such file or directory"),
        (["seeding", "--address", "127.0.0.1:0", "--metrics-address", "unix:/x"], "host:port only"),
        (["inference", "--address", "127.0.0.1:0", "--endpoint", "gopher://x"], "gopher://x"),
        (["execution", "--address", "127.0.0.1:0", "--isolation", "hope"], "hope"),
    ],
)
def test_what_cannot_work_is_one_line(arguments: list[str], words: str) -> None:
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=60, env=environment(), check=False
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("seedmill: ")
    assert words in line
