"""Programs in real gVisor sandboxes: what passes, what does not, by which kind of verdict. They run natively, too."""

import pytest

from seedmill.records.verdict import Status
from support.python_bench import ADD, STRICT, TOKEN, USES_ADD, Bench

LEGITIMATE = {
    "plain function": (ADD, USES_ADD),
    "recursion": ("def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)\n", "assert fact(20) == 2432902008176640000"),
    "helper and constant": (
        "LIMIT = 3\n\ndef clip(x):\n    return min(x, LIMIT)\n\ndef clips(xs):\n    return [clip(x) for x in xs]\n",
        "assert clips([1, 5]) == [1, 3]\nassert LIMIT == 3",
    ),
    "class with state": (
        "class Stack:\n    def __init__(self):\n        self.items = []\n    def push(self, x):\n        self.items.append(x)\n"
        "    def pop(self):\n        return self.items.pop()\n    def __len__(self):\n        return len(self.items)\n",
        "s = Stack()\ns.push(1)\ns.push(2)\nassert len(s) == 2\nassert s.pop() == 2\nassert s.items == [1]",
    ),
    "keyword arguments": (
        "def scale(x, *, by=2):\n    return x * by\n\nclass Scaler:\n    def scale(self, x, by=1):\n        return x * by\n",
        "assert scale(3, by=4) == 12\nassert Scaler().scale(2, by=5) == 10",
    ),
    "expected exception": (
        "def half(x):\n    if x % 2:\n        raise ValueError('odd')\n    return x // 2\n",
        "try:\n    half(3)\n    assert False, 'no error'\nexcept ValueError as error:\n    assert str(error) == 'odd'\nassert half(4) == 2",
    ),
    "own exception class": (
        "class Empty(Exception):\n    pass\n\ndef first(xs):\n    if not xs:\n        raise Empty()\n    return xs[0]\n",
        "raised = False\ntry:\n    first([])\nexcept Empty:\n    raised = True\nassert raised\nassert first([7]) == 7",
    ),
    "generator": (
        "def evens(n):\n    for i in range(0, n, 2):\n        yield i\n",
        "assert list(evens(7)) == [0, 2, 4, 6]\nassert next(iter(evens(1))) == 0",
    ),
    "callback": ("def twice(f, x):\n    return f(f(x))\n", "assert twice(lambda v: v + 1, 3) == 5"),
    "dataclass": (
        "from dataclasses import dataclass\n\n@dataclass\nclass Point:\n    x: int\n    y: int\n\ndef flip(p):\n    return Point(p.y, p.x)\n",
        "assert flip(Point(1, 2)) == Point(2, 1)\nassert flip(Point(1, 2)).x == 2",
    ),
    "floats": ("def mean(xs):\n    return sum(xs) / len(xs)\n", "assert abs(mean([0.1, 0.2]) - 0.15) < 1e-9"),
    "test functions": (ADD, "def test_add():\n    assert add(1, 1) == 2\n\ndef test_more():\n    assert add(2, 2) == 4\n"),
    "unittest": (
        ADD,
        "import unittest\n\nclass TestAdd(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(add(1, 1), 2)\n\n"
        "if __name__ == '__main__':\n    unittest.main()\n",
    ),
    "prints 128 KiB": ("def shout():\n    print('x' * (128 << 10))\n    return 1\n", "assert shout() == 1"),
    "named like a built-in function": ("def sum(a, b):\n    return a + b\n", "assert sum(1, 2) == 3\nassert sum(2, 2) == 4"),
    "does what the built-in function does": ("def max(xs):\n    return sorted(xs)[-1]\n", "assert max([1, 3, 2]) == 3"),
    "imports the solution": (ADD, "from solution import add\nassert add(1, 2) == 3"),
    "standard library": (
        "import math\nfrom collections import Counter\n\ndef top(xs):\n    return Counter(xs).most_common(1)[0][0]\n\n"
        "def area(r):\n    return math.pi * r * r\n",
        "import math\nassert top('aab') == 'a'\nassert math.isclose(area(1), math.pi)",
    ),
    "ordered dictionary": (
        "from collections import OrderedDict\n\ndef rotate(d):\n    d = OrderedDict(d)\n    d.move_to_end(next(iter(d)))\n    return d\n",
        "d = rotate({'a': 1, 'b': 2})\nassert list(d) == ['b', 'a']\nassert dict(**d) == {'a': 1, 'b': 2}",
    ),
    "classes as values": (
        "from fractions import Fraction\n\nclass Own:\n    pass\n\ndef kinds(x):\n    return type(x), Fraction, Own\n",
        "from fractions import Fraction\nfound = kinds(1.5)\nassert found[:2] == (float, Fraction)\n"
        "assert repr(found[1:]) == \"(<class 'fractions.Fraction'>, <class '__main__.Own'>)\"",
    ),
    "what can be called": (
        "class Item:\n    pass\n\nclass Action:\n    def __call__(self):\n        return 1\n\ndef both():\n    return [Item(), Action()]\n",
        "assert [callable(each) for each in both()] == [False, True]\nassert callable(both)",
    ),
    "docstrings": (
        "class Own:\n    'A class.'\n\ndef double(x):\n    'Twice x.'\n    return 2 * x\n\ndef bare():\n    pass\n",
        "assert double.__doc__ == 'Twice x.'\nassert Own.__doc__ == Own().__doc__ == 'A class.'\nassert bare.__doc__ is None",
    ),
}  # fmt: skip


