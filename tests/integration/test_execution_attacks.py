"""Programs that attack, hang or use too much: what is contained, what is found out, and that nothing is left behind."""

import pytest

from seedmill.execution.pool import Pool
from seedmill.records.verdict import Status, VerdictKind
from support.levels import level_named
from support.python_bench import ADD, STRICT, TOKEN, USES_ADD, Bench
from support.requirements import require

ATTACKS = {
    "busy loop": ("def f():\n    while True:\n        pass\n", {Status.TIMEOUT}),
    "sleep": ("import time\ndef f():\n    time.sleep(60)\n", {Status.TIMEOUT}),
    "ignores signals": (
        "import signal\nfor n in range(1, 32):\n    try:\n        signal.signal(n, signal.SIG_IGN)\n    except OSError:\n        pass\n"
        "def f():\n    while True:\n        try:\n            while True:\n                pass\n        except BaseException:\n            pass\n",
        {Status.TIMEOUT},
    ),
    "memory": ("def f():\n    x = [bytearray(1 << 24) for _ in range(200)]\n    return len(x)\n", {Status.MEMORY}),
    "memory in children": (
        "import os, time\ndef f():\n    for _ in range(12):\n        if os.fork() == 0:\n            x = bytearray(b'x') * (100 << 20)\n"
        "            time.sleep(30)\n    time.sleep(30)\n",
        {Status.MEMORY, Status.TIMEOUT},
    ),
    "output": ("def f():\n    while True:\n        print('x' * 1000)\n", {Status.OUTPUT}),
    "fork bomb": ("import os\ndef f():\n    while True:\n        os.fork()\n", {Status.FAIL, Status.TIMEOUT, Status.ERROR, Status.MEMORY}),
    "thread bomb": (
        "import threading, time\ndef f():\n    while True:\n        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n",
        {Status.FAIL, Status.TIMEOUT, Status.MEMORY},
    ),
    "daemon left behind": (
        "import os, time\ndef f():\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n            time.sleep(60)\n"
        "        os._exit(0)\n    return 1\n",
        {Status.FAIL},
    ),
    "kill everyone": ("import os\ndef f():\n    os.kill(-1, 9)\n    return 1\n", {Status.FAIL, Status.TIMEOUT, Status.ERROR}),
    "segfault": ("import ctypes\ndef f():\n    ctypes.string_at(0)\n", {Status.FAIL}),
    "disk": (
        "def f():\n    with open('/tmp/big', 'wb') as file:\n        while True:\n            file.write(bytes(1 << 20))\n",
        {Status.FAIL, Status.MEMORY},
    ),
}  # fmt: skip


async def test_attacks_are_contained_and_the_next_test_passes(bench: Bench):
    for name, (solution, expected) in ATTACKS.items():
        verdict = await bench.run(solution, "assert f() == 42", seconds=0.5)
        assert verdict.status in expected, (name, verdict)
        after = await bench.run(ADD, USES_ADD)
        assert after.status is Status.PASS, (name, after)


KILLS_ITSELF = "import os\ndef f():\n    os.kill(os.getpid(), {})\n"
BUSY = "def f():\n    while True:\n        pass\n"
IGNORES = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n" + BUSY
SHORTLY = "def f():\n    x = bytearray(300 << 20)\n    del x\n    {}\n"
IN_A_CHILD = "import os\ndef f():\n    if os.fork() == 0:\n        x = bytearray(300 << 20)\n        os._exit(0)\n    os.wait()\n    return 1\n"


@pytest.mark.parametrize("kind", [STRICT, TOKEN])
async def test_a_signal_is_a_timeout_only_where_the_time_was_used(bench: Bench, kind: VerdictKind):
    who = "solution" if kind is STRICT else "tests"
    for number, name in ((9, "SIGKILL"), (24, "SIGXCPU"), (11, "SIGSEGV")):
        for solution in (KILLS_ITSELF.format(number), KILLS_ITSELF.format(number) + "f()\n"):
            verdict = await bench.run(solution, "assert f() == 1", kind)
            assert (verdict.status, verdict.reason) == (Status.FAIL, f"the {who} process was ended by {name}"), verdict
    for solution in (BUSY, IGNORES):
        verdict = await bench.run(solution, "assert f() == 1", kind, seconds=1.0)
        assert verdict.status is Status.TIMEOUT, verdict  # of CPU time, or on a loaded machine of wall time


