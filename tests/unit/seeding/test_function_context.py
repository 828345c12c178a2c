"""The context of a function in hard cases: imports, fallbacks, scopes, and what cannot come along."""

import pytest

from support.documented_functions import extract, run_alone


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
