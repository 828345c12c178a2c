"""Wardens that are killed, stand still, or answer late or nonsense: no wrong verdict comes of it, and the pool goes on."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from seedmill.execution.level import Level
from seedmill.execution.pool import Pool
from seedmill.execution.sandboxes import sandbox
from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind
from seedmill.serving.errors import Unavailable
from support.requirements import require

RIGHT = "def f(x):\n    return 2 * x\n"
SLOW = "import time\ndef f(x):\n    time.sleep(0.05)\n    return 2 * x\n"

# Says that it is ready, and answers each request with what the expression gives.
FAKE = """
import json, os, struct, sys, time
def send(data):
    os.write(1, struct.pack("<I", len(data)) + data)
def read(size):
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part:
            os._exit(0)
        data += part
    return data
send(b'{"ready": true, "held_bytes": 0}')
while True:
    request = json.loads(read(struct.unpack("<I", read(4))[0]))
    answer = {"id": request["id"], "status": "pass", "reason": "", "kind": "Strict", "downgrade": "", "asserts": 1,
              "seconds": 0.1, "left": 0, "stdout": "", "stderr": "", "cpu_seconds": 0.1, "peak_bytes": 0, "held_bytes": 0,
              "sweep_seconds": 0.0}
    said = (lambda: %s)()
    if isinstance(said, dict):
        send(json.dumps(said).encode())
    elif said is not None:
        os.write(1, said)
"""
NONSENSE = {
    "nothing, and leaves": "os._exit(0)",
    "an answer to another question": "{**answer, 'id': 'another'}",
    "no question's answer": "{name: value for name, value in answer.items() if name != 'id'}",
    "no JSON": "struct.pack('<I', 4) + b'pass'",
    "bytes that are no text": "struct.pack('<I', 4) + bytes([255, 254, 0, 1])",
    "a list": "struct.pack('<I', 2) + b'[]'",
    "a length of 4 GiB": "struct.pack('<I', 2 ** 32 - 1)",
    "half an answer, and leaves": "os.write(1, struct.pack('<I', 100) + b'{') and os._exit(0)",
    "an unknown status": "{**answer, 'status': 'passed'}",
    "no status": "{name: value for name, value in answer.items() if name != 'status'}",
    "an unknown kind": "{**answer, 'kind': 'Certain'}",
    "a count that is none": "{**answer, 'asserts': 'many'}",
    "a time that is none": "{**answer, 'seconds': None}",
    "deep nesting": "struct.pack('<I', 200000) + b'[' * 200000",
}


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    started = Pool(Level.PROCESS, slots=1, cache_bytes=0)
    await started.start()
    try:
        yield started
    finally:
        await started.close()


async def judge(pool: Pool, solution: str, tests: str = "assert f(21) == 42", seconds: float = 5.0) -> Verdict:
    program = Program("x", "python", solution, tests, seconds, 256 << 20, isolation=pool.isolations[0])
    return await pool.run(program)


def children() -> list[int]:
    found: list[int] = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(name))
        except OSError:
            continue
    return found


def pretend(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    def command(*_: object) -> Sequence[str]:
        return [sys.executable, "-c", FAKE % answer]

    monkeypatch.setattr(sandbox, "_start_command", command)


async def lose_sandbox(pool: Pool) -> None:
    """So that the next program ends up in a new one: the false one."""
    (place,) = pool._stock._idle
    await place.sandbox.close()


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
async def test_a_warden_that_answers_nonsense_says_nothing_about_the_program(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, answer: str
):
    with monkeypatch.context() as patched:
        pretend(patched, answer)
        await lose_sandbox(pool)
        verdict = await judge(pool, RIGHT)
        assert verdict.status is Status.INFRA, verdict
    assert (await judge(pool, RIGHT)).status is Status.PASS


async def test_an_answer_too_many_is_not_the_next_programs(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patched:
        pretend(patched, "send(json.dumps({**answer, 'status': 'fail'}).encode()) or answer")
        await lose_sandbox(pool)
        first, second = await judge(pool, RIGHT), await judge(pool, RIGHT)
        assert first.status is Status.FAIL, "the warden said so: this test would show nothing"
        assert second.status is not Status.PASS, second
    assert (await judge(pool, RIGHT)).status is Status.PASS


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_warden_that_is_killed_at_any_moment_changes_no_verdict(pool: Pool, signal_number: int):
    choice = random.Random(1)
    judged: list[Status] = []
    for n in range(16):
        tests, right = ("assert f(21) == 41", Status.FAIL) if n % 3 == 0 else ("assert f(21) == 42", Status.PASS)
        running = asyncio.create_task(judge(pool, SLOW, tests))
        await asyncio.sleep(choice.uniform(0, 0.12))
        for pid in children():
            os.kill(pid, signal_number)
        try:
            judged.append((await running).status)
        except Unavailable:  # killed while it started: the caller is told to come again
            judged.append(Status.INFRA)
        # One that was killed while it was idle, and its successor, too, are two: that is said, and no fail.
        assert judged[-1] in (right, Status.INFRA), (n, judged)
        assert (await judge(pool, SLOW, tests)).status is right, (n, judged)
    assert judged.count(Status.INFRA) < len(judged)


async def test_a_warden_that_stands_still_is_replaced(pool: Pool):
    running = asyncio.create_task(judge(pool, SLOW, seconds=0.1))
    await asyncio.sleep(0.02)
    frozen = children()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    assert (await running).status is Status.PASS
    assert time.monotonic() - started < 30
    assert not set(frozen) & set(children())
    assert (await judge(pool, RIGHT)).status is Status.PASS


async def test_the_same_programs_have_the_same_verdicts_one_at_a_time_and_many_at_once():
    require("runsc")
    programs = [
        (RIGHT, "assert f(21) == 42"),
        (RIGHT, "assert f(21) == 43"),
        ("def f(x) return x\n", "assert f(1) == 1"),
        (RIGHT, "f(1)"),
        ("import os\ndef f(x):\n    os._exit(0)\n", "assert f(1) == 1"),
        ("def f(xs):\n    xs.append(1)\n    return xs\n", "assert f([]) == [1]"),
        ("class A:\n    def __eq__(self, o):\n        return True\ndef f(x):\n    return A()\n", "assert f(1) == 1"),
        (RIGHT, "import threading\nassert f(1) == 2"),
        ("def f(x):\n    print('y' * (2 << 20))\n", "f(1)\nassert True"),
        ("def f(x):\n    return len(bytearray(400 << 20))\n", "assert f(1) == 1"),
    ]
    found: dict[int, list[tuple[Status, str, VerdictKind]]] = {}
    for width in (1, 32):
        started = Pool(slots=2, cache_bytes=0)
        await started.start()
        places = asyncio.Semaphore(width)

        async def one(n: int, used: Pool = started, limit: asyncio.Semaphore = places) -> Verdict:
            solution, tests = programs[n % len(programs)]
            program = Program(str(n), "python", solution, f"{tests}\n# {n}", 4.0, 96 << 20, isolation=Isolation.POOLED)
            async with limit:
                return await used.run(program)

        try:
            verdicts = await asyncio.gather(*map(one, range(120)))
        finally:
            await started.close()
        found[width] = [(verdict.status, verdict.reason, verdict.kind) for verdict in verdicts]
    assert found[1] == found[32]
    assert len({status for status, _, _ in found[1]}) >= 5
