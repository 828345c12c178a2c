"""Which worked examples a run of Self-OSS-Instruct shows its teacher, and how many in each step.

Teachers copy what they are shown: its form, its length, its difficulty. The recipe's own examples are those of a large
teacher; a small one loses itself in them, so a spec may give others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seedmill.recipes.few_shots import FewShot, few_shots, few_shots_digest
from seedmill.recipes.self_oss_parsing import TEST_REASONS, read_concepts, read_instruction, read_response
from seedmill.recipes.steps import Rejected
from seedmill.records.randomness import Draw
from seedmill.spec.recipe import SelfOssInstruct, WorkedExample

RESPONSE_EXAMPLES = 1
PROMPT_LIMIT_TOKENS = {"concepts": 24_000, "instruction": 24_000, "response": 12_000}
BESIDE_EXAMPLES_TOKENS = 8_000
MARKERS_BYTES = 200
"""Of one example: what stands between its parts. Bytes bound tokens."""


@dataclass(frozen=True, slots=True)
class ShownExamples:
    """The examples to choose from, how many each step shows, and what names their texts in a recipe's digest."""

    examples: Sequence[FewShot]
    counts: Mapping[str, int]
    digest: str

    def draw(self, step: str, draw: Draw) -> list[FewShot]:
        """Those that one prompt of a step shows, in random order."""
        return draw.sample(self.examples, self.counts[step])

    def prompt_limit_tokens(self, step: str) -> int:
        """How long a prompt of a step may be: room for the longest examples that it may show."""
        sizes = sorted((_size_bytes(example, step) for example in self.examples), reverse=True)
        return max(PROMPT_LIMIT_TOKENS[step], BESIDE_EXAMPLES_TOKENS + sum(sizes[: self.counts[step]]))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an example, and with which of its fields."""

    field: str
    message: str


def shown_examples(options: SelfOssInstruct) -> ShownExamples:
    """The examples of these options."""
    own = options.examples
    examples = few_shots() if own is None else tuple(_few_shot(f"examples[{at}]", each) for at, each in enumerate(own))
    shown = options.few_shot_examples
    responses = min(shown, RESPONSE_EXAMPLES) if options.response_examples is None else options.response_examples
    counts = {"concepts": shown, "instruction": shown, "response": responses}
    return ShownExamples(
        examples,
        {step: min(count, len(examples)) for step, count in counts.items()},
        few_shots_digest() if own is None else "",  # own ones are among the options, which the digest covers
    )


def fault_of(example: WorkedExample) -> Fault | None:
    """Why an answer like this example would be rejected: a teacher that copies it well must not be."""
    shot = _few_shot("", example)
    concepts = read_concepts(", ".join(shot.concepts))
    if isinstance(concepts, Rejected):
        return Fault("concepts", _rejected(concepts))
    if concepts != list(shot.concepts):
        return Fault("concepts", "must be short names without commas, each once")
    instruction = read_instruction(shot.instruction)
    if isinstance(instruction, Rejected):
        return Fault("instruction", _rejected(instruction))
    if instruction != shot.instruction:
        return Fault("instruction", "must not hold a marker of the prompt, such as [Instruction]")
    response = read_response(f"{shot.response}\n\n[Tests]\n{shot.tests}")
    if isinstance(response, Rejected):
        return Fault("tests" if response.reason in TEST_REASONS else "response", _rejected(response))
    if response["answer"] != shot.response:
        return Fault("response", "must not hold a marker of the prompt, such as [Response] or [End]")
    return None


def _rejected(rejected: Rejected) -> str:
    detail = f" ({rejected.detail})" if rejected.detail else ""
    return f"an answer like it is rejected as {rejected.reason}{detail}"


def _few_shot(name: str, example: WorkedExample) -> FewShot:
    return FewShot(
        name=name,
        snippet=example.snippet.strip("\n"),
        category=example.category.value,
        language="python",
        difficulty=example.difficulty.value,
        concepts=tuple(example.concepts),
        instruction=example.instruction.strip(),
        response=example.response.strip(),
        tests=example.tests.strip(),
    )


def _size_bytes(example: FewShot, step: str) -> int:
    parts = {
        "concepts": (example.snippet, *example.concepts),
        "instruction": (*example.concepts, example.instruction),
        "response": (example.instruction, example.response, example.tests),
    }
    return MARKERS_BYTES + sum(len(part.encode()) + 2 for part in parts[step])
