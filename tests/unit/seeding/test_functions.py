"""Documented functions and the context in which they run alone."""

import textwrap
from collections import Counter

import pytest

from seedmill.seeding.documents import Document
from seedmill.seeding.functions import DocumentedFunction, FunctionRules, documented_functions


def extract(
    source: str, *, doctests: bool = False, self_oss: bool = False, package: str = ""
) -> tuple[dict[str, DocumentedFunction], Counter[str]]:
    skipped: Counter[str] = Counter()
    rules = FunctionRules(doctests, self_oss, 200, lambda text: "HumanEval/1" if "contaminated" in text else None)
    document = Document(textwrap.dedent(source).lstrip("\n"), "m.py", "p", "1", "MIT", "python", package)
    found = documented_functions(document, rules, skipped)
    return {function.name: function for function in found}, skipped


def run_alone(function: DocumentedFunction) -> dict[str, object]:
    """Execute context and function as the sandbox would."""
    namespace: dict[str, object] = {"__name__": "alone"}
    exec(f"{function.context}\n{function.text}\n", namespace)
    return namespace


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


def test_import_that_is_not_there_is_replaced_by_its_fallback() -> None:
    functions, skipped = extract('''
        try:
            from .compat import sentinel
        except ImportError:
            # without the package
            sentinel = object()
            other = 1
        try:
            import numpy as np
        except (ValueError, ImportError): np = None
        try:
            import yaml
        except ImportError:
            raise

        def plain(x=sentinel):
            """Default."""
            return x is sentinel

        def one_line(x):
            """Default."""
            return np

        def no_fallback(x):
            """Default."""
            return yaml
    ''')
    assert functions["plain"].context == "sentinel = object()\nother = 1"
    assert functions["one_line"].context == "np = None"
    assert skipped == {"not_self_contained": 1}
    run_alone(functions["plain"])


@pytest.mark.parametrize("number", range(12))  # names are met in the order of their hashes, which no test can choose
def test_name_that_the_fallback_does_not_bind_is_missing_whatever_name_led_to_it(number: int) -> None:
    functions, skipped = extract(f'''
        try:
            from .fast import here{number}, gone{number}
        except ImportError:
            here{number} = None

        def both(x):
            """Use both."""
            return here{number}, gone{number}

        def one(x):
            """Use what is there."""
            return here{number}
    ''')
    assert functions.keys() == {"one"}
    assert skipped == {"not_self_contained": 1}


def test_standard_library_fallbacks_stay_as_they_are() -> None:
    functions, _ = extract('''
        try:
            from math import prod
        except ImportError:
            prod = None

        def product(xs):
            """Multiply."""
            return prod(xs)
    ''')
    assert functions["product"].context == "try:\n    from math import prod\nexcept ImportError:\n    prod = None"


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


def test_scopes_are_those_of_the_compiler() -> None:
    functions, skipped = extract('''
        value = 1
        item = 2

        def shadowed(value):
            """Shadow, and bind in a comprehension."""
            total = [item for item in range(value)]
            def inner():
                nonlocal total
                total = len(total)
            inner()
            return total

        class Box:
            value = value

        def boxed():
            """Read a class attribute made from a global."""
            return Box.value

        def with_global():
            """Write a global."""
            global value
            value += 1
            return value
    ''')
    assert functions["shadowed"].context == ""
    assert functions["boxed"].context == "value = 1\n\n\nclass Box:\n    value = value"
    assert functions["with_global"].context == "value = 1"
    assert not skipped


def test_code_that_runs_the_function_itself_is_no_context() -> None:
    functions, skipped = extract('''
        def seed(x):
            """Make."""
            return RESULT if x else 1

        RESULT = seed(0)
    ''')
    assert not functions
    assert skipped == {"not_self_contained": 1}


def test_relative_imports_of_the_standard_library_become_absolute() -> None:
    functions, _ = extract(
        '''
        from .decoder import JSONDecoder
        from . import scanner

        def decode(s):
            """Decode."""
            return JSONDecoder().decode(s), scanner

        from ... import nothing

        def too_far(s):
            """Decode."""
            return nothing
        ''',
        package="json",
    )
    assert functions["decode"].context == "from json.decoder import JSONDecoder\nfrom json import scanner"
    assert set(functions) == {"decode"}
    run_alone(functions["decode"])


def test_long_context_is_not_taken() -> None:
    source = "TABLE = {\n" + "".join(f"    {n}: {n},\n" for n in range(300)) + "}\n\n"
    source += 'def look_up(x):\n    """Look up."""\n    return TABLE[x]\n'
    functions, skipped = extract(source)
    assert not functions
    assert skipped == {"context_too_long": 1}


def test_statements_that_share_a_line_stay_together() -> None:
    functions, _ = extract('''
        import os; A = 1; B = 2

        def both():
            """Add."""
            return A + B
    ''')
    assert functions["both"].context == "import os; A = 1; B = 2"


@pytest.mark.parametrize("source", ["def f(:\n", "print 'x'\n", "\tx = 1\n  y = 2\n"])
def test_document_that_python_refuses(source: str) -> None:
    with pytest.raises(SyntaxError):
        extract(source)


def test_contaminated_function_is_counted() -> None:
    functions, skipped = extract('def f(x):\n    """A contaminated text."""\n    return x\n')
    assert not functions
    assert skipped == {"contaminated": 1}
