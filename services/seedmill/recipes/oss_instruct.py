"""OSS-Instruct: one call turns a snippet into a problem and its solution (Magicoder §3.1).

Nothing is executed, as in the paper; what is cheap to verify is: Python code must parse. Solutions that leave a part to
the reader stay, as in the paper, and say so in the column `incomplete`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from seedmill.recipes.digest import recipe_digest
from seedmill.recipes.few_shots import few_shots, few_shots_digest
from seedmill.recipes.languages import language_of
from seedmill.recipes.markdown import Fence, find_fences
from seedmill.recipes.python_source import is_unfinished, parse_python
from seedmill.recipes.sections import find_sections
from seedmill.recipes.steps import JSON, Check, Generate, Recipe, Rejected, Sample, Sight
from seedmill.recipes.teaching import model_call, unfinished
from seedmill.recipes.templates import load_prompt
from seedmill.records.generation import Api, Completion, Prompt
from seedmill.records.randomness import Draw
from seedmill.records.row import Row
from seedmill.records.seed import SeedKind
from seedmill.spec.teacher import Teacher

NAME = "ossInstruct"
VERSION = 1
STEP_NAMES = ("problem",)

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "problem": ("problem description", "problem statement", "problem"),
    "solution": ("solution",),
}
PROMPT_LIMIT_TOKENS = 16_000
COMPLETION_EXAMPLES = 2  # a base model sees the format in examples; a chat model is told
MIN_PROBLEM_WORDS = 8
MAX_PROBLEM_WORDS = 1000

_PROMPT = load_prompt("oss_instruct", "problem")


def oss_instruct(teacher: Teacher) -> Recipe:
    """The recipe for this teacher. How long snippets are is the collection's business, not the recipe's."""
    call = model_call(teacher, "problem", PROMPT_LIMIT_TOKENS)
    prompts = {"problem": _PROMPT.digest}
    return Recipe(
        name=NAME,
        digest=recipe_digest(NAME, VERSION, {}, prompts, few_shots_digest()),
        seed_kind=SeedKind.SNIPPET,
        steps=(
            Generate("problem", call, partial(_render, call.api), partial(parse_problem, call.api)),
            Check("decontaminate", _decontaminate),
        ),
        row=_row,
        prompts=prompts,
    )


def parse_problem(api: Api, sample: Sample, completion: Completion) -> JSON | Rejected:
    """`{"problem", "solution"}`, both Markdown (Magicoder, `parse_problem_solution`, but with anchored markers).

    With it `{"code", "language", "incomplete"}` of the solution, so that the row need not read it again.
    """
    if rejected := unfinished(completion):
        return rejected
    sections = find_sections(_PROMPT.answer(completion.text), SECTIONS)
    start, end = sections.first("problem"), sections.first("solution")
    if start is None and api is Api.CHAT:  # a Completions prompt ends with this marker
        return Rejected("no_problem", "there is no line [Problem Description]")
    if end is None:
        return Rejected("no_solution", "there is no line [Solution]")
    if start is not None and start.line > end.line:
        return Rejected("wrong_order", "[Solution] stands before [Problem Description]")
    problem, solution = sections.text(start, end), sections.text(end, None)
    if rejected := _why_not(problem, solution):
        return rejected
    fences = find_fences(solution)
    if not fences:
        return Rejected("no_code", "the solution has no code block")
    if not all(fence.closed for fence in fences):
        return Rejected("unclosed_fence", "a code block of the solution does not end")
    language = _language(fences, sample)
    code = _code(fences, language)
    incomplete = False
    if language == "python":
        tree = parse_python(code)
        if tree is None:
            return Rejected("syntax_error", "the solution is not Python that parses")
        incomplete = is_unfinished(code, tree)
    return {"problem": problem, "solution": solution, "code": code, "language": language, "incomplete": incomplete}


def _why_not(problem: str, solution: str) -> Rejected | None:
    words = len(problem.split())
    if not words:
        return Rejected("empty_problem")
    if not solution:
        return Rejected("empty_solution")
    if words < MIN_PROBLEM_WORDS:
        return Rejected("problem_too_short", f"{words} words")
    if words > MAX_PROBLEM_WORDS:
        return Rejected("problem_too_long", f"{words} words")
    return None


def _language(fences: Sequence[Fence], sample: Sample) -> str:
    """The language with most code among the tagged blocks; the seed's where none is tagged."""
    sizes: Counter[str] = Counter()
    for fence in fences:
        if fence.tag:
            sizes[language_of(fence.tag)] += len(fence.text)
    return max(sizes, key=lambda name: sizes[name], default=sample.seed.language)


def _code(fences: Sequence[Fence], language: str) -> str:
    """The blocks of this language, or the untagged ones where no block has a tag."""
    tagged = [fence for fence in fences if fence.tag and language_of(fence.tag) == language]
    blocks = tagged or [fence for fence in fences if not fence.tag]
    return "\n\n".join(fence.text.strip("\n") for fence in blocks)


def _render(api: Api, sample: Sample, draw: Draw, _sight: Sight) -> Prompt:
    examples = draw.sample(few_shots(), COMPLETION_EXAMPLES) if api is Api.COMPLETIONS else []
    return _PROMPT.render(api, snippet=sample.seed.text, examples=examples)


def _decontaminate(sample: Sample, sight: Sight) -> list[str] | Rejected:
    value = sample.values["problem"]
    task = sight.contamination(f"{value['problem']}\n\n{value['solution']}")
    return Rejected("contaminated", task) if task else []


def _row(sample: Sample) -> Row:
    value = sample.values["problem"]
    return Row(
        instruction=value["problem"],
        response=value["solution"],
        code=value["code"],
        tests="",
        language=value["language"],
        properties={"incomplete": str(value["incomplete"]).lower()},
    )
