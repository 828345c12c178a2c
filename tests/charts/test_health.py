"""`helm test` finds out whether the services serve."""

import subprocess
import sys
from typing import Any

from seedmill.aggregation.server import service as aggregation
from seedmill.seeding.server import service as seeding
from seedmill.serving.server import running_server
from support.charts import SERVICES, case, component, of_kind, pods


def test_pod() -> dict[str, Any]:
    """The container of the test pod."""
    ((_, spec),) = [(metadata, spec) for metadata, spec in pods(case("full")) if component(metadata) == "test"]
    (container,) = spec["containers"]
    return container


test_pod.__test__ = False  # pyright: ignore[reportFunctionMemberAccess]


def asked(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What the test pod's program says, run here."""
    _, *rest = test_pod()["command"]
    command = [sys.executable, *rest, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_asks_every_service_at_the_address_of_its_own_service_object() -> None:
    addresses = {
        f"{each['metadata']['name']}.{each['metadata']['namespace']}.svc:{each['spec']['ports'][0]['port']}"
        for each in of_kind(case("full"), "Service")
        if component(each) in SERVICES
    }
    assert len(addresses) == 4
    assert {argument.partition("=")[2] for argument in test_pod()["args"]} == addresses


async def test_it_passes_when_all_serve_by_the_names_that_they_are_asked_by() -> None:
    import asyncio

    names = [argument.partition("=")[0] for argument in test_pod()["args"]]
    wanted = [name for name in names if "Seeding" in name or "Aggregation" in name]
    async with running_server([seeding(), aggregation()], "127.0.0.1:0") as address:
        done = await asyncio.to_thread(asked, *(f"{name}={address}" for name in wanted))
        assert (done.returncode, done.stdout.count("SERVING")) == (0, 2), done.stderr
        unknown = await asyncio.to_thread(asked, f"seedmill.v1alpha1.NoService={address}")
        assert unknown.returncode == 1
        assert "NOT_FOUND" in unknown.stdout


def test_it_fails_when_one_is_away() -> None:
    import seedmill

    assert seedmill
    program = test_pod()["command"][2].replace("WAIT_SECONDS = 20", "WAIT_SECONDS = 0.5")
    command = [sys.executable, "-c", program, "x.y.Service=127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "x.y.Service=127.0.0.1:1" in done.stdout
