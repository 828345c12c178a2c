"""Every rule of the journal has a test that carries its number, so that none is lost when tests move."""

import re

from support.requirements import ROOT


def numbers(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"\d+", text)}


def test_every_rule_of_the_journal_has_a_test_with_its_number() -> None:
    table = re.findall(r"^\| ([\d, ]+) \|", (ROOT / "docs" / "journal.md").read_text(), re.MULTILINE)
    rules = {number for cell in table for number in numbers(cell)}
    sources = (path.read_text() for path in (ROOT / "tests" / "unit").rglob("test_*.py"))
    named = [name for text in sources for name in re.findall(r"def test_(rules?_\d+(?:_and_\d+)*)", text)]
    assert rules == set(range(1, 18))
    assert rules <= {number for name in named for number in numbers(name)}
