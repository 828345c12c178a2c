"""What the tests' text alone says about how they can be judged."""

import ast

import pytest

from seedmill.execution.inside.python.hosting import subject


@pytest.mark.parametrize(
    ("tests", "name"),
    [
        ("assert sum(1, 2) == 3\nassert sum(2, 2) == 4", "sum"),
        ("import math\nx = 3\nassert sum(x, 2) == math.floor(5.5)", "sum"),
        ("def test_sum():\n    for a in (1, 2):\n        assert sum(a, a) == 2 * a", "sum"),
        ("assert all(f(n) == n for n in (1, 2))", ""),
        ("assert all(x == 1 for x in filter([1]))", ""),
        ("assert f(1) == 1", ""),
        ("assert True", ""),
    ],
)
def test_a_built_in_name_is_the_subject_only_where_nothing_else_can_be(tests: str, name: str):
    assert subject(ast.parse(tests)) == name
