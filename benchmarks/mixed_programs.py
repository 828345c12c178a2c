"""Programs for long runs: honest ones of several kinds, and hostile ones, each with an id and a text of its own."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from seedmill.records.verdict import Program, VerdictKind

CPU_SECONDS = 1.0
MEMORY_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Kind:
    """One program of the mix; `number` tells it in every id."""

    number: int
    solution: str
    tests: str
    hostile: bool = False


_HONEST = (
    ("def f(x):\n    return 2 * x\n", "assert f(21) == 42"),
    ("def f(x):\n    return 2 * x + 1\n", "assert f(21) == 42"),
    ("def f(xs):\n    return sorted(xs)\n", "assert f([3, 1, 2]) == [1, 2, 3]\nassert f([]) == []"),
    ("def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\n", "assert f(18) == 2584"),
    ("import re\ndef f(s):\n    return re.findall(r'[a-z]+', s)\n", "assert f('ab 1 cd') == ['ab', 'cd']"),
    ("class Stack:\n    def __init__(self):\n        self.items = []\n    def push(self, x):\n        self.items.append(x)\n"
     "    def pop(self):\n        return self.items.pop()\n", "s = Stack()\ns.push(1)\ns.push(2)\nassert s.pop() == 2"),
    ("def f(x):\n    if x < 0:\n        raise ValueError('negative')\n    return x ** 0.5\n",
     "try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass\nassert f(4) == 2"),
    ("def f(x) return x\n", "assert f(1) == 1"),
    ("def f(x):\n    return x\n", "f(1)"),
    ("def f(x):\n    print(x)\n", "import io, contextlib\nb = io.StringIO()\nwith contextlib.redirect_stdout(b):\n    f(3)\nassert b.getvalue() == '3\\n'"),
    ("def f(x):\n    return x['a']\n", "assert f({}) == 1"),
    ("def f(n):\n    total = 0\n    for i in range(n):\n        total += i * i\n    return total\n", "assert f(100000) == 333328333350000"),
    ("def f(n):\n    for i in range(n):\n        yield i\n", "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(list(f(3)), [0, 1, 2])\n"),
    ("from collections import Counter\ndef f(s):\n    return Counter(s)\n", "assert f('aab') == {'a': 2, 'b': 1}"),
    ("import json\ndef f(s):\n    return json.loads(s)\n", "assert f('[1, {\"a\": null}]') == [1, {'a': None}]"),
)  # fmt: skip

_HOSTILE = (
    ("import os\ndef f():\n    os._exit(0)\n", "assert f() == 1"),
    ("import sys\nsys.exit(0)\n", "assert f() == 1"),
    ("import os\ndef f():\n    os.kill(-1, 9)\n    return 1\n", "assert f() == 2"),
    ("import os\ndef f():\n    while True:\n        print('x' * 4096)\n", "assert f() == 1"),
    ("def f():\n    return len([bytearray(1 << 24) for _ in range(200)])\n", "assert f() == 1"),
    ("import os, time\ndef f():\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(60)\n    return 1\n", "assert f() == 2"),
    ("class A:\n    def __eq__(self, other):\n        return True\ndef f():\n    return A()\n", "assert f() == 1"),
    ("import ctypes\ndef f():\n    ctypes.string_at(0)\n", "assert f() == 1"),
    ("def f():\n    while True:\n        pass\n", "assert f() == 1"),
    ("import os\ndef f():\n    try:\n        while True:\n            if os.fork() == 0:\n                os.pause() if hasattr(os, 'pause') else __import__('time').sleep(60)\n"
     "    except OSError:\n        return 1\n", "assert f() == 2"),
)  # fmt: skip

KINDS: Sequence[Kind] = tuple(
    [Kind(number, *each) for number, each in enumerate(_HONEST)]
    + [Kind(number, *each, hostile=True) for number, each in enumerate(_HOSTILE, len(_HONEST))]
)


def once_each(rounds: int) -> list[Program]:
    """Every kind, so many times."""
    return [_program(kind, f"{kind.number}/{n}") for n in range(rounds) for kind in KINDS]


def mixed(count: int, hostile_share: float, seed: str) -> list[Program]:
    """The same on every run. An id is the kind's number, a slash, and the program's place."""
    choice = random.Random(seed)
    honest, hostile = ([each for each in KINDS if each.hostile is which] for which in (False, True))
    kinds = [choice.choice(hostile if choice.random() < hostile_share else honest) for _ in range(count)]
    return [_program(kind, f"{kind.number}/{n}") for n, kind in enumerate(kinds)]


def kind_of(program_id: str) -> int:
    """The number of the kind that a program is of."""
    return int(program_id.partition("/")[0])


def _program(kind: Kind, name: str) -> Program:
    program = Program(name, "python", kind.solution, kind.tests, CPU_SECONDS, MEMORY_BYTES, verdict=VerdictKind.AUTO)
    return replace(program, tests=f"{kind.tests}\n# {name}\n")  # a text of its own: no verdict is one of another
