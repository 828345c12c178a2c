"""Numbers as bars: where a histogram's bins lie, how long a bar is. The template draws them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from seedmill.aggregation.published import StepYield

_MAX_BINS = 20
_COVERED = 0.98
_WIDTHS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1_000, 2_000, 5_000, 10_000)


@dataclass(frozen=True, slots=True)
class Bar:
    """`part` is the bar's length, 0 to 1, against the longest of its chart."""

    label: str
    count: int
    part: float


@dataclass(frozen=True, slots=True)
class FunnelStage:
    """Candidates that came this far: `part` of all, `of_previous` of those of the stage before; lost ones by reason."""

    label: str
    count: int
    part: float
    of_previous: float
    lost: tuple[tuple[str, int], ...]


def bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    """One bar for each, against the largest."""
    largest = max((count for _, count in counts), default=0)
    return [Bar(label, count, count / largest if largest else 0.0) for label, count in counts]


def histogram(lengths: Counter[int]) -> list[Bar]:
    """Bins of one round width; the few longest share the last one (`240+`)."""
    total = sum(lengths.values())
    if not total:
        return []
    first, last = min(lengths), _quantile(lengths, _COVERED)
    width = next((each for each in _WIDTHS if (last - first) / each < _MAX_BINS), _WIDTHS[-1])
    low = first // width * width
    bins = max(1, (last - low) // width + 1)
    counts = [0] * bins
    beyond = 0
    for length, count in lengths.items():
        place = (length - low) // width
        if place < bins:
            counts[place] += count
        else:
            beyond += count
    labelled = [(_bin_label(low + place * width, width), count) for place, count in enumerate(counts)]
    if beyond:
        labelled.append((f"{low + bins * width}+", beyond))
    return bars(labelled)


def funnel(steps: Sequence[StepYield]) -> list[FunnelStage]:
    """From the candidates that entered the first step to those that passed the last."""
    if not steps:
        return []
    first = steps[0].entered
    stages = [FunnelStage("candidates", first, 1.0 if first else 0.0, 1.0, ())]
    for step in steps:
        lost = tuple(sorted(step.rejected.items(), key=lambda each: (-each[1], each[0])))
        stages.append(
            FunnelStage(
                step.step,
                step.passed,
                step.passed / first if first else 0.0,
                step.passed / step.entered if step.entered else 0.0,
                lost,
            )
        )
    return stages


def _bin_label(low: int, width: int) -> str:
    return str(low) if width == 1 else f"{low}–{low + width - 1}"


def _quantile(lengths: Counter[int], part: float) -> int:
    wanted, seen = part * sum(lengths.values()), 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen >= wanted:
            return length
    return max(lengths)
