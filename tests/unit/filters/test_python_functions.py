"""The static filters of Self-OSS-Instruct, where they agree with the reference and where they do not (C36)."""

import ast
import textwrap

import pytest

from seedmill.filters.python_functions import FunctionNode, static_rejection


def rejection(source: str, context: str = "") -> str:
    text = textwrap.dedent(source).strip("\n")
    node = ast.parse(text).body[-1]
    assert isinstance(node, FunctionNode)
    return static_rejection(node, text, context, lambda text: "HumanEval/0" if "canonical" in text else None)


GOOD = '''
def add(a, b):
    """Add two numbers."""
    return a + b
'''


def body(line: str, doc: str = "Say something.", signature: str = "def f(x)") -> str:
    return f'{signature}:\n    """{doc}"""\n    {line}\n    return x\n'


def test_good_function_passes() -> None:
    assert rejection(GOOD) == ""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('def f(x):\n    """Say."""\n    return\n', "no_return_value"),
        ('def f(x):\n    """Say."""\n    yield x\n', "no_return_value"),
        (body("pass  # TODO: more"), "unfinished_mark"),
        (body("pass", doc="FIXME later."), "unfinished_mark"),
        (body("pass  # works around bug 5"), "unfinished_mark"),
        (body("import os"), "banned_import"),
        (body("from os.path import join"), "banned_import"),
        (body("import numpy, matplotlib.pyplot as plt"), "banned_import"),
        (body("x = 'canonical'"), "contaminated"),
        (body("\n    ".join(["x = 1"] * 150)), "too_many_lines"),
        ('def f():\n    """Say."""\n    return 1\n', "no_parameters"),
        ('def f() -> int:\n    """Say."""\n    return 1\n', "no_parameters"),
        ("def f(x):\n    '''Say.'''\n    return 1\n", "docstring_style"),
        ('def f(x):\n    r"""Say."""\n    return 1\n', "docstring_style"),
        ('def f(x):\n    "Say."\n    return 1\n', "docstring_style"),
        ("def f(x):\n    return 1\n", "docstring_style"),
    ],
)
def test_function_is_rejected(source: str, reason: str) -> None:
    assert rejection(source) == reason


@pytest.mark.parametrize(
    "source",
    [
        body("debug = x  # debugging, debugger"),
        body("todo_list = 'todo'"),
        body("import sysconfig"),
        body("from osgeo import gdal"),
        body("import subprocess32"),
        body("def g():\n        return 2\n    x = 1"),
        body("pass", signature="def f(*x)"),
        body("pass", signature="def f(*, x)"),
        body("pass", signature="async def f(x, /)"),
        "@decorator()\n" + body("pass"),
    ],
)
def test_what_the_reference_rejects_by_substring_passes(source: str) -> None:
    assert rejection(source) == ""


def test_imports_of_the_context_count() -> None:
    assert rejection(GOOD, "import json\nfrom sys import argv") == "banned_import"
    assert rejection(GOOD, "import json") == ""


def test_first_rule_in_the_references_order_is_named() -> None:
    assert rejection("def f():\n    '''TODO'''\n    import os\n    return\n") == "no_return_value"
    assert rejection("def f():\n    '''TODO'''\n    import os\n    return 1\n") == "unfinished_mark"
    assert rejection("def f():\n    '''canonical'''\n    import os\n    return 1\n") == "banned_import"
    assert rejection("def f():\n    '''canonical'''\n    return 1\n") == "contaminated"
