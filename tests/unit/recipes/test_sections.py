"""Section markers: which lines are one, and which only look like it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.recipes.sections import find_sections

NAMES = {"tests": ("tests", "unit tests"), "solution": ("solution",)}


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("[Tests]", ""),
        ("[TESTS]: all of them", "all of them"),
        ("[ tests ] here", "here"),
        ("<tests>", ""),
        ("### [Tests]", ""),
        ("**[Tests]**", ""),
        ("**[Tests]:** text", "text"),
        ("### Tests", ""),
        ("## tests ##", ""),
        ("###Tests:", ""),
        ("# **Tests**", ""),
        ("### Tests 2", ""),
        ("## Tests: text", "text"),
        ("**Tests**", ""),
        ("**Tests:**", ""),
        ("__Tests__: text", "text"),
        ("Tests:", ""),
        ("  Unit  Tests:", ""),
    ],
)
def test_forms_of_a_marker(line: str, rest: str) -> None:
    (marker,) = find_sections(f"before\n{line}\nafter", NAMES).markers
    assert (marker.section, marker.line, marker.rest) == ("tests", 1, rest)


@pytest.mark.parametrize(
    "line",
    [
        "Tests",
        "Tests: they follow",
        "the [Tests] are below",
        "[Tests](https://example.org)",
        "### Tests of the parser",
        "**Tests** are good",
        "Testsuite:",
        "    [Tests]",
        "- [Tests]",
        "[Test]",
    ],
)
def test_lines_that_are_no_marker(line: str) -> None:
    assert not find_sections(line, NAMES).markers


def test_code_is_no_place_for_markers() -> None:
    assert not find_sections("```python\n# Tests\n[tests]\n```", NAMES).markers


def test_where_a_name_is_bracketed_its_heading_is_text() -> None:
    sections = find_sections("## Tests\nnot yet\n[Tests]\nx\n## Solution\ny", NAMES)
    assert [(m.section, m.line) for m in sections.markers] == [("tests", 2), ("solution", 4)]


@given(st.text(alphabet="[]<>#*_: \tTestsSoluion1\n`", max_size=300))
def test_any_text_has_markers_in_order(text: str) -> None:
    lines = [marker.line for marker in find_sections(text, NAMES).markers]
    assert lines == sorted(lines)


def test_long_lines_take_linear_time() -> None:
    begun = time.perf_counter()
    for line in ("# " + " " * 100_000 + "x", "**" * 50_000, "[" + " " * 100_000, "Tests" + " " * 100_000 + "x"):
        find_sections(line, NAMES)
    assert time.perf_counter() - begun < 2
