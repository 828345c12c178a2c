"""Judging Python by its syntax tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.recipes.python_source import (
    has_assertion,
    is_unfinished,
    parse_python,
    runs_something,
    without_main_guards,
    without_reading_guards,
)


@pytest.mark.parametrize("source", ["def f(:", "x = '\0'", "(" * 5000, "-" * 100_000 + "1", "1" + "+1" * 50_000])
def test_what_is_no_python_is_none_or_parsed_but_never_raises(source: str) -> None:
    parse_python(source)


def test_warnings_of_strange_code_stay_quiet(recwarn: pytest.WarningsRecorder) -> None:
    assert parse_python(r"x = '\d'; y = 1 is 1") is not None
    assert not recwarn


@given(st.text(alphabet="def assertx():\n \t=1'\"\\#@[]{}", max_size=100))
def test_no_text_breaks_the_checks(text: str) -> None:
    without_reading_guards(without_main_guards(text))
    if (tree := parse_python(text)) is not None:
        has_assertion(tree)
        runs_something(tree)
        is_unfinished(text, tree)


def test_a_main_guard_goes_and_what_follows_it_stays() -> None:
    """Reference pipelines cut everything behind the guard, and take `input_list` for a call of input (C3)."""
    source = "input_list = [1]\nif __name__ == '__main__':\n    print(input())\n\ndef f():\n    return input_list\n"
    assert without_main_guards(source) == "input_list = [1]\n\ndef f():\n    return input_list"


@pytest.mark.parametrize("reader", ["input('> ')", "sys.argv[1]", "sys.stdin.read()", "ArgumentParser()"])
def test_in_tests_only_guards_that_read_go(reader: str) -> None:
    reading = f'x = 1\nif "__main__" == __name__:\n    run({reader})'
    calling = "if __name__ == '__main__':\n    test_all()"
    assert without_reading_guards(reading) == "x = 1"
    assert without_reading_guards(calling) == calling


def test_other_ifs_and_guards_with_an_else_stay() -> None:
    for source in ("if __name__ != '__main__':\n    a()", "if __name__ == '__main__':\n    a()\nelse:\n    b()"):
        assert without_main_guards(source) == source


@pytest.mark.parametrize(
    ("source", "unfinished"),
    [
        ("def f():\n    # TODO: rest\n    return 1", True),
        ("def f():\n    # todo later\n    return 1", True),
        ("def f():\n    # Your code goes here\n    return 1", True),
        ("def f():\n    raise NotImplementedError", True),
        ("def f():\n    pass", True),
        ("def f():\n    '''Doc.'''\n    ...", True),
        ("def mastodon(todo_list):\n    return todo_list", False),
        ("class A:\n    def __eq__(self, o):\n        return NotImplemented\n", False),
        ("class Quiet(Exception):\n    pass", False),
    ],
)
def test_unfinished_code(source: str, unfinished: bool) -> None:
    tree = parse_python(source)
    assert tree is not None
    assert is_unfinished(source, tree) is unfinished


@pytest.mark.parametrize(
    ("source", "runs"),
    [
        ("assert f() == 1", True),
        ("def test_f():\n    assert f()\ntest_f()", True),
        ("for x in y:\n    assert x", True),
        ("result = check()", True),
        ("if __name__ == '__main__':\n    unittest.main()", True),
        ("def test_f():\n    assert f()", False),
        ("'''Tests.'''\nimport unittest\nclass T(unittest.TestCase):\n    pass\nN = 3", False),
    ],
)
def test_tests_must_be_invoked(source: str, runs: bool) -> None:
    tree = parse_python(source)
    assert tree is not None
    assert runs_something(tree) is runs
