"""A sample again, from its seed and the records it rests on: for resume, for publishing, for replay without a model."""

from collections import OrderedDict
from collections.abc import Sequence

from seedmill.recipes.steps import JSON, Check, Execute, Expand, Generate, Recipe, Rejected, Sample
from seedmill.records.journal import StepRecord
from seedmill.records.outputs import completion_of, verdict_of
from seedmill.records.seed import Seed

_REMEMBERED = 1024
_last_values: "OrderedDict[tuple[int, str], tuple[Generate | Execute, JSON | Rejected]]" = OrderedDict()
"""By step (its identity, and the step itself so that no other takes it) and digest of the record."""


def value_of(step: Generate | Execute, sample: Sample, record: StepRecord) -> JSON | Rejected:
    """What a finished step gives the sample: its parser or its judge over what was recorded.

    A run asks twice, when the record is made and when the sample is selected, so the last values are remembered. A
    record's digest covers the records it was made from, and (as `cfg`) recipe and seeds: it names the value.
    """
    key = (id(step), record.digest)
    remembered = _last_values.get(key)
    if remembered is not None and remembered[0] is step:
        return remembered[1]
    match step:
        case Generate():
            value = step.parse(sample, completion_of(record))
        case Execute():
            value = step.judge(sample, verdict_of(record))
    _last_values[key] = (step, value)
    if len(_last_values) > _REMEMBERED:
        _last_values.popitem(last=False)
    return value


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
