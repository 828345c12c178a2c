"""What a killed execution service leaves behind: its sandboxes die with it, its folders go when the next one starts."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedmill.execution.client import ExecutionClient
from seedmill.execution.sandboxes.folder import LOCK, PREFIX, SandboxFolder, sweep_abandoned
from seedmill.records.verdict import Isolation, Program, Status, Verdict
from seedmill.serving.channel import Channels
from support.levels import level_named

STAYS = (
    "import os, time\ndef f():\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n"
    "            time.sleep(600)\n    time.sleep(600)\n"
)


@contextlib.contextmanager
def server(address: str, temporary: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "seedmill.cli", "serve", "execution", "--address", address, "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(temporary)}
    with subprocess.Popen([*command, *options], env=environment, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.terminate()


async def execute(address: str, program: Program, *, until: float | None = None) -> Verdict | None:
    """The verdict, or None when there was none in time."""
    channels = Channels([address], "execution")
    client = ExecutionClient(channels, "test")
    try:
        await channels.ready(60)
        return await asyncio.wait_for(client.execute(program), until)
    except TimeoutError:
        return None
    finally:
        await client.close()
        await channels.close()


def folders(parent: Path) -> set[Path]:
    return set(parent.glob(f"{PREFIX}*"))


def descendants(pid: int) -> set[int]:
    children: dict[int, set[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, set()).add(int(name))
    found: set[int] = set()
    new = children.get(pid, set())
    while new:
        found |= new
        new = set().union(*(children.get(each, set()) for each in new)) - found
    return found


def alive(pids: set[int]) -> set[int]:
    found: set[int] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(pid)
    return found


def ended_within(pids: set[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pids)


async def waits_in_the_sandbox(
    address: str, isolation: Isolation, pid: int
) -> tuple[asyncio.Task[Verdict | None], set[int]]:
    """A program that is running, and every process of the server's by then."""
    program = Program("x", "python", STAYS, "assert f()", timeout_seconds=200.0, isolation=isolation)
    running = asyncio.create_task(execute(address, program, until=60))
    deadline = time.monotonic() + 30
    while len(descendants(pid)) < 4 and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    await asyncio.sleep(4)
    return running, descendants(pid)


@pytest.mark.parametrize("isolation", [Isolation.POOLED, Isolation.PROCESS])
async def test_a_killed_service_takes_its_sandboxes_along_and_the_next_one_tidies_up(
    isolation: Isolation, tmp_path: Path
):
    native = isolation is Isolation.PROCESS
    level_named("process" if native else "gvisor")
    options = ["--isolation", "process"] if native else []
    address = f"unix:{tmp_path}/s"
    with server(address, tmp_path, *options) as first:
        running, processes = await waits_in_the_sandbox(address, isolation, first.pid)
        assert len(alive(processes)) >= 4, "nothing is running: this test would show nothing"
        first.send_signal(signal.SIGKILL)
        first.wait()
    running.cancel()
    assert ended_within(processes, 5), alive(processes)
    left = folders(tmp_path)
    assert len(left) == 1
    with server(address, tmp_path, *options) as second:
        verdict = await execute(
            address, Program("x", "python", "def f():\n    return 1\n", "assert f() == 1", isolation=isolation)
        )
        assert verdict is not None
        assert verdict.status is Status.PASS
        now = folders(tmp_path)
        assert len(now) == 1
        assert not now & left
        second.terminate()
        second.wait(30)
    assert folders(tmp_path) == set()


def test_sweeping_ends_what_lives_in_an_abandoned_folder_and_touches_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    owned = SandboxFolder()
    foreign = tmp_path / f"{PREFIX}foreign"
    foreign.mkdir()
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(owned.path)
    abandoned = tmp_path / f"{PREFIX}abandoned"
    (abandoned / "state").mkdir(parents=True)
    (abandoned / LOCK).touch()
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        subprocess.Popen([*sleep, f"--root={abandoned}/state"]) as left,
        subprocess.Popen([*sleep, "--bundle", str(abandoned)]) as bundled,
        subprocess.Popen([*sleep, f"--root={abandoned}2/state"]) as other,
        subprocess.Popen([*sleep, f"--root={owned.path}/state"]) as living,
    ):
        try:
            assert sweep_abandoned() == [abandoned]
            assert left.wait(5) == bundled.wait(5) == -signal.SIGKILL
            assert other.poll() is living.poll() is None
        finally:
            for process in (left, bundled, other, living):
                process.kill()
    assert set(tmp_path.iterdir()) == {owned.path, foreign, link}
    owned.remove()
    assert sweep_abandoned() == []
    assert set(tmp_path.iterdir()) == {foreign, link}
