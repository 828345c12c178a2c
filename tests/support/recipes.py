"""Recipes of methods that are not shipped yet, written over `recipes/steps.py` alone.

They show that the contract suffices: Self-Instruct's growing pool, and a call whose answer holds several tasks.
"""

from functools import partial

from seedmill.recipes.steps import Check, Execute, Expand, Generate, Recipe, Rejected, Sample, Sight
from seedmill.records.generation import Api, Completion, ModelCall, Prompt, Sampling
from seedmill.records.randomness import Draw
from seedmill.records.row import Row
from seedmill.records.seed import SeedKind
from seedmill.records.verdict import Program, Status, Verdict

CALL = ModelCall("fake", Api.COMPLETIONS, Sampling(max_tokens=100), prompt_limit_tokens=2000)


def expanding_recipe(children: int = 3) -> Recipe:
    """Code Alpaca's shape: one call gives several tasks, one `name: expression` a line; each is checked and run."""
    return Recipe(
        name="expanding",
        digest="expanding",
        seed_kind=SeedKind.SNIPPET,
        steps=(
            Generate("tasks", CALL, partial(_ask_for_tasks, children), _parse_tasks),
            Expand("task", partial(_first_tasks, children)),
            Check("novelty", _novelty),
            Execute("verify", _program, _judge),
        ),
        row=_task_row,
    )


def pool_recipe() -> Recipe:
    """Self-Instruct's shape: the prompt shows kept tasks of earlier blocks (4 samples each) as examples."""
    return Recipe(
        name="pool",
        digest="pool",
        seed_kind=SeedKind.SNIPPET,
        steps=(Generate("instruction", CALL, _ask_with_pool, _parse_instruction), Check("novelty", _pool_novelty)),
        row=lambda sample: Row(sample.values["instruction"], "", "", "", "python"),
        block=4,
        reads_pool=True,
    )


def _ask_for_tasks(children: int, sample: Sample, draw: Draw, sight: Sight) -> Prompt:
    return Prompt(text=f"{children} tasks like {sample.seed.text}", stop=("\n\n",))


def _parse_tasks(sample: Sample, completion: Completion) -> list[str] | Rejected:
    tasks = [line for line in completion.text.splitlines() if ": " in line]
    return tasks or Rejected("no_tasks")


def _first_tasks(children: int, sample: Sample) -> list[str] | Rejected:
    return sample.values["tasks"][:children]


def _novelty(sample: Sample, sight: Sight) -> list[str] | Rejected:
    return Rejected("not_novel") if sight.similar(sample.values["task"]) else []


def _program(sample: Sample) -> Program:
    name, _, expression = sample.values["task"].partition(": ")
    return Program(sample.path, "python", f"def {name}():\n    return {expression}", f"assert {name}() is not None")


def _judge(sample: Sample, verdict: Verdict) -> str | Rejected:
    return verdict.kind.value if verdict.status is Status.PASS else Rejected(f"verdict_{verdict.status}")


def _task_row(sample: Sample) -> Row:
    program = _program(sample)
    return Row(sample.values["task"], program.solution, program.solution, program.tests, "python")


def _ask_with_pool(sample: Sample, draw: Draw, sight: Sight) -> Prompt:
    pool = sight.pool()
    shown = draw.sample(pool, min(2, len(pool)))
    return Prompt(text="\n".join([*(f"Task: {row.instruction}" for row in shown), "Task:"]))


def _parse_instruction(sample: Sample, completion: Completion) -> str | Rejected:
    return completion.text.strip() or Rejected("empty_instruction")


def _pool_novelty(sample: Sample, sight: Sight) -> list[str] | Rejected:
    known = {row.instruction for row in sight.pool()}
    return Rejected("not_novel") if sample.values["instruction"] in known else []
