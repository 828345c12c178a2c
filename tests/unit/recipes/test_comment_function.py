"""Comment-function pairs: instruction, code and tests from a documented function; real ones from installed packages."""

import ast
import inspect
import subprocess
import sys

import more_itertools.recipes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.recipes.build import build
from seedmill.recipes.comment_function import Pair, extract_pair
from seedmill.recipes.docstrings import description_of, shown_examples
from seedmill.recipes.steps import Check, Execute, Recipe, Rejected
from seedmill.records.seed import Seed
from seedmill.records.verdict import Program, Status
from support.recipe_values import FixedSight, function, sample, spec, verdict

DOCSTRING = """Double every value of ``xs``, as :func:`map` would.

Nothing is changed in place.

Example::

    >>> double([1, 2])
    [2, 4]
    >>> double([])
    []
"""
TEXT = f'def double(xs: list, *, by=FACTOR) -> list:\n    """{DOCSTRING}    """\n    return [by * x for x in xs]\n'
DOUBLE = function(TEXT, DOCSTRING, "FACTOR = 2", "double")
PLAIN = function("def one(x, y):\n    return x", "Return the first of both arguments.", name="one")


def extracted(seed: Seed, *, require_tests: bool = True) -> Pair:
    pair = extract_pair(seed, require_tests=require_tests)
    assert isinstance(pair, Pair), pair
    return pair


def check_and_verify(made: Recipe) -> tuple[Check, Execute]:
    check, verify = made.steps
    assert isinstance(check, Check)
    assert isinstance(verify, Execute)
    return check, verify


def test_a_function_becomes_an_instruction_that_names_its_signature() -> None:
    assert extracted(DOUBLE).instruction == (
        "Write a Python function with the signature `def double(xs: list, *, by=FACTOR) -> list:`\n\n"
        "Double every value of `xs`, as `map` would.\n\nNothing is changed in place.\n\n"
        "For example:\n\n```python\n>>> double([1, 2])\n[2, 4]\n>>> double([])\n[]\n```"
    )


def test_the_row_stands_alone() -> None:
    made = build(spec({"commentFunction": {}}))
    row = made.row(sample(DOUBLE, verify={"verified": "true"}))
    assert row.code == f"FACTOR = 2\n\n\n{TEXT.strip()}"
    assert row.response == f"```python\n{row.code}\n```"
    assert row.tests == "assert double([1, 2]) == [2, 4]\nassert double([]) == []"
    assert row.properties == {"function": "double", "verified": "true"}
    exec(f"{row.code}\n\n{row.tests}", {})


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        (function("def f(:", "Do it all again."), "syntax_error"),
        (function("x = 1", "Do it all again."), "syntax_error"),
        (function("def f(x):\n    return x", "Do it."), "docstring_too_short"),
        (function("def f(x):\n    return x", "----------"), "docstring_too_short"),
        (function("def f(x):\n    return x", ">>> f(1)\n1"), "docstring_too_short"),
        (PLAIN, "no_doctest"),
        (function("def f(x):\n    return x", "Return the argument.\n\n>>> g(1)\n1"), "doctest_unconvertible"),
    ],
)
def test_what_is_rejected(seed: Seed, reason: str) -> None:
    check, _ = check_and_verify(build(spec({"commentFunction": {}})))
    rejected = check.decide(sample(seed), FixedSight())
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason


def test_contaminated_functions_are_rejected() -> None:
    check, _ = check_and_verify(build(spec({"commentFunction": {}})))
    assert check.decide(sample(DOUBLE), FixedSight()) == []
    assert check.decide(sample(DOUBLE), FixedSight(task="HumanEval/1")) == Rejected("contaminated", "HumanEval/1")


def test_functions_with_doctests_need_a_pass() -> None:
    _, verify = check_and_verify(build(spec({"commentFunction": {}})))
    passed = verify.judge(sample(DOUBLE), verdict(Status.PASS, asserts_run=2))
    assert not isinstance(passed, Rejected)
    assert (passed["verified"], passed["asserts_run"]) == ("true", "2")
    for status in set(Status) - {Status.PASS}:
        assert verify.judge(sample(DOUBLE), verdict(status)) == Rejected(f"verdict_{status.value}")


def test_without_required_tests_a_function_must_only_load_and_is_called_unverified() -> None:
    made = build(spec({"commentFunction": {"requireTests": False}}))
    check, verify = check_and_verify(made)
    assert check.decide(sample(PLAIN), FixedSight()) == []
    program = verify.program(sample(PLAIN))
    assert isinstance(program, Program)
    assert program.tests == "assert callable(one)"
    value = verify.judge(sample(PLAIN), verdict(Status.VACUOUS))
    assert not isinstance(value, Rejected)
    assert value["verified"] == "false"
    assert made.row(sample(PLAIN, verify=value)).tests == ""
    assert verify.judge(sample(PLAIN), verdict(Status.ERROR)) == Rejected("verdict_error")
    assert verify.judge(sample(DOUBLE), verdict(Status.VACUOUS)) == Rejected("verdict_vacuous")


@pytest.mark.parametrize(
    ("docstring", "description"),
    [
        ("Return x.\n\nExamples\n--------\n>>> f(1)\n1\n\nMore.", "Return x."),
        ("Return x.\n\n.. versionadded:: 2.0\n\nUsage::\n\n    >>> f(1)\n    1", "Return x."),
        ("Return x, e.g.:\n\n>>> f(1)\n1", "Return x, e.g.."),
        ("Use :meth:`~a.B.c` or :class:`the class <a.B>`.", "Use `a.B.c` or `the class`."),
        (f"First.\n\n{'word ' * 300}\n\nLast.", "First."),
        ("", ""),
    ],
)
def test_descriptions(docstring: str, description: str) -> None:
    assert description_of(docstring) == description


def test_only_three_examples_are_shown() -> None:
    docstring = "\n".join(f">>> f({n})\n{n}" for n in range(9))
    assert shown_examples(docstring) == ">>> f(0)\n0\n>>> f(1)\n1\n>>> f(2)\n2"
    assert shown_examples(">>> x = f(1)") == ""


@given(st.text(alphabet=">.:` \nabc*-=~_", max_size=300))
def test_no_docstring_breaks_the_description(docstring: str) -> None:
    description_of(docstring)
    shown_examples(docstring)


def test_documented_functions_of_a_real_package_pass_their_converted_doctests(tmp_path: object) -> None:
    """Most of more-itertools' recipes convert, and what converts passes; one process runs all of them."""
    source = inspect.getsource(more_itertools.recipes)
    module = ast.parse(source)
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    pairs = [
        extract_pair(function(ast.unparse(node), docstring, name=node.name), require_tests=True)
        for node in functions
        if (docstring := ast.get_docstring(node)) and ">>> " in docstring and not node.name.startswith("_")
    ]
    converted = [pair for pair in pairs if isinstance(pair, Pair)]
    assert len(converted) >= 0.75 * len(pairs) >= 30
    program = "\n".join([source, *(pair.tests for pair in converted)])
    ended = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
