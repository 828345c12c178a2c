"""The pool with real sandboxes: copies of a checkpoint, replacements, losses, what is known already."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from seedmill.execution.client import ExecutionClient
from seedmill.execution.environments import standard_environment
from seedmill.execution.known_verdicts import CACHE_BYTES
from seedmill.execution.pool import Pool
from seedmill.execution.sandboxes.bundle import guest_python
from seedmill.execution.sandboxes.checkpoint import Starter
from seedmill.execution.sandboxes.runsc_build import find_runsc
from seedmill.execution.sandboxes.sandbox import Sandbox, SandboxKind
from seedmill.execution.server import service
from seedmill.records.verdict import Isolation, Program, Status, VerdictKind
from seedmill.serving.channel import Channels
from seedmill.serving.errors import Unavailable
from seedmill.serving.health import Readiness
from seedmill.serving.server import running_server
from support.requirements import ROOT, require

ADD = "def add(a, b):\n    return a + b\n"
DRAW = "import os, random\ndef f():\n    print(os.urandom(16).hex(), random.random())\n    return 1\n"


def add(number: int, isolation: Isolation = Isolation.POOLED, seconds: float = 5.0) -> Program:
    """Right, and like no other."""
    return Program(
        f"p{number}", "python", ADD, f"assert add({number}, 1) == {number + 1}", seconds, isolation=isolation
    )


def kind() -> SandboxKind:
    python = guest_python()
    return SandboxKind(python, standard_environment(python), find_runsc(), "test")


def runscs() -> list[int]:
    """Processes of ours that run a sandbox."""
    found: list[int] = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"\0--platform\0" in Path(f"/proc/{name}/cmdline").read_bytes():
                found.append(int(name))
    return found


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    require("runsc")
    made = Pool(slots=2, platform="systrap")
    await made.start()
    try:
        yield made
    finally:
        await made.close()
    assert runscs() == []


@pytest.mark.parametrize("platform", ["systrap", "ptrace"])
async def test_copies_draw_different_numbers(platform: str):
    require("runsc")
    made = Pool(slots=1, platform=platform)
    await made.start()
    try:
        program = Program("x", "python", DRAW, "assert f() == 1", verdict=VerdictKind.TOKEN, isolation=Isolation.FRESH)
        printed: list[str] = []
        for number in range(4):
            verdict = await made.run(Program(**{**_fields(program), "tests": f"assert f() == 1 # {number}"}))
            assert verdict.status is Status.PASS, verdict
            assert verdict.sandbox.endswith(platform)
            printed += verdict.stdout.split()
        assert len(set(printed)) == 8
    finally:
        await made.close()


def _fields(program: Program) -> dict[str, object]:
    return {name: getattr(program, name) for name in Program.__slots__}


async def test_a_copy_is_restored_and_the_first_goes_on():
    require("runsc")
    starter = Starter()
    first = await starter.start(kind(), 0)
    copies = [await starter.start(kind(), number) for number in (1, 2)]
    request = {"id": "x", "solution": ADD, "tests": "assert add(1, 2) == 3", "verdict": "Strict", "cpu_seconds": 5}
    try:
        for sandbox in (first, *copies):
            reply = await sandbox.judge({**request, "memory_bytes": 256 << 20}, 30)
            assert reply["status"] == "pass", reply
            assert reply["cpu_seconds"] > 0
            assert reply["peak_bytes"] > 0
        assert starter._images
    finally:
        for sandbox in (first, *copies):
            await sandbox.close()
        await starter.close()


async def test_where_restoring_fails_it_is_started_from_nothing(monkeypatch: pytest.MonkeyPatch):
    require("runsc")
    starter = Starter()
    first = await starter.start(kind(), 0)
    for image in starter._images.values():
        for file in image.path.glob("*.img"):
            file.write_bytes(b"no image")
    second = await starter.start(kind(), 1)
    reply = await second.judge(
        {
            "id": "x",
            "solution": ADD,
            "tests": "assert add(1, 2) == 3",
            "verdict": "Token",
            "cpu_seconds": 5,
            "memory_bytes": 256 << 20,
        },
        30,
    )
    assert reply["status"] == "pass"
    for sandbox in (first, second):
        await sandbox.close()
    await starter.close()


async def test_replacing_sandboxes_all_the_time_fails_no_program(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seedmill.execution.place.HYGIENE_TESTS", 5)
    verdicts = await asyncio.gather(*(pool.run(add(number)) for number in range(60)))
    assert {verdict.status for verdict in verdicts} == {Status.PASS}


async def test_killed_sandboxes_lose_no_program(pool: Pool):
    async def kill() -> None:
        for _ in range(4):
            await asyncio.sleep(0.7)
            for pid in runscs()[:1]:
                os.kill(pid, signal.SIGKILL)

    killing = asyncio.create_task(kill())
    verdicts = [await pool.run(add(number)) for number in range(40)]
    await killing
    assert {verdict.status for verdict in verdicts} == {Status.PASS}
    assert pool.ready


async def test_a_program_that_soils_its_sandbox_gets_it_replaced(pool: Pool):
    many = "import os, time\ndef f():\n    for _ in range(40):\n        if os.fork() == 0:\n            time.sleep(60)\n    return 1\n"
    before = set(runscs())
    verdict = await pool.run(Program("x", "python", many, "assert f() == 1", verdict=VerdictKind.TOKEN))
    assert verdict.status is Status.PASS, verdict
    assert [(await pool.run(add(number))).status for number in range(4)] == 4 * [Status.PASS]
    await asyncio.sleep(1)
    assert len(set(runscs()) - before) == 1
    assert len(runscs()) == 2


async def test_cpu_time_and_memory_are_told(pool: Pool):
    busy = "def f():\n    x = bytearray(60 << 20)\n    return sum(i * i for i in range(2_000_000)) and len(x)\n"
    verdict = await pool.run(Program("x", "python", busy, "assert f() == 60 << 20"))
    assert verdict.status is Status.PASS
    assert 0.05 < verdict.cpu_seconds < 5
    assert 60 << 20 <= verdict.peak_bytes < 200 << 20


async def test_what_was_judged_is_not_judged_again_and_only_within_its_kind(pool: Pool):
    first = await pool.run(add(1))
    again = await pool.run(Program(**{**_fields(add(1)), "id": "other"}))
    assert (again.id, again.cached, first.cached) == ("other", True, False)
    assert (again.status, again.kind, again.seconds) == (first.status, first.kind, first.seconds)
    for change in ({"verdict": VerdictKind.TOKEN}, {"isolation": Isolation.FRESH}, {"timeout_seconds": 4.0}):
        assert not (await pool.run(Program(**{**_fields(add(1)), **change}))).cached


async def test_programs_of_one_key_run_once_at_a_time(pool: Pool):
    slow = Program("x", "python", "import time\ndef f():\n    time.sleep(1)\n    return 1\n", "assert f() == 1")
    began = time.monotonic()
    verdicts = await asyncio.gather(*(pool.run(slow, run="r", key="k") for _ in range(6)))
    assert time.monotonic() - began < 2.8, "six of them need 3 s on two sandboxes"
    assert [verdict.cached for verdict in verdicts] == [False] + 5 * [True]


async def test_sandboxes_lost_in_a_row_make_the_service_wait_and_it_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    require("runsc")
    broken = False
    judge = Sandbox.judge

    async def lossy(self: Sandbox, request: dict[str, object], longest_seconds: float) -> dict[str, object]:
        if broken:
            self._process.kill()
        return await judge(self, request, longest_seconds)

    monkeypatch.setattr(Sandbox, "judge", lossy)
    monkeypatch.setattr("seedmill.serving.server.LOOK_SECONDS", 0.1)
    readiness = Readiness()
    served = service(workers=2, platform="systrap", cache_bytes=CACHE_BYTES)
    async with running_server([served], f"unix:{tmp_path}/s", readiness=readiness) as address:
        channels = Channels([address], "execution")
        client = ExecutionClient(channels, "test")
        assert (await client.execute(add(1))).status is Status.PASS
        broken = True
        statuses = [(await client.execute(add(number))).status for number in (10, 11)]
        assert statuses == 2 * [Status.INFRA]
        with pytest.raises(Unavailable, match="no sandbox gives verdicts: it ended") as error:
            await client.execute(add(12))
        assert error.value.reason == "SandboxUnavailable"
        await asyncio.sleep(0.5)
        assert not readiness.serving
        broken = False
        for _ in range(100):
            if readiness.serving:
                break
            await asyncio.sleep(0.1)
        assert readiness.serving
        assert (await client.execute(add(2))).status is Status.PASS
        await client.close()
        await channels.close()


OTHER_USER = {"user": 4242, "group": 4242, "extra_groups": []}
RUNS = "import sys; sys.path += sys.argv[1:]; import structlog, prometheus_client, grpc, google.protobuf"
UNPRIVILEGED = """
import asyncio, os, sys
from seedmill.execution.pool import Pool
from seedmill.execution.sandboxes import checkpoint
from seedmill.records.verdict import Isolation, Program

