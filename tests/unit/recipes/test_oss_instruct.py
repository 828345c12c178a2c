"""OSS-Instruct: the parse table (methods §1.4, with anchored markers) and the row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.recipes.build import build
from seedmill.recipes.oss_instruct import parse_problem
from seedmill.recipes.steps import Check, Generate, Rejected
from seedmill.records.generation import Api, FinishReason
from seedmill.records.randomness import Draw
from seedmill.records.row import Row
from support.recipe_values import FixedSight, completion, sample, snippet, spec

PROBLEM = "Write a function that doubles every number of a list."
CODE = "```python\ndef double(xs):\n    return [2 * x for x in xs]\n```"


def value(text: str, api: Api = Api.CHAT) -> dict[str, str] | Rejected:
    """Problem and solution; what else is known of the solution is tested by its row."""
    found = parse_problem(api, sample(), completion(text))
    return found if isinstance(found, Rejected) else {name: found[name] for name in ("problem", "solution")}


def row_of(solution: str, language: str = "python") -> Row:
    """The row of an answer with this solution."""
    seed = sample(snippet(language=language))
    made = parse_problem(Api.CHAT, seed, completion(f"[Problem Description]\n{PROBLEM}\n\n[Solution]\n{solution}"))
    assert not isinstance(made, Rejected)
    return build(spec({"ossInstruct": {}})).row(seed.with_value("problem", made))


@pytest.mark.parametrize(
    "text",
    [
        f"[Problem Description]\n{PROBLEM}\n\n[Solution]\n{CODE}",
        f"[problem description]\n{PROBLEM}\n[SOLUTION]\n{CODE}",
        f"Sure!\n\n[Problem Description]: {PROBLEM}\n\n[Solution]\n{CODE}",
        f"**[Problem Description]**\n{PROBLEM}\n\n**[Solution]**\n{CODE}",
        f"### Problem Description\n{PROBLEM}\n\n### Solution:\n{CODE}",
        f"**Problem Description:**\n{PROBLEM}\n\n**Solution:**\n{CODE}",
        f"[Problem Description]\n{PROBLEM}\n[Solution]\n{CODE}\n=== Example 2 ===\n[Solution]\nx",
    ],
)
def test_what_is_read(text: str) -> None:
    assert value(text) == {"problem": PROBLEM, "solution": CODE}


def test_text_on_the_line_of_a_marker_is_kept() -> None:
    """The reference parser loses it (C20)."""
    text = f"[Problem Description] {PROBLEM}\n[Solution]: Use a list comprehension.\n{CODE}"
    assert value(text) == {"problem": PROBLEM, "solution": f"Use a list comprehension.\n{CODE}"}


def test_a_marker_inside_prose_or_code_does_not_split() -> None:
    problem = f"{PROBLEM}\nPut the code into the [Solution] section.\n\n```\n[Solution]\n```"
    assert value(f"[Problem Description]\n{problem}\n[Solution]\n{CODE}") == {"problem": problem, "solution": CODE}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_problem"),
        (f"[Solution]\n{CODE}", "no_problem"),
        (f"[Problem Description]\n{PROBLEM}", "no_solution"),
        (f"[Solution]\n{CODE}\n[Problem Description]\n{PROBLEM}", "wrong_order"),
        (f"[Problem Description]\n\n[Solution]\n{CODE}", "empty_problem"),
        (f"[Problem Description]\n{PROBLEM}\n[Solution]\n \n", "empty_solution"),
        (f"[Problem Description]\nDouble it.\n[Solution]\n{CODE}", "problem_too_short"),
        (f"[Problem Description]\n{PROBLEM * 200}\n[Solution]\n{CODE}", "problem_too_long"),
        (f"[Problem Description]\n{PROBLEM}\n[Solution]\nUse a loop.", "no_code"),
        (f"[Problem Description]\n{PROBLEM}\n[Solution]\n```python\nx = 1", "unclosed_fence"),
        (f"[Problem Description]\n{PROBLEM}\n[Solution]\n```python\ndef f(\n```", "syntax_error"),
    ],
)
def test_what_is_rejected(text: str, reason: str) -> None:
    rejected = value(text)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        (FinishReason.LENGTH, "truncated"),
        (FinishReason.FILTERED, "content_filter"),
        (FinishReason.OTHER, "stopped_early"),
    ],
)
def test_an_answer_that_did_not_end_is_rejected(finish: FinishReason, reason: str) -> None:
    rejected = parse_problem(Api.CHAT, sample(), completion(f"[Problem Description]\n{PROBLEM}", finish))
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason


def test_a_completions_answer_begins_inside_the_problem() -> None:
    assert value(f"{PROBLEM}\n\n[Solution]\n{CODE}", Api.COMPLETIONS) == {"problem": PROBLEM, "solution": CODE}


def test_code_of_other_languages_is_not_parsed_as_python() -> None:
    solution = "```rust\nfn double(x: i32) -> i32 { 2 * x }\n```\n```python\nx\n```"
    made = row_of(solution)
    assert (made.language, made.code) == ("rust", "fn double(x: i32) -> i32 { 2 * x }")
    assert isinstance(value(f"[Problem Description]\n{PROBLEM}\n[Solution]\n{solution}"), dict)


def test_untagged_code_has_the_language_of_the_seed() -> None:
    made = row_of("```\nint x;\n```", language="cpp")
    assert (made.language, made.code) == ("cpp", "int x;")


def test_unfinished_solutions_stay_and_say_so() -> None:
    todo = "```python\ndef double(xs):\n    pass  # your code here\n```"
    flags = [row_of(solution).properties["incomplete"] for solution in (CODE, todo)]
    assert flags == ["false", "true"]


def test_contaminated_problems_are_rejected() -> None:
    _, check = build(spec({"ossInstruct": {}})).steps
    assert isinstance(check, Check)
    made = sample(problem={"problem": PROBLEM, "solution": CODE})
    assert check.decide(made, FixedSight()) == []
    assert check.decide(made, FixedSight(task="MBPP/11")) == Rejected("contaminated", "MBPP/11")


@pytest.mark.parametrize("api", ["Chat", "Completions"])
def test_prompts_hold_the_snippet_and_name_both_markers(api: str) -> None:
    generate = build(spec({"ossInstruct": {}}, teacher={"model": "m", "api": api})).steps[0]
    assert isinstance(generate, Generate)
    prompt = generate.render(sample(snippet("shared = {{ not_jinja }}")), Draw(1), FixedSight())
    assert not isinstance(prompt, Rejected)
    text = prompt.text or prompt.messages[-1].content
    assert "shared = {{ not_jinja }}" in text
    assert "[Problem Description]" in text
    assert "[Solution]" in text
    assert prompt.text.endswith("[Problem Description]" if api == "Completions" else "")
    assert prompt.size_bytes <= generate.call.prompt_limit_tokens


@given(st.text(max_size=300), st.sampled_from(Api))
def test_no_answer_breaks_the_parser(text: str, api: Api) -> None:
    parse_problem(api, sample(), completion(text))
    parse_problem(api, sample(), completion(f"[Problem Description]\n{PROBLEM}\n[Solution]\n```python\n{text}\n```"))
