"""Liveness is for what a restart mends, readiness for whether work is done."""

import aiohttp
import pytest

from seedmill.operator.health import Signs, is_alive, is_ready, probes
from seedmill.serving.errors import Misconfigured

WELL = Signs(longest_work=0, oldest_waiting=0, since_answer=1)


@pytest.mark.parametrize(
    ("signs", "alive", "ready"),
    [
        (WELL, True, True),
        (Signs(601, 0, 1), False, False),
        (Signs(0, 301, 1), True, False),
        (Signs(0, 0, 121), True, False),
    ],
    ids=["well", "a pass hangs", "a run waits", "the API server is away"],
)
def test_what_each_probe_says(signs: Signs, alive: bool, ready: bool) -> None:
    assert (is_alive(signs) is None, is_ready(signs) is None) == (alive, ready)


async def test_probes_answer_over_http(unused_port: int) -> None:
    signs = WELL
    async with probes(f"127.0.0.1:{unused_port}", lambda: signs), aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{unused_port}/readyz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        signs = Signs(0, 0, 500)
        async with session.get(f"http://127.0.0.1:{unused_port}/readyz") as answer:
            assert (answer.status, await answer.text()) == (503, "the API server has not answered for 500 s")
        async with session.get(f"http://127.0.0.1:{unused_port}/healthz") as answer:
            assert answer.status == 200


async def test_an_address_in_use_is_told() -> None:
    async with probes("127.0.0.1:0", lambda: WELL):
        pass
    with pytest.raises(Misconfigured, match="host:port"):
        async with probes("unix:/tmp/x", lambda: WELL):
            pass


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
