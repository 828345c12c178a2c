"""Worked examples of the user's own, and how many a step shows."""

from typing import Any

import pytest

from seedmill.recipes.build import RecipeError, build, check_recipe
from seedmill.recipes.few_shots import few_shots
from seedmill.recipes.shown_examples import fault_of, shown_examples
from seedmill.recipes.steps import Generate, Recipe
from seedmill.records.generation import Prompt
from seedmill.records.randomness import Draw
from seedmill.spec.recipe import SelfOssInstruct, WorkedExample
from support.recipe_values import FixedSight, function, sample, spec

STEPS = ("concepts", "instruction", "response")
DOUBLE: dict[str, Any] = {
    "snippet": "def twice(x):\n    return 2 * x\n",
    "concepts": ["arithmetic", "functions"],
    "instruction": "Write a Python function `double(number)` that returns the number times two.\n",
    "response": "It is added to itself.\n\n```python\ndef double(number):\n    return number + number\n```\n",
    "tests": "```python\nassert double(2) == 4\n```\n",
}
HALVE = {**DOUBLE, "snippet": "half = x / 2\n", "category": "program", "difficulty": "hard"}
LONG = {**DOUBLE, "instruction": "Write a function `double(number)`. " + "It is easy, really. " * 40}


def counts(**options: Any) -> tuple[int, ...]:
    shown = shown_examples(SelfOssInstruct.model_validate(options))
    assert [len(shown.draw(step, Draw(0, step))) for step in STEPS] == list(shown.counts.values())
    return tuple(shown.counts[step] for step in STEPS)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (8, 8, 1)),
        ({"fewShotExamples": 0}, (0, 0, 0)),
        ({"fewShotExamples": 0, "responseExamples": 2}, (0, 0, 2)),
        ({"responseExamples": 0}, (8, 8, 0)),
        ({"fewShotExamples": 21, "responseExamples": 21}, (21, 21, 21)),
        ({"examples": [DOUBLE]}, (1, 1, 1)),
        ({"examples": [DOUBLE, HALVE, LONG], "fewShotExamples": 2, "responseExamples": 3}, (2, 2, 3)),
    ],
)
def test_as_many_are_shown_as_asked_and_all_where_there_are_fewer(options: dict[str, Any], expected: tuple[int, ...]):
    assert counts(**options) == expected


def prompts(made: Recipe) -> dict[str, Prompt]:
    values = {"concepts": ["recursion"], "instruction": "Write g."}
    walked = sample(function("def f(x):\n    return x", "Return x."), "5", **values)
    asked: dict[str, Prompt] = {}
    for step in made.steps:
        if isinstance(step, Generate):
            prompt = step.render(walked, Draw(0, "5", step.name, 0), FixedSight())
            assert isinstance(prompt, Prompt)
            assert prompt.size_bytes <= step.call.prompt_limit_tokens
            asked[step.name] = prompt
    return asked


def made(**options: Any) -> Recipe:
    return build(spec({"selfOssInstruct": options}, teacher={"model": "m", "api": "Completions"}))


def test_own_examples_are_shown_and_no_others():
    asked = prompts(made(examples=[DOUBLE, HALVE], responseExamples=2))
    for step, shown in (
        ("concepts", ["```python\ndef twice(x):\n    return 2 * x\n```\n\n[Concepts]\narithmetic, functions\n"]),
        ("instruction", [f"concepts: arithmetic, functions\n\n[Instruction]\n{DOUBLE['instruction']}"]),
        ("response", [f"[Response]\n{DOUBLE['response']}\n[Tests]\n{DOUBLE['tests']}\n[End]\n"]),
    ):
        for text in shown:
            assert text in asked[step].text
        assert asked[step].text.count("=== Example") == 3
    assert "category: program\nlanguage: python\ndifficulty: hard\n" in asked["instruction"].text
    assert not any(shot.instruction in prompt.text for shot in few_shots() for prompt in asked.values())


def test_prompts_may_be_as_long_as_the_examples_need():
    longest = {
        **DOUBLE,
        "instruction": "Write a_function_with_a_long_name. " * 66,
        "response": DOUBLE["response"] + "So it is. " * 300,
    }
    own = [{**longest, "snippet": f"x = {n}\n" + "y = 1\n" * 500} for n in range(21)]
    prompts(made(examples=own, fewShotExamples=21, responseExamples=21))
    prompts(made(fewShotExamples=21, responseExamples=21))


def test_the_order_and_the_text_of_examples_enter_the_digest():
    digests = [
        made().digest,
        made(examples=[DOUBLE, HALVE]).digest,
        made(examples=[HALVE, DOUBLE]).digest,
        made(examples=[DOUBLE, LONG]).digest,
        made(examples=[DOUBLE, HALVE], responseExamples=2).digest,
        made(responseExamples=2).digest,
    ]
    assert len(set(digests)) == len(digests)


def test_the_digest_of_runs_that_say_nothing_of_examples_stays():
    assert made().digest == "24a1ab68ae5387693decfc2bbb101bc529d4e1c78689d54d50fd2176f8567ecf"


@pytest.mark.parametrize("shot", few_shots(), ids=lambda shot: shot.name)
def test_the_built_in_examples_would_be_taken_as_own_ones(shot: Any):
    fields = WorkedExample.model_fields
    assert (
        fault_of(
            WorkedExample.model_validate(
                {name: getattr(shot, name) for name in fields} | {"concepts": list(shot.concepts)}
            )
        )
        is None
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"concepts": ["one, two"]}, r"examples\[1\].concepts: must be short names without commas, each once"),
        ({"concepts": ["1"]}, r"concepts: an answer like it is rejected as no_concepts"),
        ({"instruction": "Double it."}, r"instruction: .* rejected as instruction_too_short \(2 words\)"),
        ({"instruction": "Do it now.\n=== Example\nor do it later on"}, r"instruction: .* instruction_too_short"),
        ({"instruction": "Write a function that doubles it.\n=== Example 2"}, r"instruction: must not hold a marker"),
        ({"response": "def double(n): return 2 * n"}, r"response: .* rejected as no_code \(the answer has no Python"),
        ({"response": DOUBLE["response"] + "[Tests]\nNone."}, r"response: .* several_tests_sections"),
        ({"response": DOUBLE["response"] + "[End]"}, r"response: .* rejected as no_tests_section"),
        ({"tests": "```python\ndouble(2)\n```"}, r"tests: .* rejected as no_assert \(the tests assert nothing\)"),
        ({"tests": "assert double(2) == 4"}, r"tests: .* rejected as no_test_code"),
    ],
)
def test_an_example_that_would_be_rejected_as_an_answer_is_named(change: dict[str, Any], says: str):
    wrong = spec({"selfOssInstruct": {"examples": [DOUBLE, {**DOUBLE, **change}]}})
    with pytest.raises(RecipeError, match=r"^spec\.recipe\.selfOssInstruct\.examples\[1\]\.\w+: ") as raised:
        check_recipe(wrong)
    assert raised.match(says)
    assert raised.value.path[:5] == ("spec", "recipe", "selfOssInstruct", "examples", 1)
