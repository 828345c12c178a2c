"""Hard stops: the clocks that may end a run, its deadline and its GPU hours.

Both count the seconds in which processes worked on the run, those of earlier ones included, by a clock that nobody can
set (`RunReport`). A GPU hour is an hour in which one GPU of the engines is at the run's disposal, used or not: what is
counted is the number of GPUs that the inference service tells, times the seconds.
"""

from dataclasses import dataclass
from decimal import Decimal

from seedmill.pipeline.report import RunReport
from seedmill.recipes.steps import Generate, Recipe
from seedmill.records.generation import Served
from seedmill.records.publication import End
from seedmill.serving.errors import Misconfigured
from seedmill.spec.limits import Budget


@dataclass(frozen=True, slots=True)
class HardStop:
    """Nothing new is issued from `at` on (in seconds of the report's clock); the run then ends as `end`."""

    at: float
    end: End


def hard_stops(budget: Budget, report: RunReport) -> list[HardStop]:
    """Those that the budget sets, the earliest first."""
    stops: list[HardStop] = []
    if (allowed := budget.active_deadline_seconds) is not None:
        stops.append(HardStop(report.started + max(0.0, allowed - report.active_before), End.DEADLINE_EXCEEDED))
    if budget.max_gpu_hours is not None and report.gpus:
        left = float(budget.max_gpu_hours * 3600) - report.gpu_seconds_before
        stops.append(HardStop(report.started + max(0.0, left) / report.gpus, End.GPU_HOURS_EXHAUSTED))
    return sorted(stops, key=lambda stop: stop.at)


def gpus_of(max_gpu_hours: Decimal | None, recipe: Recipe, served: Served) -> float:
    """How many GPUs are counted. Raises Misconfigured where they are limited and nobody says how many there are."""
    asks = any(isinstance(step, Generate) for step in recipe.steps)
    if max_gpu_hours is not None and asks and not served.gpus:
        raise Misconfigured(
            "GpusUnknown",
            "spec.budget.maxGpuHours limits GPU hours, but nothing says how many GPUs the engines have: give --gpus N "
            "(in a cluster the chart's inference.gpus), or remove the limit",
        )
    return served.gpus
