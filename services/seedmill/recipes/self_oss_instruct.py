"""Self-OSS-Instruct: a function becomes concepts, concepts an instruction, the instruction responses with tests, and a
response is kept when its tests pass (SelfCodeAlign §3; `SelfCodeAlign, self_ossinstruct`).

Cheap gates stand before what is expensive: an instruction is checked for form, contamination and novelty before the
first response to it is paid, a response for form and contamination before it is run.
"""

from functools import partial
from typing import Any

from seedmill.recipes.digest import recipe_digest
from seedmill.recipes.programs import ProgramSettings, judge_pass
from seedmill.recipes.python_source import without_main_guards
from seedmill.recipes.self_oss_parsing import PROMPTS, parse_concepts, parse_instruction, parse_response
from seedmill.recipes.shown_examples import ShownExamples, shown_examples
from seedmill.recipes.steps import Check, Execute, Generate, Recipe, Rejected, Sample, Sight
from seedmill.recipes.teaching import model_call
from seedmill.records.generation import Api, Prompt
from seedmill.records.randomness import Draw
from seedmill.records.row import Row
from seedmill.records.seed import SeedKind
from seedmill.records.verdict import Program
from seedmill.spec.recipe import SelfOssInstruct
from seedmill.spec.teacher import Teacher

NAME = "selfOssInstruct"
VERSION = 2
STEP_NAMES = ("concepts", "instruction", "response")

CATEGORIES = ("function", "function", "class", "program")
DIFFICULTIES = ("easy", "medium", "hard")
FIRST_WAVE, NEXT_WAVES = 2, 4


def self_oss_instruct(
    options: SelfOssInstruct, teacher: Teacher, programs: ProgramSettings, random_seed: int
) -> Recipe:
    """The recipe of these options."""
    shown = shown_examples(options)
    calls = {step: model_call(teacher, step, shown.prompt_limit_tokens(step)) for step in STEP_NAMES}
    prompts = {step: PROMPTS[step].digest for step in STEP_NAMES}
    # Without options that are left out: a new one must not make every old run's records those of another recipe.
    given = options.model_dump(mode="json", exclude_none=True)
    settings: dict[str, Any] = {**given, "execution": programs.to_json(), "randomSeed": random_seed}
    parts = options.responses_per_instruction
    return Recipe(
        name=NAME,
        digest=recipe_digest(NAME, VERSION, settings, prompts, shown.digest),
        seed_kind=SeedKind.FUNCTION,
        steps=(
            Generate(
                "concepts", calls["concepts"], partial(_render_concepts, calls["concepts"].api, shown), parse_concepts
            ),
            Generate(
                "instruction",
                calls["instruction"],
                partial(_render_instruction, calls["instruction"].api, shown, random_seed),
                parse_instruction,
            ),
            Check("decontaminate_instruction", _decontaminate_instruction),
            Check("novelty", _novelty),
            Generate(
                "response",
                calls["response"],
                partial(_render_response, calls["response"].api, shown),
                parse_response,
                parts=parts,
                waves=waves_of(parts),
            ),
            Check("decontaminate_response", _decontaminate_response, of="response"),
            Execute("verify", partial(_program, programs), judge_pass, of="response"),
        ),
        row=partial(_row, random_seed),
        prompts=prompts,
    )


def waves_of(parts: int) -> tuple[int, ...]:
    """2, 4, 4, … up to `parts`: a good instruction needs few responses, a hopeless one should not have all at once."""
    waves = [min(FIRST_WAVE, parts)]
    while (left := parts - sum(waves)) > 0:
        waves.append(min(NEXT_WAVES, left))
    return tuple(waves)


def properties_of(sample: Sample, random_seed: int) -> dict[str, str]:
    """The sample's category (half functions, a quarter each classes and programs) and difficulty (uniform).

    They have a counter of their own, so that the row finds again what the prompt said.
    """
    draw = Draw(random_seed, sample.path, "properties")
    return {"category": draw.choice(CATEGORIES), "difficulty": draw.choice(DIFFICULTIES)}


def _render_concepts(api: Api, shown: ShownExamples, sample: Sample, draw: Draw, _sight: Sight) -> Prompt:
    seed = sample.seed
    return PROMPTS["concepts"].render(
        api, snippet=seed.text, language=seed.language, examples=shown.draw("concepts", draw)
    )  # fmt: skip


def _render_instruction(
    api: Api, shown: ShownExamples, random_seed: int, sample: Sample, draw: Draw, _sight: Sight
) -> Prompt:
    return PROMPTS["instruction"].render(
        api,
        **properties_of(sample, random_seed),
        language=sample.seed.language,
        concepts=sample.values["concepts"],
        examples=shown.draw("instruction", draw),
    )


def _render_response(api: Api, shown: ShownExamples, sample: Sample, draw: Draw, _sight: Sight) -> Prompt:
    return PROMPTS["response"].render(
        api,
        instruction=sample.values["instruction"],
        language=sample.seed.language,
        examples=shown.draw("response", draw),
    )


def _decontaminate_instruction(sample: Sample, sight: Sight) -> list[str] | Rejected:
    task = sight.contamination(sample.values["instruction"])
    return Rejected("contaminated", task) if task else []


def _novelty(sample: Sample, sight: Sight) -> list[str] | Rejected:
    row = sight.similar(sample.values["instruction"])
    return Rejected("not_novel", f"as row {row}") if row else []


def _decontaminate_response(sample: Sample, sight: Sight) -> list[str] | Rejected:
    task = sight.contamination(f"{sample.values['instruction']}\n\n{sample.values['response']['answer']}")
    return Rejected("contaminated", task) if task else []


def _program(programs: ProgramSettings, sample: Sample) -> Program:
    value = sample.values["response"]
    return programs.program(sample, without_main_guards(value["code"]), value["tests"])


def _row(random_seed: int, sample: Sample) -> Row:
    value = sample.values["response"]
    return Row(
        instruction=sample.values["instruction"],
        response=value["answer"],
        code=value["code"],
        tests=value["tests"],
        language=sample.seed.language,
        properties={
            **properties_of(sample, random_seed),
            "concepts": ", ".join(sample.values["concepts"]),
            **sample.values["verify"],
        },
    )
