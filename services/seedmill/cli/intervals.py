"""Intervals for what a small sample says of a large one: a share, and the mean of a positive quantity.

Both take the size of the sample and, where what is asked for is not the true value but what a later and larger part
will show, the size of that part: its own scatter is added. Nothing here knows what is counted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist, fmean, stdev

_STEPS = 400
_NORMAL_FROM = 200
"""Degrees of freedom from which Student's t is taken as normal: the quantiles differ by less than 1 % there."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate (None: there is none) with its bounds; `high` is None where the sample sets no upper bound."""

    estimate: float | None
    low: float
    high: float | None

    def times(self, other: "Interval") -> "Interval":
        """Of the product of two quantities that are not negative. Bounds multiply, so the levels' errors add up."""
        estimate = None if self.estimate is None or other.estimate is None else self.estimate * other.estimate
        high = None if self.high is None or other.high is None else self.high * other.high
        return Interval(estimate, self.low * other.low, high)

    def scaled(self, factor: float) -> "Interval":
        """In another unit."""
        return self.times(Interval(factor, factor, factor))


def share(part: float, size: float, level: float) -> Interval:
    """Of a share `part` (0 to 1) seen in `size` independent draws: Wilson's score interval.

    It keeps its level also for few draws and for shares near 0 and 1, where the textbook's interval does not
    (Wilson 1927; Brown, Cai and DasGupta, Interval Estimation for a Binomial Proportion, Statistical Science 2001).
    `size` need not be whole.
    """
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (part + z2 / (2 * size)) / (1 + z2 / size)
    half = math.sqrt(z2 * (part * (1 - part) / size + z2 / (4 * size * size))) / (1 + z2 / size)
    return Interval(part, max(0.0, middle - half), min(1.0, middle + half))


def mean(values: Sequence[float], level: float, later: float = math.inf) -> Interval:
    """Of the mean of `later` further draws of a positive quantity: Student's t on the scale of the logarithm.

    The standard error of log(mean) is that of the mean over the mean (delta method), so the bounds stay positive and
    reach further up than down, as token counts do. One value alone, or zeros among nothing else, tell no scatter.
    """
    middle = fmean(values)
    if middle == 0 or len(values) < 2:
        return Interval(middle, 0.0, None if middle else 0.0)
    variation = stdev(values) / middle
    error = variation * math.sqrt(1 / len(values) + 1 / later)
    factor = math.exp(student_quantile(len(values) - 1, level) * error)
    return Interval(middle, middle / factor, middle * factor)


@lru_cache(maxsize=64)
def student_quantile(freedom: int, level: float) -> float:
    """The t with P(|T| <= t) = level. With T = sqrt(freedom) tan(a) the density is smooth: cos(a)^(freedom-1)."""
    if freedom >= _NORMAL_FROM:
        return NormalDist().inv_cdf((1 + level) / 2)
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)

    def inside(angle: float) -> float:
        step = angle / _STEPS
        weighted = (
            (1 if n in (0, _STEPS) else 4 if n % 2 else 2) * math.cos(n * step) ** (freedom - 1)
            for n in range(_STEPS + 1)
        )  # fmt: skip
        return 2 * scale * sum(weighted) * step / 3

    low, high = 0.0, math.pi / 2
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) < level else (low, middle)
    return math.sqrt(freedom) * math.tan(low)
