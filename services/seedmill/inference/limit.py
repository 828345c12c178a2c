"""How many requests one endpoint may have in flight, and why.

The engine is the scarce resource. Too few requests starve it; too many only move the queue into its memory, where a
cancelled run still holds its place, or make it refuse. So the limit doubles until the first refusal, then grows by one
a round and halves when the endpoint says that it has too much (AIMD, as TCP does). It stands in the gateway and nowhere
else: two such loops, one inside the other, oscillate.

Servers that never refuse take any number and answer ever later. So answers that take several times as long as they did
with fewer requests in flight count as well (`pace`), by a gentler decrease that ends where the endpoint began.

Refusals come in bursts: when a limit of 64 was too much, dozens are refused at once, and halving for each of them would
end at one. So only a refusal of a request that was sent after the last decrease counts; `generation` tells.
"""

from dataclasses import dataclass, replace

SMALLEST = 1.0
SLOWDOWN = 0.75
"""What is left of a limit when the endpoint has slowed down."""


@dataclass(frozen=True, slots=True)
class Limit:
    """In-flight limit of one endpoint, in requests. `generation` counts the decreases.

    `floor` is where slowness alone does not bring it below: an engine is fastest with many requests, and slowness may
    be due to others who use it.
    """

    size: float
    ceiling: int
    generation: int = 0
    floor: float = SMALLEST

    def __post_init__(self) -> None:
        if not SMALLEST <= self.size <= self.ceiling:
            raise ValueError(f"a limit lies between 1 and its ceiling {self.ceiling}, not at {self.size}")

    def admits(self, in_flight: int) -> bool:
        """Whether one more request may be sent beside those in flight."""
        return in_flight < int(self.size)

    def after_success(self, in_flight: int) -> "Limit":
        """After an answer, with `in_flight` requests under way when it came, its own among them.

        A limit that was not in use says nothing about what the endpoint can take, so it stays.
        """
        if 2 * in_flight < int(self.size):
            return self
        step = 1.0 if self.generation == 0 else 1.0 / self.size
        return replace(self, size=min(float(self.ceiling), self.size + step))

    def after_refusal(self, sent_in: int) -> "Limit":
        """After "too much" (HTTP 429, 503) for a request that was sent in generation `sent_in`."""
        if sent_in < self.generation:
            return self
        return replace(self, size=max(SMALLEST, self.size / 2), generation=self.generation + 1)

    def after_slowdown(self) -> "Limit":
        """After answers that took several times as long as they did with fewer requests in flight."""
        if self.size <= self.floor:
            return self
        return replace(self, size=max(self.floor, self.size * SLOWDOWN), generation=self.generation + 1)
