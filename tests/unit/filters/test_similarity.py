"""Which rows count as seen."""

import pytest

from seedmill.filters.similarity import Likeness, Match, RowIndex
from seedmill.records.row import Row

SUM = "def total(numbers):\n    result = 0\n    for number in numbers:\n        result += number\n    return result\n"
MAX = (
    "def largest(items):\n    best = items[0]\n    for item in items:\n        best = max(best, item)\n    return best"
)


def row(instruction: str, code: str, prose: str = "") -> Row:
    return Row(instruction, f"{prose}\n{code}", code, "", "python")


FIRST = row("Write a function that returns the sum of the numbers in a list of integers.", SUM)


def index_with(*rows: Row) -> RowIndex:
    index = RowIndex()
    for number, each in enumerate(rows):
        index.add(each, number)
    return index


def test_equal_instruction_but_for_white_space_is_an_exact_duplicate() -> None:
    again = row("Write a function  that returns\nthe sum of the numbers in a list of integers.", MAX)
    assert index_with(FIRST).match(again) == Match(Likeness.EXACT_DUPLICATE, FIRST.id)


def test_equal_response_is_an_exact_duplicate() -> None:
    again = row("Add up everything in here, please, and tell me the result.", SUM.replace("    ", "\t"))
    assert index_with(FIRST).match(again) == Match(Likeness.EXACT_DUPLICATE, FIRST.id)


def test_case_makes_another_text() -> None:
    index = index_with(row("Sort it", "sort()"))
    assert index.match(row("sort it", "SORT()")) is None


def test_similar_instruction_is_a_near_duplicate() -> None:
    again = row("Write a function that returns the sum of the numbers in a list of integers, quickly.", MAX)
    assert index_with(FIRST).match(again) == Match(Likeness.NEAR_DUPLICATE, FIRST.id)


def test_similar_code_is_a_near_duplicate_even_under_other_prose() -> None:
    again = row("Accumulate.", SUM.replace("return result", "return  result  # done"), "Here you are.")
    assert index_with(FIRST).match(again) == Match(Likeness.NEAR_DUPLICATE, FIRST.id)


def test_other_rows_are_new() -> None:
    other = row("Find the largest element of a sequence.", MAX)
    assert index_with(FIRST).find(other) is None


def test_empty_parts_are_like_nothing() -> None:
    index = index_with(Row("", "", "", "", "python"))
    assert index.find(Row("", "", "", "", "python")) is None


def test_reason_is_the_word_of_the_ledger() -> None:
    assert index_with(FIRST).find(FIRST) == "exact_duplicate"


def test_gate_sees_only_rows_of_roots_below_the_limit() -> None:
    index = RowIndex()
    index.add(row("Find the largest element of a sequence.", MAX), 3)
    index.add(FIRST, 9)
    assert index.find_instruction(FIRST.instruction, below=9) is None
    assert index.find_instruction(FIRST.instruction, below=10) == FIRST.id
    assert index.find_instruction(FIRST.instruction + " Be quick.") == FIRST.id


def test_gate_looks_at_the_instruction_alone() -> None:
    assert index_with(FIRST).find_instruction("Accumulate.") is None


def test_rows_must_come_in_the_order_of_their_roots() -> None:
    index = RowIndex()
    index.add(FIRST, 5)
    with pytest.raises(ValueError, match="root sample 4"):
        index.add(row("Another one.", MAX), 4)
