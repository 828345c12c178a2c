"""Self-OSS-Instruct: the parse tables of its three steps (methods §3.1, §3.6 rules 1-5 and 7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.recipes.self_oss_parsing import parse_concepts, parse_instruction, parse_response
from seedmill.recipes.steps import Rejected
from seedmill.records.generation import FinishReason
from support.recipe_values import completion, sample

PARSERS = (parse_concepts, parse_instruction, parse_response)
INSTRUCTION = "Write a function that adds two numbers."
CODE = "def add(a, b):\n    return a + b"
ANSWER = f"This adds.\n\n```python\n{CODE}\n```"
TESTS = "assert add(1, 2) == 3"
TEST_BLOCK = f"```python\n{TESTS}\n```"


def reason_of(value: object) -> str:
    assert isinstance(value, Rejected), value
    return value.reason


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("recursion, string parsing", ["recursion", "string parsing"]),
        ("\nrecursion,string parsing.\n", ["recursion", "string parsing"]),
        ("Concepts: recursion, sets", ["recursion", "sets"]),
        ("### Concepts\nrecursion, sets", ["recursion", "sets"]),
        ("[Concepts] recursion, sets", ["recursion", "sets"]),
        ("Sure!\n\n[Concepts]\nrecursion, sets", ["recursion", "sets"]),
        ("Key concepts:\n- recursion\n- `sets`\n", ["recursion", "sets"]),
        ("- **Recursion**: a function calls itself\n- Sets - unordered values", ["Recursion", "Sets"]),
        ("1. recursion\n2) **sets**\n\nThese are the concepts.", ["recursion", "sets"]),
        ("recursion; sets", ["recursion", "sets"]),
        ("recursion,\nsets, recursion", ["recursion", "sets"]),
        ("recursion, sets\n=== Example 9 ===\n[Snippet]", ["recursion", "sets"]),
    ],
)
def test_concepts(text: str, concepts: list[str]) -> None:
    assert parse_concepts(sample(), completion(text)) == concepts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_concepts"),
        ("---, 1, 2", "no_concepts"),
        ("The code reads a file line by line and then it prints every one of the lines that it has read", "concepts_not_a_list"),  # noqa: E501
        (", ".join(f"concept {n}" for n in range(30)), "too_many_concepts"),
    ],
)  # fmt: skip
def test_rejected_concepts(text: str, reason: str) -> None:
    assert reason_of(parse_concepts(sample(), completion(text))) == reason


@pytest.mark.parametrize(
    "text",
    [
        INSTRUCTION,
        f"\n\n{INSTRUCTION}\n",
        f"[Instruction]\n{INSTRUCTION}",
        f"### Task\n{INSTRUCTION}",
        f"**Instruction:** {INSTRUCTION}",
        f"Task: {INSTRUCTION}",
        f"[Properties]\ncategory: class\n\n[Instructions]\n{INSTRUCTION}",
        f"{INSTRUCTION}\n\n=== Example 9 ===\n[Properties]\nclass",
    ],
)
def test_instructions(text: str) -> None:
    assert parse_instruction(sample(), completion(text)) == INSTRUCTION


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty_instruction"),
        ("[Instruction]\n", "empty_instruction"),
        ("Add two numbers.", "instruction_too_short"),
        (
            "```python\ndef add(a, b):\n    # adds the first to the second\n    return a + b\n```",
            "instruction_too_short",
        ),
        ("word " * 201, "instruction_too_long"),
        (f"{INSTRUCTION}\n[Response]\n{ANSWER}", "leaked_markers"),
        (f"[Properties]\ncategory: class\n\n{INSTRUCTION}", "leaked_markers"),
    ],
)
def test_rejected_instructions(text: str, reason: str) -> None:
    assert reason_of(parse_instruction(sample(), completion(text))) == reason


def test_an_instruction_may_have_200_words() -> None:
    assert parse_instruction(sample(), completion("word " * 200)) == ("word " * 200).strip()


@pytest.mark.parametrize(
    "text",
    [
        f"[Response]\n{ANSWER}\n\n[Tests]\n{TEST_BLOCK}\n\n[End]",
        f"{ANSWER}\n\n[Tests]\n{TEST_BLOCK}",
        f"<response>\n{ANSWER}\n</response>\n\n<tests>\n{TEST_BLOCK}\n</tests>",
        f"### Response\n{ANSWER}\n\n### Tests\n{TEST_BLOCK}",
        f"### Response 2\n{ANSWER}\n\n### Tests 2\n{TEST_BLOCK}",
        f"**Response:**\n{ANSWER}\n\n**Unit Tests:**\nThese check it.\n{TEST_BLOCK}",
        f"[Instruction]\nx\n[Response]\n{ANSWER}\n[Tests]\n{TEST_BLOCK}",
        f"Sure, here it is.\n[Response]\n{ANSWER}\n[TESTS]\n{TEST_BLOCK}",
        f"{ANSWER}\n\nTests:\n```py\n{TESTS}\n```",
        f"{ANSWER}\n[Tests]\n```\n{TESTS}\n```",
        f"{ANSWER}\n[Tests]\n```python\n{TESTS}\n",
        f"{ANSWER}\n[Tests]\n{TEST_BLOCK}\n```bash\npython test.py\n```",
        f"{ANSWER}\n[Tests]\n{TEST_BLOCK}\n[End]\n[Instruction]\nAnother one.",
        f"{ANSWER}\n[Tests]\n{TEST_BLOCK}\n[Instruction]\nAnother one.\n[Response]\nx",
        f"{ANSWER}\n[Tests]\n{TEST_BLOCK}\n=== Example 3 ===\n[Tests]\nx",
    ],
)
def test_responses(text: str) -> None:
    assert parse_response(sample(), completion(text)) == {"answer": ANSWER, "code": CODE, "tests": TESTS}


def test_a_heading_of_the_answer_is_no_section_where_markers_are_bracketed() -> None:
    answer = f"{ANSWER}\n\n### Tests\nare below."
    value = parse_response(sample(), completion(f"[Response]\n{answer}\n[Tests]\n{TEST_BLOCK}"))
    assert value == {"answer": answer, "code": CODE, "tests": TESTS}


def test_blocks_of_other_tags_are_neither_solution_nor_tests() -> None:
    """The reference concatenates every block, so a shell line fails a correct answer (C2)."""
    answer = f"```bash\npip install numpy\n```\n{ANSWER}\n```output\n3\n```"
    value = parse_response(sample(), completion(f"{answer}\n[Tests]\n{TEST_BLOCK}\n```text\nOK\n```"))
    assert value == {"answer": answer, "code": CODE, "tests": TESTS}


def test_a_main_guard_of_the_tests_stays_unless_it_reads_input() -> None:
    calls = "def test_add():\n    assert add(1, 1) == 2\n\nif __name__ == '__main__':\n    test_add()"
    kept = parse_response(sample(), completion(f"{ANSWER}\n[Tests]\n```python\n{calls}\n```"))
    assert kept["tests"] == calls
    reading = f"{TESTS}\nif __name__ == '__main__':\n    print(add(int(input()), 1))"
    cut = parse_response(sample(), completion(f"{ANSWER}\n[Tests]\n```python\n{reading}\n```"))
    assert cut["tests"] == TESTS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_tests_section"),
        (ANSWER, "no_tests_section"),
        (f"{ANSWER}\n\n{TEST_BLOCK}", "no_tests_section"),
        (f"```python\n{CODE}\n[Tests]\n{TEST_BLOCK}", "no_tests_section"),
        (f"{ANSWER}\n[Tests]\n{TEST_BLOCK}\n[Tests]\n{TEST_BLOCK}", "several_tests_sections"),
        (f"[Tests]\n{TEST_BLOCK}", "empty_response"),
        (f"[Instruction]\nx\n\n{ANSWER}\n[Tests]\n{TEST_BLOCK}", "leaked_markers"),
        (f"[Response]\n{ANSWER}\n[Concepts]\nx\n[Tests]\n{TEST_BLOCK}", "leaked_markers"),
        (f"Just add them.\n[Tests]\n{TEST_BLOCK}", "no_code"),
        (f"```java\nint x;\n```\n[Tests]\n{TEST_BLOCK}", "no_code"),
        (f"```python\ndef add(a, b)\n```\n[Tests]\n{TEST_BLOCK}", "syntax_error"),
        (f"```python\ndef add(a, b):\n    # TODO\n    return 0\n```\n[Tests]\n{TEST_BLOCK}", "incomplete_code"),
        (f"```python\ndef add(a, b):\n    pass\n```\n[Tests]\n{TEST_BLOCK}", "incomplete_code"),
        (f"{ANSWER}\n[Tests]\nRun it and look.", "no_test_code"),
        (f"{ANSWER}\n[Tests]\n```bash\npytest\n```", "no_test_code"),
        (f"{ANSWER}\n[Tests]\n```python\nassert add(1 ==\n```", "tests_syntax_error"),
        (f"{ANSWER}\n[Tests]\n```python\nprint(add(1, 2))\n```", "no_assert"),
        (f"{ANSWER}\n[Tests]\n```python\ndef test():\n    assert add(1, 2) == 3\n```", "tests_not_invoked"),
    ],
)
def test_rejected_responses(text: str, reason: str) -> None:
    assert reason_of(parse_response(sample(), completion(text))) == reason


def test_every_step_rejects_what_was_cut_off() -> None:
    """The reference only prints these (C39)."""
    for parse in PARSERS:
        assert reason_of(parse(sample(), completion(INSTRUCTION, FinishReason.LENGTH))) == "truncated"


@given(st.text(max_size=400))
def test_no_answer_breaks_a_parser(text: str) -> None:
    for parse in PARSERS:
        parse(sample(), completion(text))
    parse_response(sample(), completion(f"```python\n{text}\n```\n[Tests]\n```python\n{text}\n```"))


@given(st.text(alphabet="[]/ResponseTstConcptI\n`python \n=assert x:1()", max_size=400))
def test_no_answer_full_of_markers_breaks_a_parser(text: str) -> None:
    for parse in PARSERS:
        parse(sample(), completion(text))
