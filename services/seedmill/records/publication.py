"""Where a dataset is cut, and what publishing it gave."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any


class End(StrEnum):
    """Why a run ended and was published (DESIGN: how a run ends)."""

    TARGET_REACHED = "TargetReached"
    TARGET_NOT_REACHED = "TargetNotReached"
    BUDGET_EXHAUSTED = "BudgetExhausted"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    GPU_HOURS_EXHAUSTED = "GpuHoursExhausted"

    @property
    def is_hard_stop(self) -> bool:
        """Whether a clock ended the run, so that samples below the highest ended one may be unsettled."""
        return self in (End.DEADLINE_EXCEEDED, End.GPU_HOURS_EXHAUSTED)


@dataclass(frozen=True, slots=True)
class Price:
    """Per million tokens."""

    input: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True)
class Limits:
    """What decides the cut. `max_candidates` is the number of root samples that exist (seeds or the spec's limit)."""

    accepted_samples: int
    max_candidates: int
    max_tokens: int | None = None
    max_cost: Decimal | None = None
    price: Price | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in HEAD.json and a publication's manifest; money as decimal text."""
        return {
            "acceptedSamples": self.accepted_samples,
            "maxCandidates": self.max_candidates,
            "maxTokens": self.max_tokens,
            "maxCost": None if self.max_cost is None else str(self.max_cost),
            "pricePerMillionTokens": None
            if self.price is None
            else {"input": str(self.price.input), "output": str(self.price.output)},
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Limits":
        """The inverse of `to_json`. Raises KeyError and decimal.InvalidOperation for what it did not write."""
        price = data["pricePerMillionTokens"]
        return Limits(
            accepted_samples=data["acceptedSamples"],
            max_candidates=data["maxCandidates"],
            max_tokens=data["maxTokens"],
            max_cost=None if data["maxCost"] is None else Decimal(data["maxCost"]),
            price=None if price is None else Price(Decimal(price["input"]), Decimal(price["output"])),
        )


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published; prefixes are relative to the run's."""

    prefix: str
    dataset_prefix: str
    dataset_digest: str
    rows: int
