"""Self-OSS-Instruct: sampled properties, prompts, gates, verdicts, rows."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.recipes.build import build
from seedmill.recipes.self_oss_instruct import properties_of, waves_of
from seedmill.recipes.steps import Check, Execute, Generate, Recipe, Rejected, Sample
from seedmill.records.generation import Prompt
from seedmill.records.randomness import Draw
from seedmill.records.verdict import Isolation, Program, Status, VerdictKind
from support.recipe_values import FixedSight, function, sample, spec, verdict

SEED = function("def f(x):\n    return x", "Return x.")
RESPONSE = {"answer": "```python\ndef g(): ...\n```", "code": "def g():\n    return 1", "tests": "assert g() == 1"}


def recipe(teacher: dict[str, object] | None = None, **options: object) -> Recipe:
    return build(spec({"selfOssInstruct": options}, teacher={"model": "m", **(teacher or {})}))


def steps(made: Recipe) -> dict[str, Generate | Execute | Check]:
    return {step.name: step for step in made.steps if isinstance(step, Generate | Execute | Check)}


def walked() -> Sample:
    return sample(SEED, "5", concepts=["recursion", "sets"], instruction="Write g.", response=RESPONSE, verify={})


def prompt_of(made: Recipe, step: str) -> Prompt:
    generate = steps(made)[step]
    assert isinstance(generate, Generate)
    prompt = generate.render(walked(), Draw(0, "5", step, 0), FixedSight())
    assert isinstance(prompt, Prompt)
    assert prompt.size_bytes <= generate.call.prompt_limit_tokens
    return prompt


@given(st.integers(1, 100))
def test_waves_cover_all_parts(parts: int) -> None:
    waves = waves_of(parts)
    assert sum(waves) == parts
    assert waves[0] <= 2
    assert max(waves) <= 4


def test_ten_responses_come_in_waves_of_two_four_four() -> None:
    assert waves_of(10) == (2, 4, 4)


def test_categories_are_half_functions_and_difficulties_uniform() -> None:
    drawn = [properties_of(sample(SEED, str(n)), 7) for n in range(3000)]
    categories = Counter(properties["category"] for properties in drawn)
    difficulties = Counter(properties["difficulty"] for properties in drawn)
    assert categories["function"] == pytest.approx(1500, abs=100)
    assert categories["class"] == pytest.approx(750, abs=90)
    assert categories["program"] == pytest.approx(750, abs=90)
    assert all(count == pytest.approx(1000, abs=90) for count in difficulties.values())


def test_the_row_says_what_the_prompt_said() -> None:
    made = recipe()
    row = made.row(walked())
    text = prompt_of(made, "instruction").messages[-1].content.rpartition("=== Example")[2]
    for name in ("category", "difficulty"):
        assert f"{name}: {row.properties[name]}\n" in text
    assert "concepts: recursion, sets\n" in text
    assert row.properties["concepts"] == "recursion, sets"
    assert (row.response, row.code, row.tests) == (RESPONSE["answer"], RESPONSE["code"], RESPONSE["tests"])


@pytest.mark.parametrize("api", ["Chat", "Completions"])
@pytest.mark.parametrize(("shown", "expected"), [(0, (0, 0, 0)), (8, (8, 8, 1)), (21, (21, 21, 1))])
def test_prompts_show_as_many_examples_as_asked(api: str, shown: int, expected: tuple[int, ...]) -> None:
    made = recipe({"api": api}, fewShotExamples=shown)
    for step, marker, count in zip(
        ("concepts", "instruction", "response"), ("[Snippet]", "[Instruction]", "[Tests]"), expected, strict=True
    ):
        prompt = prompt_of(made, step)
        text = prompt.text or prompt.messages[-1].content
        examples = text.rpartition("=== Example")[0]
        assert examples.count(f"\n{marker}\n") == count
        assert len(set(examples.split("=== Example"))) == len(examples.split("=== Example"))


def test_a_completions_prompt_ends_where_the_answer_begins() -> None:
    made = recipe({"api": "Completions"})
    for step, end in (("concepts", "[Concepts]"), ("instruction", "[Instruction]"), ("response", "[Response]")):
        prompt = prompt_of(made, step)
        assert prompt.text.endswith(f"\n{end}")
        assert "=== Example" in prompt.stop
    assert "[End]" in prompt_of(made, "response").stop


def test_code_of_a_seed_cannot_close_its_fence() -> None:
    seed = function('def f():\n    """```"""\n', "d")
    concepts = steps(recipe(fewShotExamples=0))["concepts"]
    assert isinstance(concepts, Generate)
    prompt = concepts.render(sample(seed), Draw(1), FixedSight())
    assert isinstance(prompt, Prompt)
    assert "````python\n" in prompt.messages[-1].content


def test_a_step_has_its_own_model_and_sampling_where_given() -> None:
    made = recipe({"steps": {"concepts": {"model": "small", "api": "Completions", "sampling": {"maxTokens": 64}}}})
    calls = {name: step.call for name, step in steps(made).items() if isinstance(step, Generate)}
    assert (calls["concepts"].model, calls["concepts"].sampling.max_tokens) == ("small", 64)
    assert calls["concepts"].sampling.temperature == calls["response"].sampling.temperature
    assert (calls["response"].model, calls["response"].sampling.max_tokens) == ("m", 1536)


def test_gates_stand_before_what_they_save() -> None:
    order = [step.name for step in recipe().steps]
    assert order.index("decontaminate_instruction") < order.index("response")
    assert order.index("novelty") < order.index("response")
    assert order.index("decontaminate_response") < order.index("verify")
    assert [step.of for step in recipe().steps if isinstance(step, Check | Execute)] == ["", "", "response", "response"]


@pytest.mark.parametrize(
    ("step", "sight", "reason"),
    [
        ("decontaminate_instruction", FixedSight(task="HumanEval/3"), "contaminated"),
        ("novelty", FixedSight(similar_row="ab12"), "not_novel"),
        ("decontaminate_response", FixedSight(task="MBPP/20"), "contaminated"),
    ],
)
def test_gates(step: str, sight: FixedSight, reason: str) -> None:
    check = steps(recipe())[step]
    assert isinstance(check, Check)
    assert check.decide(walked(), FixedSight()) == []
    rejected = check.decide(walked(), sight)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason


def test_the_program_is_the_answer_without_its_main_guard_under_the_settings_of_the_spec() -> None:
    execution = {"verdict": "Strict", "isolation": "Fresh", "timeoutSeconds": 3, "memory": "64Mi"}
    made = build(spec({"selfOssInstruct": {}}, execution=execution))
    verify = steps(made)["verify"]
    assert isinstance(verify, Execute)
    code = f"{RESPONSE['code']}\n\nif __name__ == '__main__':\n    print(g(), input())"
    program = verify.program(walked().with_value("response", {**RESPONSE, "code": code}))
    assert program == Program(
        "5", "python", RESPONSE["code"], RESPONSE["tests"], 3, 64 << 20,
        verdict=VerdictKind.STRICT, isolation=Isolation.FRESH,
    )  # fmt: skip


def test_only_a_pass_passes() -> None:
    verify = steps(recipe())["verify"]
    assert isinstance(verify, Execute)
    value = verify.judge(walked(), verdict(Status.PASS, asserts_run=3, environment="e", sandbox="s"))
    assert value == {
        "verdict_kind": "Strict", "verdict_downgrade": "", "asserts_run": "3", "environment": "e", "sandbox": "s",
    }  # fmt: skip
    for status in set(Status) - {Status.PASS}:
        assert verify.judge(walked(), verdict(status, reason="r")) == Rejected(f"verdict_{status.value}", "r")
