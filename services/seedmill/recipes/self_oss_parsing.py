"""What a teacher's answers mean in Self-OSS-Instruct: the parse rules of its three steps.

Small models write the format with variations. Those that leave no doubt are read (`sections.py`, `markdown.py`);
everything else is rejected with a word that says what was wrong, so a ledger tells which rule costs the yield.
"""

import re
from collections.abc import Mapping

from seedmill.recipes.markdown import find_fences, prose, python_code
from seedmill.recipes.python_source import (
    has_assertion,
    is_unfinished,
    parse_python,
    runs_something,
    without_reading_guards,
)
from seedmill.recipes.sections import find_sections
from seedmill.recipes.steps import JSON, Rejected, Sample
from seedmill.recipes.teaching import unfinished
from seedmill.recipes.templates import StepPrompt, load_prompt
from seedmill.records.generation import Completion

PROMPTS: Mapping[str, StepPrompt] = {
    "concepts": load_prompt("self_oss_instruct", "concepts"),
    "instruction": load_prompt("self_oss_instruct", "instruction"),
    "response": load_prompt("self_oss_instruct", "response", "[End]"),
}

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "snippet": ("snippet",),
    "concepts": ("concepts", "key concepts"),
    "properties": ("properties",),
    "instruction": ("instruction", "instructions", "task"),
    "response": ("response", "answer"),
    "tests": ("tests", "test", "test cases", "unit tests"),
    "end": ("/response", "/tests"),
}

MAX_CONCEPTS = 20
MAX_CONCEPT_LENGTH = 80  # characters; what is longer is a sentence
MIN_INSTRUCTION_WORDS = 6
MAX_INSTRUCTION_WORDS = 200  # SelfCodeAlign, sanitize, rule 7

TEST_REASONS = frozenset({"no_test_code", "tests_syntax_error", "no_assert", "tests_not_invoked"})
"""What is wrong with the tests of a response, not with its answer."""

_BULLET = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,2}[.)])[ \t]+(?P<text>.*)$")
_EXPLANATION = re.compile(r":\s|\s[-–—]\s")


def parse_concepts(_sample: Sample, completion: Completion) -> JSON | Rejected:
    return unfinished(completion) or read_concepts(completion.text)


def parse_instruction(_sample: Sample, completion: Completion) -> JSON | Rejected:
    return unfinished(completion) or read_instruction(completion.text)


def parse_response(_sample: Sample, completion: Completion) -> JSON | Rejected:
    return unfinished(completion) or read_response(completion.text)


def read_concepts(text: str) -> list[str] | Rejected:
    """The concepts: one line with commas, or one bullet each. What follows a blank line is talk."""
    text = _own_section(PROMPTS["concepts"].answer(text), "concepts")
    lines = text.split("\n\n")[0].splitlines()
    bullets = [_EXPLANATION.split(match["text"])[0] for line in lines if (match := _BULLET.match(line))]
    items = bullets if bullets else ", ".join(lines).replace(";", ",").split(",")
    concepts = list(dict.fromkeys(item.strip(" \t*`_.\"'") for item in items))
    concepts = [concept for concept in concepts if any(map(str.isalpha, concept))]
    if not concepts:
        return Rejected("no_concepts")
    if len(concepts) > MAX_CONCEPTS:
        return Rejected("too_many_concepts", f"{len(concepts)}")
    if any(len(concept) > MAX_CONCEPT_LENGTH for concept in concepts):
        return Rejected("concepts_not_a_list", max(concepts, key=len)[:200])
    return concepts


def read_instruction(text: str) -> str | Rejected:
    """The instruction, one that a response may be paid for."""
    text = _own_section(PROMPTS["instruction"].answer(text), "instruction")
    words = len(text.split())
    if not words:
        return Rejected("empty_instruction")
    if leaked := [marker for marker in find_sections(text, SECTIONS).markers if marker.bracketed]:
        return Rejected("leaked_markers", f"a line [{leaked[0].section}]")
    if (said := len(prose(text).split())) < MIN_INSTRUCTION_WORDS:  # code alone asks for nothing
        return Rejected("instruction_too_short", f"{said} words")
    if words > MAX_INSTRUCTION_WORDS:
        return Rejected("instruction_too_long", f"{words} words")
    return text


def read_response(text: str) -> dict[str, str] | Rejected:
    """`{"answer", "code", "tests"}`: the answer in Markdown, its code, and the code of the tests.

    SelfCodeAlign, sanitize, format rules 1-5; the tests are never part of the answer.
    """
    parts = _split_response(PROMPTS["response"].answer(text))
    if isinstance(parts, Rejected):
        return parts
    answer, tests_text = parts
    code = _answer_code(answer)
    if isinstance(code, Rejected):
        return code
    tests = _test_code(tests_text)
    if isinstance(tests, Rejected):
        return tests
    return {"answer": answer, "code": code, "tests": tests}


def _own_section(text: str, section: str) -> str:
    """What stands behind the marker of its own section, or behind its name and a colon; else the whole text.

    Before its marker a chat model may repeat what it was given, or be polite.
    """
    sections = find_sections(text, {section: SECTIONS[section]})
    first = sections.first(section)
    if first is not None and (first.bracketed or not sections.text(None, first)):
        return sections.text(first, None)
    label, colon, rest = text.strip().partition(":")
    return rest.strip() if colon and label.lower() in SECTIONS[section] else text.strip()


def _split_response(text: str) -> tuple[str, str] | Rejected:
    sections = find_sections(text, SECTIONS)
    tests = sections.all("tests")
    if not tests:
        return Rejected("no_tests_section", "there is no line [Tests]")
    if len(tests) > 1:
        return Rejected("several_tests_sections", f"{len(tests)} lines [Tests]")
    start = sections.first("response")
    if start is not None and start.line > tests[0].line:
        start = None
    begin = -1 if start is None else start.line
    inside = [m for m in sections.markers if begin < m.line < tests[0].line and m.bracketed]
    for marker in inside:
        if marker.section != "end":
            return Rejected("leaked_markers", f"a line [{marker.section}] in the answer")
    behind = [m for m in sections.markers if m.line > tests[0].line and m.bracketed]
    answer = sections.text(start, inside[0] if inside else tests[0])
    return answer, sections.text(tests[0], behind[0] if behind else None)


def _answer_code(answer: str) -> str | Rejected:
    if not answer:
        return Rejected("empty_response")
    if not all(fence.closed for fence in find_fences(answer)):
        return Rejected("unclosed_fence", "a code block of the answer does not end")
    code = python_code(answer)
    if code is None:
        return Rejected("no_code", "the answer has no Python block")
    tree = parse_python(code)
    if tree is None:
        return Rejected("syntax_error", "the answer's code does not parse")
    if is_unfinished(code, tree):
        return Rejected("incomplete_code", "the answer leaves a part to the reader")
    return code


def _test_code(text: str) -> str | Rejected:
    code = python_code(text)
    if code is None:
        return Rejected("no_test_code", "the tests have no Python block")
    code = without_reading_guards(code)
    tree = parse_python(code)
    if tree is None:
        return Rejected("tests_syntax_error", "the tests do not parse")
    if not has_assertion(tree):
        return Rejected("no_assert", "the tests assert nothing")
    if not runs_something(tree):
        return Rejected("tests_not_invoked", "the tests are defined and never called")
    return code
