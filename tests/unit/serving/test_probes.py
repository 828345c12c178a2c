"""`/healthz` and `/readyz` beside the metrics."""

import asyncio
import socket
import time
import urllib.error
import urllib.request

import pytest

from seedmill.serving import metrics
from seedmill.serving.health import Readiness
from seedmill.serving.metrics import metrics_endpoint
from seedmill.serving.server import running_server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


async def test_ready_is_what_health_says() -> None:
    port, readiness = free_port(), Readiness()
    with metrics_endpoint(f"127.0.0.1:{port}", readiness):
        assert await asyncio.to_thread(asked, port, "/readyz") == (503, "not serving\n")
        async with running_server([], "127.0.0.1:0", readiness=readiness):
            assert await asyncio.to_thread(asked, port, "/readyz?verbose") == (200, "ok\n")
        assert await asyncio.to_thread(asked, port, "/readyz") == (503, "not serving\n")
        assert await asyncio.to_thread(asked, port, "/healthz") == (200, "ok\n")
        status, page = await asyncio.to_thread(asked, port, "/metrics")
    assert status == 200
    assert "seedmill_build_info" in page


async def test_a_stuck_event_loop_is_told_while_it_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(metrics, "SILENT_SECONDS", 0.5)
    port = free_port()
    with metrics_endpoint(f"127.0.0.1:{port}"):
        await asyncio.sleep(1)
        assert await asyncio.to_thread(asked, port, "/healthz") == (200, "ok\n")
        time.sleep(1)  # noqa: ASYNC251
        status, why = asked(port, "/healthz")
        assert status == 503
        assert why.startswith("the event loop has not run for 1 s")
        await asyncio.sleep(0.2)
        assert (await asyncio.to_thread(asked, port, "/healthz"))[0] == 200
        assert (await asyncio.to_thread(asked, port, "/readyz"))[0] == 404, "nobody said what ready would be"
