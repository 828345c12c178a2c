import pytest

from seedmill.filters.license import BadExpression, canonical_expression, is_allowed, parse, render

ALLOWED = ("MIT", "Apache-2.0", "BSD-3-Clause")


@pytest.mark.parametrize(
    "expression",
    [
        "MIT",
        "mit",
        "MIT OR GPL-3.0-only",
        "GPL-3.0-only OR Apache-2.0",
        "MIT AND Apache-2.0",
        "(MIT OR GPL-2.0-only) AND BSD-3-Clause",
        "Apache-2.0 WITH LLVM-exception",
        "Apache-2.0+",
        "GPL-2.0-only AND LGPL-3.0-only OR MIT",
    ],
)
def test_expression_is_covered(expression: str) -> None:
    assert is_allowed(expression, ALLOWED)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "(MIT OR Apache-2.0) AND GPL-3.0-only",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "MIT AND",
        "(MIT",
        "MIT)",
        "MIT Apache-2.0",
        "see LICENSE file, please",
        "(" * 500 + "MIT" + ")" * 500,
        "MIT OR " * 1000 + "MIT",
    ],
)
def test_expression_is_not_covered(expression: str) -> None:
    assert not is_allowed(expression, ALLOWED)


def test_an_exception_can_be_allowed_by_name() -> None:
    expression = "GPL-2.0-only WITH Classpath-exception-2.0"
    assert is_allowed(expression, [expression])
    assert not is_allowed("GPL-2.0-only", [expression])


def test_expressions_are_written_in_spdx_spelling() -> None:
    assert canonical_expression("mit or (apache-2.0 and bsd-3-clause)") == "MIT OR Apache-2.0 AND BSD-3-Clause"
    assert canonical_expression("(mit or isc) and zlib") == "(MIT OR ISC) AND Zlib"
    assert canonical_expression("Apache 2.0") == "Apache-2.0"
    assert canonical_expression("Copyright (c) 2020, me. All rights reserved.") == ""


def test_rendering_and_parsing_are_inverse() -> None:
    for text in ("MIT", "MIT AND (ISC OR Zlib)", "A-1.0 WITH E OR B-2.0"):
        assert render(parse(text)) == text
    with pytest.raises(BadExpression):
        parse("MIT OR")
