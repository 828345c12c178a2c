"""When there is enough, and what a run may use: none of this changes what a row is."""

from typing import Annotated, ClassVar

from pydantic import Field

from seedmill.spec.rules import Rule, SpecModel
from seedmill.spec.shapes import DECIMAL, DecimalText


class Target(SpecModel):
    """When there is enough. May be raised later: the run then goes on behind what it published."""

    accepted_samples: Annotated[int, Field(ge=1, le=1_000_000_000)]
    """Rows to publish; met exactly."""
    max_candidates: Annotated[int, Field(ge=1, le=10_000_000_000)] | None = None
    """Root samples to try at most; one for each seed when left out."""


class Price(SpecModel):
    """What a million tokens cost, in the currency of maxCost."""

    input: DecimalText
    """Of prompts."""
    output: DecimalText
    """Of completions."""


class Budget(SpecModel):
    """What the run may use. When it is used up, what there is gets published, and raising it goes on."""

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000_000_000_000)] | None = None
    """Tokens of prompts and completions together."""
    max_cost: DecimalText | None = None
    """In the currency of pricePerMillionTokens."""
    price_per_million_tokens: Price | None = None
    """Needed for maxCost."""
    active_deadline_seconds: Annotated[int, Field(ge=1, le=315_360_000)] | None = None
    """Wall time of the run's process, as for a Job, once its seeds are there."""
    max_gpu_hours: DecimalText | None = None
    """Wall time of the run's process times the GPUs that the inference service says its engines have."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "maxCost needs pricePerMillionTokens",
            "!has(self.maxCost) || has(self.pricePerMillionTokens)",
            lambda self: self.max_cost is None or self.price_per_million_tokens is not None,
        ),
        Rule(
            "maxCost must be more than 0",
            f"!has(self.maxCost) || !self.maxCost.matches(r'{DECIMAL}') || double(self.maxCost) > 0.0",
            lambda self: self.max_cost is None or self.max_cost > 0,
        ),
        Rule(
            "maxGpuHours must be more than 0",
            f"!has(self.maxGpuHours) || !self.maxGpuHours.matches(r'{DECIMAL}') || double(self.maxGpuHours) > 0.0",
            lambda self: self.max_gpu_hours is None or self.max_gpu_hours > 0,
        ),
    )


class FailurePolicy(SpecModel):
    """When a run that mostly fails stops."""

    max_failed_percent: Annotated[int, Field(ge=0, le=100)] = 5
    """Failed samples among settled ones, in percent, from 100 settled ones on."""
