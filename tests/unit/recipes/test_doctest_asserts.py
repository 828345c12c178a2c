"""Doctests as assertions: the conversion table, and that what comes out runs."""

import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.recipes.doctest_asserts import doctest_asserts

CODE = "import sys\n\ndef f(*args, **kwargs):\n    return args[0] if args else None\n\nclass C:\n    pass\n"

BLOCK = """\
import contextlib
import io

with contextlib.redirect_stdout(io.StringIO()) as printed:
    for x in f([1, 2]):
        print(x)
assert printed.getvalue().rstrip("\\n") == '1\\n2'"""

TRACEBACK = """\
try:
    f(1 / 0)
except Exception as error:
    assert type(error).__name__ == 'ZeroDivisionError'
else:
    raise AssertionError('ZeroDivisionError was not raised')"""

TABLE = {
    "literal": (">>> f(1)\n1", "assert f(1) == 1"),
    "statement": (">>> x = f(1)\n>>> x\n1", "x = f(1)\nassert x == 1"),
    "true": (">>> f(True)\nTrue", "assert f(True) is True"),
    "comparison": (">>> f(1) == 1\nTrue", "assert f(1) == 1"),
    "false comparison": (">>> f(1) == 2\nFalse", "assert (f(1) == 2) is False"),
    "negation": (">>> not f(1)\nFalse", "assert (not f(1)) is False"),
    "tuple": (">>> f(1), 2\n(1, 2)", "assert (f(1), 2) == (1, 2)"),
    "comment": (">>> f(1)  # one\n1", "assert f(1) == 1"),
    "multi-line source": (">>> f(1,\n...   2)\n1", "assert f(1,\n  2) == 1"),
    "multi-line literal": (">>> f([1, 2])\n[1,\n 2]", "assert f([1, 2]) == [1,\n 2]"),
    "repr": (">>> f(C)\n<class 'C'>", "assert repr(f(C)) == \"<class 'C'>\""),
    "print": (">>> print(f('a b'))\na b", "assert str(f('a b')) == 'a b'"),
    "pprint": (
        ">>> from pprint import pprint\n>>> pprint(f([1]))\n[1]",
        "assert f([1]) == [1]",
    ),
    "blank line": (">>> print(f('a\\n\\nb'))\na\n<BLANKLINE>\nb", "assert str(f('a\\n\\nb')) == 'a\\n\\nb'"),
    "ellipsis": (
        ">>> f(object())  # doctest: +ELLIPSIS\n<object object at 0x...>",
        "import re\n\nassert re.fullmatch(r'<object\\ object\\ at\\ 0x.*>', repr(f(object())), re.DOTALL)",
    ),
    "words": (
        ">>> f(C)  # doctest: +NORMALIZE_WHITESPACE\n<class\n  'C'>",
        'assert " ".join(repr(f(C)).split()) == "<class \'C\'>"',
    ),
    "words of a literal": (
        ">>> f([1, 2])  # doctest: +NORMALIZE_WHITESPACE\n[1,\n   2]",
        "assert f([1, 2]) == [1,\n   2]",
    ),
    "own import": (">>> from package import f\n>>> f(1)\n1", "assert f(1) == 1"),
    "own module": (">>> import package\n>>> package.f(1)\n1", "assert f(1) == 1"),
    "unknown module": (">>> package.f(1)\n1", "assert f(1) == 1"),
    "skip": (">>> f(2)  # doctest: +SKIP\n3\n>>> f(1)\n1", "assert f(1) == 1"),
    "unknown names": (">>> y = other(1)\n>>> f(y)\n1\n>>> f(1)\n1", "assert f(1) == 1"),
    "assert": (">>> assert f(1) == 1", "assert f(1) == 1"),
    "block": (">>> for x in f([1, 2]):\n...     print(x)\n1\n2", BLOCK),
    "traceback": (
        ">>> f(1 / 0)\nTraceback (most recent call last):\n  ...\nZeroDivisionError: division by zero",
        TRACEBACK,
    ),
}


def runs(program: str) -> bool:
    return subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, timeout=30).returncode == 0


@pytest.mark.parametrize(("docstring", "tests"), TABLE.values(), ids=TABLE.keys())
def test_conversion(docstring: str, tests: str) -> None:
    assert doctest_asserts(docstring, CODE) == tests


def test_all_of_the_table_passes_and_a_wrong_solution_fails_each() -> None:
    runnable = [tests for name, (_, tests) in TABLE.items() if "package" not in tests and name != "assert"]
    code = CODE.replace("class C:\n    pass", "C = type('C', (), {'__module__': 'builtins'})")
    assert runs("\n".join([code, *runnable]))
    wrong = code.replace("return args[0] if args else None", "return 3.5")
    failing = "\n".join(
        f"try:\n{textwrap.indent(tests, '    ')}\nexcept Exception:\n    pass\nelse:\n    missed.append({name!r})"
        for name, (_, tests) in TABLE.items()
        if tests in runnable and name not in {"negation", "traceback", "false comparison"}
    )
    assert runs(f"{wrong}\nmissed = []\n{failing}\nassert not missed, missed")


@pytest.mark.parametrize(
    "docstring",
    [
        "No example.",
        ">>> x = f(1)",
        ">>> other(1)\n1",
        ">>> f(\n1",
        ">>> f(1) # doctest: +SKIP\n1",
        ">>> f(1) # doctest: +NO_SUCH_OPTION\n1",
        ">>>f(1)\n1",
        ">>> for x in f([1]): x\n1",
        ">>> f(1); f(2)\n1\n2",
    ],
)
def test_nothing_to_assert(docstring: str) -> None:
    assert doctest_asserts(docstring, CODE) is None


def test_text_that_spans_lines_keeps_its_indentation_inside_a_block() -> None:
    docstring = (
        '>>> f(1 / 0, """a\n...   b""")\nTraceback (most recent call last):\nZeroDivisionError: division by zero'
    )
    tests = doctest_asserts(docstring, CODE)
    assert tests is not None
    assert "    f(1 / 0, 'a\\n  b')\n" in tests


@given(st.text(alphabet=">. f(1)=\n'\"x#doctest:+ELLIPSKTraceback", max_size=200))
def test_no_docstring_breaks_the_conversion(docstring: str) -> None:
    doctest_asserts(docstring, CODE)
    doctest_asserts(f">>> {docstring}", CODE)
