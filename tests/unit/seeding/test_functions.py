"""Documented functions of a module: which are taken, as they stand and with what they need to run alone."""

import textwrap

import pytest

from support.documented_functions import extract, run_alone

MODULE = '''
from __future__ import annotations
import os, re as regex
from collections import (
    OrderedDict,
    defaultdict,
)
from .relative import gone
import numpy as np

LIMIT = 3
TABLE = {}
TABLE["a"] = 1
for _key in "bc":
    TABLE[_key] = LIMIT
_later = {"x": 1}


def helper(x):
    return defaultdict(int, a=x + LIMIT)


class Thing:
    size = LIMIT

    def grow(self):
        return helper(self.size)


def needs_all(x: int) -> int:
    """Use everything.

    >>> needs_all(1)
    7
    """
    return Thing().grow()["a"] + TABLE["a"]


def recursive(n):
    \'\'\'Count down.\'\'\'
    return regex.sub("x", "y", "x") if n == 0 else recursive(n - 1)


def relative():
    """Need a relative import."""
    return gone()


def third_party():
    """Need a package that is not in the standard library."""
    return np.zeros(1)


def undefined():
    """Need a name that nobody binds."""
    return nowhere


async def asynchronous():
    """Wait."""
    return _later


def undocumented():
    return 1


def empty_docstring():
    """ """
    return 1


if __name__ == "__main__":
    TABLE["d"] = needs_all(1)
'''


def test_context_holds_what_the_function_needs_in_source_order() -> None:
    functions, _ = extract(MODULE)
    assert functions["needs_all"].context == textwrap.dedent("""
        from __future__ import annotations
        from collections import defaultdict
        LIMIT = 3
        TABLE = {}
        TABLE["a"] = 1


        for _key in "bc":
            TABLE[_key] = LIMIT


        def helper(x):
            return defaultdict(int, a=x + LIMIT)


        class Thing:
            size = LIMIT

            def grow(self):
                return helper(self.size)
    """).strip("\n")
    assert run_alone(functions["needs_all"])["needs_all"](1) == 7  # pyright: ignore
    assert functions["recursive"].context == "from __future__ import annotations\nimport re as regex"
    assert functions["asynchronous"].context == 'from __future__ import annotations\n_later = {"x": 1}'
    assert functions["asynchronous"].text.startswith("async def")


def test_what_cannot_stand_alone_is_counted() -> None:
    functions, skipped = extract(MODULE)
    assert set(functions) == {"needs_all", "recursive", "asynchronous"}
    assert skipped == {"not_self_contained": 3, "no_docstring": 3}


def test_function_is_captured_as_it_stands() -> None:
    functions, _ = extract(MODULE)
    function = functions["needs_all"]
    assert function.docstring == "Use everything.\n\n>>> needs_all(1)\n7"
    assert function.text == textwrap.dedent('''
        def needs_all(x: int) -> int:
            """Use everything.

            >>> needs_all(1)
            7
            """
            return Thing().grow()["a"] + TABLE["a"]
    ''').strip("\n")
    assert MODULE.lstrip("\n").split("\n")[function.line - 1].startswith("def needs_all")


def test_decorators_belong_to_the_function() -> None:
    functions, skipped = extract('''
        from functools import lru_cache
        from somewhere import other

        @lru_cache(
            maxsize=None
        )
        def cached(x):
            """Say x."""
            return x

        @other
        def strange(x):
            """Say x."""
            return x
    ''')
    assert functions["cached"].text.startswith("@lru_cache(\n    maxsize=None\n)\ndef cached")
    assert functions["cached"].context == "from functools import lru_cache"
    assert functions["cached"].line == 4
    assert skipped == {"not_self_contained": 1}


def test_names_of_doctests_come_along() -> None:
    source = '''
        def double(x):
            return 2 * x

        def twice(f, x):
            """Apply twice.

            >>> y = 3
            >>> twice(double, y)
            12
            """
            return f(f(x))

        def broken(x):
            """Use what is not there.

            >>> broken(unknown)
            1
            """
            return x

        def foreign(x):
            """Import a package.

            >>> import numpy
            >>> foreign(numpy.zeros(1))
            1
            """
            return x
    '''
    functions, skipped = extract(source, doctests=True)
    assert list(functions) == ["twice"]
    assert functions["twice"].context == "def double(x):\n    return 2 * x"
    assert skipped == {"no_docstring": 1, "not_self_contained": 2}
    functions, skipped = extract(source)  # where doctests are not asked for they need not run
    assert set(functions) == {"twice", "broken", "foreign"}


def test_doctests_are_required_where_asked_for() -> None:
    functions, skipped = extract('''
        def without(x):
            """No example."""
            return x

        def bad(x):
            """Text.

            >>> bad(1)
            1
          >>>no space
            """
            return x
    ''', doctests=True)  # fmt: skip
    assert not functions
    assert skipped == {"no_doctests": 2}


@pytest.mark.parametrize("source", ["def f(:\n", "print 'x'\n", "\tx = 1\n  y = 2\n"])
def test_document_that_python_refuses(source: str) -> None:
    with pytest.raises(SyntaxError):
        extract(source)


def test_contaminated_function_is_counted() -> None:
    functions, skipped = extract('def f(x):\n    """A contaminated text."""\n    return x\n')
    assert not functions
    assert skipped == {"contaminated": 1}