@pytest.mark.parametrize("kind", [STRICT, TOKEN])
async def test_too_much_memory_is_found_however_short_it_was_held(bench: Bench, kind: VerdictKind):
    killed = "import os\n" + SHORTLY.format("os.kill(os.getpid(), 9)")
    for solution in (SHORTLY.format("return 1"), killed, IN_A_CHILD):
        verdict = await bench.run(solution, "assert f() == 1", kind)
        assert (verdict.status, verdict.reason) == (Status.MEMORY, "more than 256 MiB"), verdict
    assert (await bench.run(SHORTLY.format("return 1"), "assert f() == 1", kind, megabytes=400)).status is Status.PASS


async def test_how_large_the_service_is_does_not_hide_what_a_program_uses():
    """What starts a process leaves its own peak in that process's figures, and by them 90 MiB would look like none."""
    level = level_named("process")
    ballast = bytearray(400 << 20)
    # Filled and freed faster than the watch looks, at every moment between two looks.
    later = "import time\ndef f():\n    time.sleep({})\n    x = bytearray(80 << 20)\n    del x\n    return 1\n"
    solutions = [later.format(0.005 * step) for step in range(10)]
    pool = Pool(level, slots=1, cache_bytes=0)
    await pool.start()
    try:
        verdicts = [await Bench(pool).run(solution, "assert f() == 1", megabytes=64) for solution in solutions]
    finally:
        await pool.close()
    assert len(ballast) == 400 << 20
    assert [verdict.status for verdict in verdicts] == 10 * [Status.MEMORY]


async def test_a_solution_that_hangs_up_is_not_waited_for(bench: Bench):
    solution = "import os, time\ndef f():\n    os.closerange(3, 256)\n    time.sleep(60)\n"
    verdict = await bench.run(solution, "assert f() == 1", STRICT, seconds=5.0)
    assert (verdict.status, verdict.reason) == (Status.FAIL, "the solution's process is lost: it ended")


async def test_nothing_is_left_for_the_next_test(bench: Bench):
    leave = "open('/tmp/left', 'w').write('x')\nopen('/dev/shm/left', 'w').write('x')\ndef f():\n    return 1\n"
    assert (await bench.run(leave, "assert f() == 1", TOKEN)).status is Status.PASS
    look = "import os\ndef f():\n    return os.path.exists('/tmp/left') or os.path.exists('/dev/shm/left')\n"
    assert (await bench.run(look, "assert f() == False", TOKEN)).status is Status.PASS


async def test_there_is_no_network(bench: Bench):
    connect = (
        "import socket\ndef f():\n    for address in (('127.0.0.1', 80), ('169.254.169.254', 80), ('192.0.2.1', 53)):\n"
        "        try:\n            socket.create_connection(address, timeout=0.5)\n            return 'connected'\n"
        "        except OSError:\n            pass\n    return 'nothing'\n"
    )
    assert (await bench.run(connect, "assert f() == 'nothing'")).status is Status.PASS


async def test_the_machine_is_out_of_reach():
    require("runsc")
    pool = Pool(slots=1)
    await pool.start()
    try:
        # Of a home only folders that lead to compilers can be seen, and those compilers.
        look = (
            f"import os\nSHOWN = {pool.languages.binds()!r}\n"
            "def f():\n    seen = [p for p in ('/var', '/etc/shadow', '/dev/kvm', '/dev/sda') if os.path.exists(p)]\n"
            "    for home in ('/root', '/home'):\n        for folder, folders, files in os.walk(home):\n"
            "            folders[:] = [n for n in folders if os.path.join(folder, n) not in SHOWN]\n"
            "            seen += [os.path.join(folder, n) for n in files]\n"
            "    return seen, 'gvisor' in open('/proc/version').read().lower()\n"
        )
        verdict = await Bench(pool).run(look, "assert f() == ([], True) or f()[0] == []")
        assert verdict.status is Status.PASS, verdict
        assert verdict.sandbox.startswith("runsc ")
        assert len(verdict.environment) == 32
    finally:
        await pool.close()
