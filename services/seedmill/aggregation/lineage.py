"""What the journal says of a candidate, for its row's lineage and for the report's examples."""

from collections import Counter

from seedmill.aggregation.published import Example, Lineage, PassRate, PublishedRow, TeacherStep
from seedmill.aggregation.walk import RunInput
from seedmill.recipes.markdown import fenced
from seedmill.recipes.steps import Execute, Generate, Recipe
from seedmill.records.journal import StepRecord, root_index
from seedmill.records.outputs import verdict_of
from seedmill.records.resolution import Leaf
from seedmill.records.row import Row
from seedmill.records.selection import Decision
from seedmill.records.verdict import Status, Verdict

EXAMPLES = 24
EXAMPLES_OF_ONE_REASON = 3


def teacher_steps(recipe: Recipe) -> tuple[TeacherStep, ...]:
    """The steps of a recipe that ask a model."""
    return tuple(
        TeacherStep(step.name, step.call, recipe.prompts.get(step.name, ""))
        for step in recipe.steps
        if isinstance(step, Generate)
    )


def published_row(given: RunInput, leaf: Leaf, row: Row) -> PublishedRow:
    """A kept row with its lineage."""
    executes = {step.name for step in given.recipe.steps if isinstance(step, Execute)}
    verdicts = [record for record in leaf.chain if record.step in executes]
    verdict = verdict_of(verdicts[-1]) if verdicts else None
    seed = given.seeds.get(root_index(leaf.end.sample))
    return PublishedRow(row, Lineage(leaf.end.sample, seed, verdict, _pass_rate(given.recipe, leaf)))


class Examples:
    """The first candidates that are not in the dataset, a few of each reason, in order of their samples."""

    def __init__(self, given: RunInput) -> None:
        self._given = given
        self._seen: Counter[str] = Counter()
        self.chosen: list[Example] = []

    def add(self, leaf: Leaf, decision: Decision) -> None:
        """Take a candidate, if it is one of the first."""
        if len(self.chosen) < EXAMPLES:
            self._seen[decision.reason] += 1
            if self._seen[decision.reason] <= EXAMPLES_OF_ONE_REASON:
                self.chosen.append(_example(self._given, leaf, decision))


def _example(given: RunInput, leaf: Leaf, decision: Decision) -> Example:
    end = leaf.end
    seed = given.seeds.get(root_index(end.sample))
    generates = {step.name for step in given.recipe.steps if isinstance(step, Generate)}
    executes = {step.name for step in given.recipe.steps if isinstance(step, Execute)}
    shown = [record for record in leaf.chain if record.step in generates]
    others = [record for record in leaf.uses if record.step in generates and record not in shown]
    texts = [
        ("seed", fenced(seed.text, seed.language)),
        *((record.step, str(record.output["text"])) for record in [*shown, *others[:1]]),
    ]
    ran = [record for record in leaf.uses if record.step in executes]
    return Example(
        sample=end.sample,
        outcome=decision.kept.value,
        reason=decision.reason,
        step=end.step,
        detail=str(end.notes.get("detail", "")),
        language=seed.language,
        texts=tuple(texts),
        verdict=_verdict_line(verdict_of(ran[0])) if ran else "",
    )


def _verdict_line(verdict: Verdict) -> str:
    return f"{verdict.status}: {verdict.reason}" if verdict.reason else verdict.status.value


def _pass_rate(recipe: Recipe, leaf: Leaf) -> PassRate | None:
    sampled = next((step for step in recipe.steps if isinstance(step, Generate) and step.parts > 1), None)
    if sampled is None:
        return None
    judges = {step.name for step in recipe.steps if isinstance(step, Execute) and step.of == sampled.name}
    parts = {record.part for record in leaf.uses if record.step == sampled.name}
    passed = {record.part for record in leaf.uses if record.step in judges and _passed(record)}
    return PassRate(len(parts), len(passed), censored=len(parts) < sampled.parts)


def _passed(record: StepRecord) -> bool:
    return record.output["status"] == Status.PASS
