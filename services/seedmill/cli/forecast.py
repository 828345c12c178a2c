"""What a whole run will take, from a few candidates: how many, tokens, money, time, and which limit would end it first.

All intervals hold 95 %. What is sampled: the yield (Wilson's interval) and what one candidate costs (Student's t);
cost and yield are not independent, so each gets half of the error (Bonferroni) where they are multiplied. What a run of
this target scatters by itself is in them. They take the preview's candidates for a random draw of the run's: seeds are
ordered by digest, which makes it one of the part of the corpus that was read. What else may differ, `NOT_COVERED` says.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from seedmill.cli.intervals import Interval, mean, share
from seedmill.records.publication import Price
from seedmill.records.selection import cost_of
from seedmill.records.tokens import Tokens

LEVEL = 0.95
_HALF = 1 - (1 - LEVEL) / 2

NOT_COVERED = (
    "another speed of machine and engine (a run keeps up to maxInFlight samples in flight, a preview few)",
    "other yields and lengths in the part of the corpus that the preview did not read",
    "rows that a larger dataset loses as duplicates of rows before them",
)
"""What the intervals know nothing of."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One candidate of a preview: leaves that it became, those kept as rows, and what it cost."""

    leaves: int
    kept: int
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Preview:
    """What a preview saw: its candidates, and the seconds that all of them took together."""

    observed: Sequence[Observed]
    seconds: float

    @property
    def kept(self) -> int:
        return sum(each.kept for each in self.observed)

    @property
    def leaves(self) -> int:
        return sum(each.leaves for each in self.observed)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the run is to be: its target in rows and its limits, None where there is none or nobody knows.

    `cap` is the most one candidate can cost. `seeds` is how many there are, where the whole corpus was read.
    """

    target: int
    cap: Tokens
    max_candidates: int | None = None
    seeds: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    price: Price | None = None
    deadline_seconds: int | None = None
    max_gpu_hours: float | None = None
    gpus: float | None = None


class Verdict(StrEnum):
    """Whether a limit ends the run before its target."""

    YES = "yes"
    PERHAPS = "perhaps"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LimitForecast:
    """A limit of the run: whether it ends it, and the rows that there are then (never more than the target)."""

    name: str
    allows: float
    ends_run: Verdict
    rows: Interval | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What reaching the target takes. `rate` is the share of candidates kept; `cost` None without a price."""

    rate: Interval
    candidates: Interval
    tokens: Interval
    cost: Interval | None
    hours: Interval
    gpu_hours: Interval | None
    limits: tuple[LimitForecast, ...]

    def to_json(self) -> dict[str, Any]:
        """For programs: whole numbers where they are counts, money with two decimals."""
        return {
            "level": LEVEL,
            "yield": _rounded(self.rate, 3),
            "candidates": _rounded(self.candidates, 0),
            "tokens": _rounded(self.tokens, 0),
            "cost": _rounded(self.cost, 2),
            "hours": _rounded(self.hours, 3),
            "gpuHours": _rounded(self.gpu_hours, 3),
            "limits": [
                {
                    "name": each.name,
                    "allows": each.allows,
                    "endsRun": each.ends_run.value,
                    "rows": _rounded(each.rows, 0),
                }
                for each in self.limits
            ],
            "notCovered": list(NOT_COVERED),
        }


