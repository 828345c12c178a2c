"""Small recipes that use every kind of step, for tests of the engine."""

from seedmill.recipes.steps import Check, Execute, Expand, Generate, Recipe, Rejected, Sample, Sight
from seedmill.records.generation import Api, Completion, ModelCall, Prompt, Sampling
from seedmill.records.randomness import Draw
from seedmill.records.row import Row
from seedmill.records.seed import SeedKind
from seedmill.records.verdict import Program, Status, Verdict

CALL = ModelCall("fake", Api.COMPLETIONS, Sampling(max_tokens=50), prompt_limit_tokens=50)


def _row(sample: Sample) -> Row:
    text = str(sample.values.get("response", sample.values.get("idea")))
    child = sample.values.get("split", "")
    return Row(f"{text} {child}".strip(), f"answer to {text} {child}", "", "", "python")


def _prompt(name: str):
    def render(sample: Sample, draw: Draw, sight: Sight) -> Prompt:
        return Prompt(text=f"{name} {sample.seed.text} {draw.below(1000)}")

    return render


def _text(sample: Sample, completion: Completion) -> str | Rejected:
    return Rejected("said_no") if completion.text.startswith("no") else completion.text


def _judge(sample: Sample, verdict: Verdict) -> str | Rejected:
    return verdict.status.value if verdict.status is Status.PASS else Rejected(f"verdict_{verdict.status}")


def parts_recipe(parts: int = 6, waves: tuple[int, ...] = (2, 4)) -> Recipe:
    """idea -> response (parts, judged by verify) -> check."""
    return Recipe(
        name="parts",
        digest="d1",
        seed_kind=SeedKind.SNIPPET,
        steps=(
            Generate("idea", CALL, _prompt("idea"), _text),
            Generate("response", CALL, _prompt("response"), _text, parts=parts, waves=waves),
            Execute("verify", lambda s: Program("", "python", s.values["response"], ""), _judge, of="response"),
            Check("tag", lambda s, sight: ["odd"] if s.values["response"].endswith("!") else []),
        ),
        row=_row,
    )


def tries_recipe() -> Recipe:
    """One Generate step that may be tried three times."""
    return Recipe(
        "tries", "d2", SeedKind.SNIPPET, (Generate("idea", CALL, _prompt("idea"), _text, tries=3),), _row
    )  # fmt: skip


def expanding_recipe() -> Recipe:
    """idea -> split into words -> verify each."""
    return Recipe(
        name="expanding",
        digest="d3",
        seed_kind=SeedKind.SNIPPET,
        steps=(
            Generate("idea", CALL, _prompt("idea"), _text),
            Expand("split", lambda s: s.values["idea"].split()),
            Execute("verify", lambda s: Program("", "python", s.values["split"], ""), _judge),
        ),
        row=_row,
    )


def pool_recipe(block: int = 2) -> Recipe:
    """A step that says what it saw of the pool: deterministic only if sight is."""

    def render(sample: Sample, draw: Draw, sight: Sight) -> Prompt:
        seen = "|".join(row.instruction for row in sight.pool())
        return Prompt(text=f"{sample.seed.text} {Draw(seen).below(10**6)}")

    return Recipe(
        "pool", "d4", SeedKind.SNIPPET, (Generate("idea", CALL, render, _text),), _row, block=block, reads_pool=True
    )  # fmt: skip


def gated_recipe(block: int) -> Recipe:
    """idea -> is it new? -> response, which is only paid for when it is."""

    def novel(sample: Sample, sight: Sight) -> list[str] | Rejected:
        return Rejected("not_novel") if sight.similar(sample.values["idea"]) else []

    def row(sample: Sample) -> Row:
        return Row(sample.values["idea"], sample.values["response"], "", "", "python")

    steps = (
        Generate("idea", CALL, _prompt("idea"), _text),
        Check("novelty", novel),
        Generate("response", CALL, _prompt("response"), _text),
    )
    return Recipe("gated", "d5", SeedKind.SNIPPET, steps, row, block=block)
