"""Wrong solutions in real gVisor sandboxes and natively: none passes, and none chooses the weaker verdict."""

import pytest

from seedmill.records.verdict import Status, VerdictKind
from support.python_bench import ADD, AUTO, STRICT, TOKEN, USES_ADD, Bench

FORGERIES = {
    "nothing": "def f(x):\n    return None\n",
    "sys.exit in the function": "import sys\ndef f(x):\n    sys.exit(0)\n",
    "sys.exit at import": "import sys\nsys.exit(0)\ndef f(x):\n    return None\n",
    "exit builtin": "def f(x):\n    exit()\n",
    "raise SystemExit": "def f(x):\n    raise SystemExit(0)\n",
    "os._exit at import": "import os\nos._exit(0)\n",
    "os._exit in the function": "import os\ndef f(x):\n    os._exit(0)\n",
    "os._exit with another status": "import os\nos._exit(97)\ndef f(x):\n    return None\n",
    "os._exit with another status in the function": "import os\ndef f(x):\n    os._exit(97)\n",
    "_exit through ctypes": "import ctypes\ndef f(x):\n    ctypes.CDLL(None)._exit(0)\n",
    "exec of true": "import os\ndef f(x):\n    os.execv('/usr/bin/true', ['true'])\n",
    "fork, parent leaves": "import os\ndef f(x):\n    if os.fork():\n        os._exit(0)\n    return None\n",
    "atexit": "import atexit, os\natexit.register(os._exit, 0)\ndef f(x):\n    return None\n",
    "excepthook": "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\ndef f(x):\n    return None\n",
    "thread leaves": "import threading, os\nthreading.Timer(0.01, os._exit, (0,)).start()\ndef f(x):\n    import time\n    time.sleep(1)\n",
    "signal handler": "import signal, os\nsignal.signal(15, lambda *a: os._exit(0))\ndef f(x):\n    os.kill(os.getpid(), 15)\n",
    "always equal": "class A:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return A()\n",
    "always equal int": "class A(int):\n    def __eq__(self, other):\n        return True\n    __hash__ = None\ndef f(x):\n    return A(1)\n",
    "reads the caller's frame": (
        "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n        for c in frame.f_code.co_consts:\n"
        "            if type(c) is int and c > 40:\n                return c\n        frame = frame.f_back\n"
    ),
    "writes every descriptor": (
        "import os\ndef f(x):\n    for fd in range(1, 200):\n        try:\n            os.write(fd, b'd' + bytes([20, 0, 0, 0]) + bytes(20))\n"
        "        except OSError:\n            pass\n"
    ),
    "opens the others' files": (
        "import os\ndef f(x):\n    for pid in os.listdir('/proc'):\n        if pid.isdigit() and int(pid) != os.getpid():\n"
        "            for fd in range(200):\n                try:\n                    g = os.open(f'/proc/{pid}/fd/{fd}', os.O_WRONLY)\n"
        "                    os.write(g, b'd' + bytes([20, 0, 0, 0]) + bytes(20))\n                except OSError:\n                    pass\n"
    ),
    "shadows all": "def all(items):\n    return True\ndef f(x):\n    return None\n",
    "shadows all beside a function that is right": "def all(items):\n    return True\ndef f(x):\n    return 42\n",
    "shadows assert helpers": "class AssertionError(Exception):\n    pass\ndef f(x):\n    return None\n",
    "patches unittest": (
        "import unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None\ndef f(x):\n    return None\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", [AUTO, STRICT])
async def test_no_forgery_passes(bench: Bench, kind: VerdictKind):
    tests = "assert f(21) == 42\nassert all(f(n) == 2 * n for n in (1, 2))\n"
    passed = []
    for name, solution in FORGERIES.items():
        verdict = await bench.run(solution, tests, kind)
        assert verdict.status is not Status.INFRA, f"{name}: {verdict}"
        if verdict.status is Status.PASS:
            passed.append(name)
        again = await bench.run(ADD, USES_ADD)
        assert again.status is Status.PASS, f"the test behind {name}: {again}"
    assert passed == []


READS_FRAMES = (
    "import sys\n\nclass Odd:\n    def __eq__(self, other):\n        return True\n    def __len__(self):\n        return 1\n\n"
    "def guess():\n    frame = sys._getframe()\n    while frame:\n        for c in frame.f_code.co_consts:\n"
    "            if type(c) is int and c > 40 and frame.f_code.co_filename == '<tests>':\n                return c\n"
    "        frame = frame.f_back\n    return None\n\n"
)
TALKS_DOWN = {
    "an object where data is expected": (
        READS_FRAMES + "def f(x):\n    found = guess()\n    return Odd() if found is None else found\n",
        "assert f(21) == 42",
    ),
    "the same from a method": (
        READS_FRAMES + "class Stack:\n    def push(self, x):\n        pass\n    def pop(self):\n        return guess() or Odd()\n",
        "s = Stack()\ns.push(42)\nassert s.pop() == 42",
    ),
    "the object itself from a method": (
        "class Stack:\n    def push(self, x):\n        pass\n    def pop(self):\n        return self\n"
        "    def __eq__(self, other):\n        return True\n",
        "s = Stack()\ns.push(42)\nassert s.pop() == 42",
    ),
    "an object that is copied": (READS_FRAMES + "def f(x):\n    return guess() or Odd()\n", "import copy\nassert copy.copy(f(21)) == 42"),
    "an object that is searched": (
        READS_FRAMES + "class Has:\n    def __contains__(self, x):\n        return True\n\ndef f(x):\n    return Has()\n",
        "assert 42 in f(42)",
    ),
    "an answer that cannot cross": (
        READS_FRAMES + "def f(x):\n    found = guess()\n    if found is None:\n        found = []\n        for _ in range(300):\n"
        "            found = [found]\n    return found\n",
        "assert f(21) == 42",
    ),
    "an argument of a callback": (
        READS_FRAMES + "def f(g):\n    deep = []\n    for _ in range(300):\n        deep = [deep]\n    return guess() or g(deep)\n",
        "assert f(lambda x: x) == 42",
    ),
    "a callback that makes what cannot cross": (
        READS_FRAMES + "def f(g):\n    return guess() or g(memoryview, b'x')\n",
        "assert f(lambda h, x: h(x)) == 42",
    ),
    "an exception that is handed back": (
        READS_FRAMES + "def f(x):\n    if type(x) is int and guess() is None:\n        raise ValueError\n    return 42\n",
        "try:\n    r = f(21)\nexcept Exception as error:\n    r = f(error)\nassert r == 42",
    ),
}  # fmt: skip


async def test_a_solution_cannot_choose_the_weaker_verdict(bench: Bench):
    for name, (solution, tests) in TALKS_DOWN.items():
        verdict = await bench.run(solution, tests)
        assert (verdict.status, verdict.kind, verdict.downgrade) == (Status.ERROR, STRICT, ""), (name, verdict)
        assert verdict.reason.startswith("StrictUnsupported: "), (name, verdict)
        by_token = await bench.run(solution, tests, TOKEN)
        assert by_token.status is Status.PASS, (
            f"{name}: a forgery that token believes, else this shows nothing: {by_token}"
        )
