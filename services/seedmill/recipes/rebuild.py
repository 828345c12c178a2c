"""A sample again, from its seed and the records it rests on: for resume, for publishing, for replay without a model."""

from collections.abc import Sequence

from seedmill.recipes.steps import JSON, Check, Execute, Expand, Generate, Recipe, Rejected, Sample
from seedmill.records.journal import StepRecord
from seedmill.records.outputs import completion_of, verdict_of
from seedmill.records.seed import Seed


def value_of(step: Generate | Execute, sample: Sample, record: StepRecord) -> JSON | Rejected:
    """What a finished step gives the sample: its parser or its judge over what was recorded."""
    match step:
        case Generate():
            return step.parse(sample, completion_of(record))
        case Execute():
            return step.judge(sample, verdict_of(record))


def rebuild(recipe: Recipe, path: str, seed: Seed, chain: Sequence[StepRecord]) -> Sample:
    """The sample as it was when it ended. Raises ValueError when the chain is not one of this recipe.

    `chain` are the records of an end, in order: its last part and try of each step, so none may be rejected.
    """
    sample = Sample(path, seed)
    steps = {step.name: step for step in recipe.steps}
    for record in chain:
        match steps.get(record.step):
            case Generate() | Execute() as step:
                value = value_of(step, sample, record)
            case Expand():
                value = record.output[int(path.rpartition("/")[2])]
            case Check() | None:
                raise ValueError(f"sample {path}: {record.step!r} is not a step of {recipe.name} that is recorded")
        if isinstance(value, Rejected):
            raise ValueError(f"sample {path}: step {record.step} was rejected ({value.reason}), yet it is in the chain")
        sample = sample.with_value(record.step, value)
    return sample
