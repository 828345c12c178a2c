"""Which tests trust the solution's objects with the answer, by their text alone."""

import ast
import collections
import datetime
import decimal
import fractions
import functools
import uuid

import pytest

from seedmill.execution.inside.python.deference import PLAIN_ATTRIBUTES, defers


@pytest.mark.parametrize(
    "tests",
    [
        "assert Money(5) == 5",
        "assert 5 == Money(5)",
        "assert Vector(1, 2) * 3 == Vector(3, 6)",
        "assert -Vector(1, 2) == (-1, -2)",
        "v = Vector(1, 2)\nw = v\nassert w == (1, 2)",
        "bag = Bag([1])\nassert 1 in bag",
        "import copy\ns = Stack()\nt = copy.deepcopy(s)\nassert len(t) == 0",
        "class T:\n def setUp(self):\n  self.v = Vector(1)\n def test(self):\n  self.assertEqual(self.v, 1)",
        "p = point(1, 2)\nassert p.x == 1\nassert p == (1, 2)",
        "assert isinstance(point(1, 2), point)\nassert point(1, 2) == (1, 2)",
        "from solution import Money\nassert Money(5) == 5",
    ],
)
def test_tests_that_ask_an_object_they_made_for_its_opinion_defer(tests: str):
    assert defers(ast.parse(tests))


@pytest.mark.parametrize(
    "tests",
    [
        "assert f(21) == 42",
        "x = f(21)\nassert x == 42",
        "assert isinstance(f(21), int)\nassert f(21) == 42",
        "assert f(21).real == 42\nassert f(21) == 42",
        "assert f(1).year == 2000\nassert f(1) == 42",
        "assert f.__name__ == 'f'\nassert f(21) == 42",
        "assert Find_Max([1]) == 1",
        "assert ABC(1) == 1",
        "s = Stack()\ns.push(1)\nassert s.pop() == 1",
        "s = Stack()\nx = s.pop()\nassert x == 1",
        "s = Stack()\ns = s.pop()\nassert s == 1",
        "for v in Stack():\n    assert v == 1",
        "v = Vector(1)\nfor v in f(2):\n    assert v == 1",
        "v = Vector(1)\ndef check(v):\n    assert v == 42\ncheck(f(21))",
        "class A:\n def a(self):\n  self.v = Vec(1)\nclass B:\n def b(self):\n  self.v = f(2)\n  assert self.v == 4",
        "assert Vector(1) == Vector(1)",
        "assert Vector(1) == f(1)",
        "from collections import namedtuple\nPoint = namedtuple('Point', 'x y')\nassert f(1) == Point(1, 2)",
        "class Point:\n    pass\nassert Point() == 3",
        "assert Vector(1) is not None",
        "import copy\nassert copy.deepcopy(f(21)) == 42",
    ],
)
def test_tests_that_expect_their_own_data_do_not_defer(tests: str):
    assert not defers(ast.parse(tests))


def test_attributes_of_plain_data_say_nothing_about_a_class():
    plain = [
        *(collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque),
        *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta),
        *(decimal.Decimal, fractions.Fraction, uuid.UUID),
        functools.cache(len),
    ]
    missing = {name for each in plain for name in dir(each) if not name.startswith("_")} - PLAIN_ATTRIBUTES
    assert missing == set()