async def main():
    pool = Pool(slots=1, platform=sys.argv[1])
    await pool.start()
    how = []
    timed = checkpoint._timed
    async def noted(kind, number, image):
        how.append("start" if image is None else "restore")
        return await timed(kind, number, image)
    checkpoint._timed = noted
    statuses = [(await pool.run(Program("x", "python", "def f(): return 1", f"assert f() == 1 # {n}", isolation=level))).status
                for n, level in enumerate((Isolation.POOLED, Isolation.FRESH, Isolation.FRESH))]
    await pool.close()
    print(os.geteuid(), *statuses, *sorted(set(how)))

asyncio.run(main())
"""


@pytest.mark.parametrize("platform", ["systrap", "ptrace"])
def test_an_ordinary_user_restores_too(platform: str):
    """In a user namespace. runsc and the sources are copied to where that user can read them."""
    runsc = require("runsc")
    if os.geteuid() != 0:
        pytest.skip("to run as another user needs root; the other tests here run as the ordinary user that you are")
    python = "/usr/bin/python3"
    packages = [path for path in sys.path if path and not Path(path).is_relative_to(sys.base_prefix)]
    if subprocess.run([python, "-c", RUNS, *packages], **OTHER_USER, check=False).returncode:  # pyright: ignore
        pytest.skip("another user cannot read the packages of this environment, or its Python is another one")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        shutil.copytree(runsc.parent, Path(folder) / "runsc")
        shutil.copytree(ROOT / "services", Path(folder) / "services")
        temporary = Path(folder) / "temporary"
        temporary.mkdir()
        os.chown(temporary, 4242, 4242)
        environment = {
            "PYTHONPATH": os.pathsep.join([f"{folder}/services", *packages]),
            "TMPDIR": str(temporary),
            "HOME": str(temporary),
            "SEEDMILL_RUNSC": f"{folder}/runsc/runsc",
        }
        done = subprocess.run(
            [python, "-c", UNPRIVILEGED, platform],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **OTHER_USER,  # pyright: ignore
        )
        assert done.stdout.split()[-5:] == ["4242", "pass", "pass", "pass", "restore"], done.stderr
        assert list(temporary.glob("seedmill-*")) == []


async def test_metrics_tell_what_gvisor_uses_beside_programs():
    require("runsc")
    held, gvisor, programs = _gauge(), _cpu("gvisor"), _cpu("program")
    pool = Pool(slots=1, cache_bytes=0)
    await pool.start()
    try:
        for number in range(5):
            assert (await pool.run(add(number))).status is Status.PASS
        assert _gauge() - held > 10 << 20  # a sandbox is no smaller
        assert _cpu("gvisor") > gvisor
        assert _cpu("program") > programs
    finally:
        await pool.close()
    assert _gauge() == held


def _gauge() -> float:
    return REGISTRY.get_sample_value("seedmill_execution_sandbox_resident_bytes") or 0.0


def _cpu(who: str) -> float:
    return REGISTRY.get_sample_value("seedmill_execution_cpu_seconds_total", {"who": who}) or 0.0