def forecast(preview: Preview, plan: Plan) -> Forecast | None:
    """The projection, None where the preview made no candidate."""
    if not preview.leaves:
        return None
    count = len(preview.observed)
    rate = preview.kept / preview.leaves
    leaves_each = preview.leaves / count
    # The scatter of reaching the target with a known yield adds 1/target to the relative variance of 1/kept: the same
    # as that of a smaller sample. Leaves of one candidate may stand and fall together, so candidates are counted.
    size = 1 / (1 / count + rate / plan.target)
    whole = _needed(plan.target, leaves_each, share(rate, size, LEVEL))
    half = _needed(plan.target, leaves_each, share(rate, size, _HALF))
    later = whole.estimate or whole.low
    tokens = half.times(_each([each.tokens.total for each in preview.observed], plan.cap.total, later))
    cost = None
    if (price := plan.price) is not None:
        spent = [float(cost_of(each.tokens, price)) for each in preview.observed]
        cost = half.times(_each(spent, float(cost_of(plan.cap, price)), later))
    hours = whole.scaled(preview.seconds / count / 3600)
    gpu_hours = None if plan.gpus is None else hours.scaled(plan.gpus)
    limits = tuple(_limits(plan, whole, tokens, cost, hours, gpu_hours))
    return Forecast(share(rate, count, LEVEL), whole, tokens, cost, hours, gpu_hours, limits)


def _needed(target: int, leaves_each: float, rate: Interval) -> Interval:
    """Candidates for so many rows: whole ones at both ends."""
    rows = rate.scaled(leaves_each)
    estimate = target / rows.estimate if rows.estimate else None
    most = rows.high or leaves_each
    return Interval(estimate, math.floor(target / most), math.ceil(target / rows.low) if rows.low else None)


def _each(values: Sequence[float], cap: float, later: float) -> Interval:
    """What one candidate costs on average; never more than the cap."""
    found = mean(values, _HALF, later)
    return Interval(found.estimate, found.low, cap if found.high is None else min(found.high, cap))


def _limits(
    plan: Plan,
    candidates: Interval,
    tokens: Interval,
    cost: Interval | None,
    hours: Interval,
    gpu_hours: Interval | None,
) -> list[LimitForecast]:
    # Under the selection law a run ends when the next candidate might go over, so its cap is kept back.
    found: list[LimitForecast] = []
    if plan.seeds is not None:
        found.append(_limit("seeds of the corpus", plan.seeds, plan.seeds, candidates, plan.target))
    if plan.max_candidates is not None:
        found.append(_limit("target.maxCandidates", plan.max_candidates, plan.max_candidates, candidates, plan.target))
    if plan.max_tokens is not None:
        usable = max(0, plan.max_tokens - plan.cap.total)
        found.append(_limit("budget.maxTokens", plan.max_tokens, usable, tokens, plan.target))
    if plan.max_cost is not None and plan.price is not None and cost is not None:
        usable = max(0.0, plan.max_cost - float(cost_of(plan.cap, plan.price)))
        found.append(_limit("budget.maxCost", plan.max_cost, usable, cost, plan.target))
    if plan.deadline_seconds is not None:
        allowed = plan.deadline_seconds / 3600
        found.append(_limit("budget.activeDeadlineSeconds", plan.deadline_seconds, allowed, hours, plan.target))
    if plan.max_gpu_hours is not None:
        found.append(_limit("budget.maxGpuHours", plan.max_gpu_hours, plan.max_gpu_hours, gpu_hours, plan.target))
    return found


def _limit(name: str, said: float, usable: float, needed: Interval | None, target: int) -> LimitForecast:
    """`usable` and `needed` are in one unit."""
    if needed is None:
        return LimitForecast(name, said, Verdict.UNKNOWN, None)
    if usable < needed.low:
        verdict = Verdict.YES
    elif needed.high is not None and usable >= needed.high:
        verdict = Verdict.NO
    else:
        verdict = Verdict.PERHAPS

    def rows(need: float | None) -> float | None:
        return None if need is None else min(float(target), target * usable / need) if need else float(target)

    reached = Interval(rows(needed.estimate), rows(needed.high) or 0.0, rows(needed.low))
    return LimitForecast(name, said, verdict, reached)


def _rounded(interval: Interval | None, digits: int) -> dict[str, float | int | None] | None:
    if interval is None:
        return None
    values = asdict(interval)
    return {
        name: None if value is None else round(value) if digits == 0 else round(value, digits)
        for name, value in values.items()
    }
