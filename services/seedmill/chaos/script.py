"""What the scripted engine does: how long it takes, and what goes wrong with which requests.

Which prompts are hit is a function of the messages as sent, so that a tool meets the same each time. A fault hits a
chosen prompt at its first try only, or at every try, or each try anew with the same chance.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from seedmill.records.randomness import Draw


class Fault(StrEnum):
    """What a request that is hit meets instead of an answer, or in it."""

    NONE = "none"
    BAD_REQUEST = "bad_request"
    """HTTP 400."""
    SERVER_ERROR = "server_error"
    """HTTP 500."""
    HANG = "hang"
    """No answer; the connection stays open."""
    SLOW = "slow"
    """The right answer, but late."""
    HTML = "html"
    """HTTP 200 and a web page, as a proxy that is misconfigured gives."""
    TRUNCATED = "truncated"
    """HTTP 200 and half of the JSON."""
    NO_CHOICES = "no_choices"
    """JSON whose `choices` is missing."""
    TOO_MANY_CHOICES = "too_many_choices"
    """The right answer, and two others that nobody asked for."""
    WRONG_USAGE = "wrong_usage"
    """The right answer, with a `usage` that cannot be."""
    RESET = "reset"
    """The connection is reset while the answer is awaited."""


class Hits(StrEnum):
    """Which tries of a prompt the fault hits."""

    FIRST = "first"
    EVERY = "every"
    CHANCE = "chance"


@dataclass(frozen=True, slots=True)
class Script:
    """`latency_seconds` is the mean of a normal distribution with deviation `jitter_seconds`, at least 10 ms.

    An answer has `answer_tokens`. `cap` is how many requests are taken at once; beyond it they get a 429 with
    Retry-After: 1 (0: any number). `fault` hits `percent` of the prompts or, with Hits.CHANCE, of all tries;
    `slow_seconds` is what Fault.SLOW adds.
    """

    latency_seconds: float = 0.25
    jitter_seconds: float = 0.1
    answer_tokens: int = 64
    cap: int = 0
    fault: Fault = Fault.NONE
    percent: int = 0
    hits: Hits = Hits.FIRST
    slow_seconds: float = 5.0

    def fault_of(self, prompt_key: str, earlier_tries: int) -> Fault:
        """What the next try of this prompt meets."""
        match self.hits:
            case Hits.FIRST if earlier_tries:
                return Fault.NONE
            case Hits.CHANCE:
                draw = Draw("fault", prompt_key, earlier_tries)
            case Hits.FIRST | Hits.EVERY:
                draw = Draw("fault", prompt_key)
        return self.fault if draw.below(100) < self.percent else Fault.NONE

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Script":
        """Raises ValueError and TypeError for what is no script."""
        told: dict[str, Any] = {**fields, "fault": Fault(fields["fault"]), "hits": Hits(fields["hits"])}
        return cls(**told)
