"""How fast an endpoint answers, for its limit: whether it has slowed down because it has too much to do.

An engine with a queue of its own never refuses; it answers ever later. Some slowness is right: a batch of 64 takes
longer than one prompt, and yields far more. Answers that take eight times as long for what they hold as the fastest
ones did are in a queue, and the queue had better be here, where runs share it and a cancelled prompt leaves it.

Answers differ in length, so seconds are taken by the work in them: completion tokens, and a prompt token as a tenth.
"""

from dataclasses import dataclass, field
from statistics import median

ANSWERS = 32
"""Answers that make one figure; the median of so many is not moved by a few odd ones."""
TOO_SLOW = 8.0
FORGET = 1.02
"""The fastest figure grows so much with each figure: what was possible with another load or engine is forgotten."""


def work(prompt_tokens: int, completion_tokens: int) -> float:
    """What an answer took the engine, in completion tokens; a few for coming and going."""
    return completion_tokens + prompt_tokens / 10 + 4.0


@dataclass(slots=True)
class Pace:
    """Seconds by work of an endpoint's answers, over time."""

    fastest: float | None = None
    recent: list[float] = field(default_factory=list[float])
    skip: int = 0

    def answered(self, seconds: float, done: float, in_flight: int) -> bool:
        """Note an answer; whether the endpoint is too slow now. After that, answers of those in flight are skipped:
        they were sent before the limit went down."""
        if self.skip:
            self.skip -= 1
            return False
        self.recent.append(seconds / done)
        if len(self.recent) < ANSWERS:
            return False
        figure = median(self.recent)
        self.recent.clear()
        self.fastest = figure if self.fastest is None else min(figure, self.fastest * FORGET)
        if figure < TOO_SLOW * self.fastest:
            return False
        self.skip = in_flight
        return True