async def test_right_programs_pass(bench: Bench):
    for name, (solution, tests) in LEGITIMATE.items():
        verdict = await bench.run(solution, tests)
        assert verdict.status is Status.PASS, (name, verdict)
        assert verdict.asserts_run >= 1, name
        assert not verdict.reason


async def test_strict_hosts_nearly_all_right_programs(bench: Bench):
    kinds = {name: (await bench.run(*case)).kind for name, case in LEGITIMATE.items()}
    token = [name for name, kind in kinds.items() if kind is not STRICT]
    assert len(token) <= 2, token


VECTOR = (
    "class Vector:\n    def __init__(self, x, y):\n        self.x, self.y = x, y\n    def __mul__(self, by):\n"
    "        return Vector(self.x * by, self.y * by)\n    def __eq__(self, other):\n"
    "        return (self.x, self.y) == (tuple(other) if isinstance(other, tuple) else (other.x, other.y))\n"
)
STACK = (
    "class Stack:\n    def __init__(self):\n        self.items = []\n    def push(self, x):\n        self.items.append(x)\n"
    "    def pop(self):\n        return self.items.pop()\n"
)
FOUND_AT_RUN_TIME = {
    "an operator of the solution's object": (VECTOR, "assert Vector(1, 2) * 3 == Vector(3, 6)", "assert Vector(1, 2) * 3 == Vector(3, 7)"),
    "equality with plain data": (VECTOR, "v = Vector(1, 2)\nassert v == (1, 2)", "v = Vector(1, 2)\nassert v == (2, 2)"),
    "a copy of the solution's object": (
        STACK,
        "import copy\ns = Stack()\ns.push(1)\nt = copy.deepcopy(s)\nassert t.pop() == 1\nassert s.pop() == 1",
        "import copy\ns = Stack()\ns.push(1)\nt = copy.deepcopy(s)\nassert t.pop() == 2",
    ),
    "a search in the solution's object": (
        "class Even:\n    def __contains__(self, x):\n        return x % 2 == 0\n",
        "assert 2 in Even()\nassert 3 not in Even()",
        "assert 2 in Even()\nassert 3 in Even()",
    ),
    "an object that cannot be handed over": (
        "def count(pattern, text):\n    return len(pattern.findall(text))\n",
        "import re\nassert count(re.compile('a'), 'banana') == 3",
        "import re\nassert count(re.compile('a'), 'banana') == 4",
    ),
}  # fmt: skip


async def test_auto_goes_on_by_token_with_what_strict_finds_out_at_run_time(bench: Bench):
    for name, (solution, right, wrong) in FOUND_AT_RUN_TIME.items():
        verdict = await bench.run(solution, right)
        assert (verdict.status, verdict.kind) == (Status.PASS, TOKEN), (name, verdict)
        assert verdict.downgrade, name
        assert verdict.asserts_run == right.count("assert "), name
        failed = await bench.run(solution, wrong)
        assert (failed.status, failed.kind, failed.downgrade) == (Status.FAIL, TOKEN, verdict.downgrade), (name, failed)
        strict = await bench.run(solution, right, STRICT)
        assert (strict.status, strict.kind, strict.downgrade) == (Status.ERROR, STRICT, ""), (name, strict)
        assert strict.reason == f"StrictUnsupported: {verdict.downgrade}", name


async def test_tests_that_pass_by_token_on_an_empty_solution_are_vacuous_after_a_downgrade(bench: Bench):
    tests = "try:\n    assert Vector(1, 2) == (5, 5)\nexcept Exception:\n    pass\nassert True\n"
    verdict = await bench.run(VECTOR, tests.replace("(5, 5)", "(1, 2)"))
    assert (verdict.status, verdict.kind) == (Status.VACUOUS, TOKEN), verdict


@pytest.mark.parametrize(
    ("tests", "status"),
    [
        ("add(1, 2)", Status.VACUOUS),
        ("try:\n    assert add(1, 2) == 4\nexcept Exception:\n    pass\n", Status.VACUOUS),
        ("assert True", Status.VACUOUS),
        ("import sys\nsys.exit(0)\nassert add(1, 2) == 4", Status.INCOMPLETE),
        ("assert add(1, 2) == 4", Status.FAIL),
        ("assert add(1) == 1", Status.FAIL),
        ("assert missing(1) == 1", Status.FAIL),
        ("assert add(1, 2) ==", Status.ERROR),
    ],
)
async def test_weak_and_wrong_tests_do_not_pass(bench: Bench, tests: str, status: Status):
    assert (await bench.run(ADD, tests)).status is status


async def test_equal_programs_get_equal_reasons(bench: Bench):
    solution = "class A:\n    pass\ndef f():\n    raise ValueError(f'{A()} {id(A())} /tmp/abc123')\n"
    reasons = {(await bench.run(solution, "assert f() == 1")).reason.split(" object")[0] for _ in range(2)}
    assert len(reasons) == 1
