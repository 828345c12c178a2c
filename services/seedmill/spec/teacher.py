"""The model that writes, and how it is asked, for all steps or for one."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from seedmill.spec.rules import Rule, SpecModel
from seedmill.spec.shapes import LongText


class Api(StrEnum):
    COMPLETIONS = "Completions"
    CHAT = "Chat"


_STEP_CHARACTERS = 100
"""A rule, because an API server has no bound for the keys of a map."""

Temperature = Annotated[float, Field(ge=0, le=2)]


TopP = Annotated[float, Field(gt=0, le=1)]


MaxTokens = Annotated[int, Field(ge=1, le=131_072)]


class Sampling(SpecModel):
    """How the teacher samples."""

    temperature: Temperature = 0.7
    """0 always takes the likeliest token."""
    top_p: TopP = 0.95
    """Only the likeliest tokens that together have this probability are considered."""
    max_tokens: MaxTokens = 1536
    """Longest completion, in tokens."""


class SamplingOverride(SpecModel):
    """How one step samples; what is left out is as for the teacher."""

    temperature: Temperature | None = None
    """0 always takes the likeliest token."""
    top_p: TopP | None = None
    """Only the likeliest tokens that together have this probability are considered."""
    max_tokens: MaxTokens | None = None
    """Longest completion, in tokens."""


class StepOverride(SpecModel):
    """What one step does differently."""

    model: LongText | None = None
    """Another model that the inference service serves."""
    api: Api | None = None
    """Another route."""
    sampling: SamplingOverride = Field(default_factory=SamplingOverride)
    """Other sampling."""


class Teacher(SpecModel):
    """The model that writes."""

    model: LongText
    """A name that the inference service serves."""
    api: Api = Api.CHAT
    """Chat for instruction-tuned models; Completions for base models, which are shown the examples as one text."""
    sampling: Sampling = Field(default_factory=Sampling)
    """How the teacher samples."""
    steps: Annotated[dict[str, StepOverride], Field(max_length=16)] = Field(default_factory=dict[str, StepOverride])
    """By step name: its own model, api or sampling. The recipes' pages name their steps."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"steps: a name has 1 to {_STEP_CHARACTERS} characters",
            f"!has(self.steps) || self.steps.all(name, name.size() >= 1 && name.size() <= {_STEP_CHARACTERS})",
            lambda self: all(1 <= len(name) <= _STEP_CHARACTERS for name in self.steps),
        ),
    )
