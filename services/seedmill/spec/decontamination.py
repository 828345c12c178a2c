"""Against which benchmarks seeds and rows are checked."""

from typing import Annotated, ClassVar

from pydantic import Field

from seedmill.spec.rules import Rule, SpecModel
from seedmill.spec.shapes import AS_SET, NoDuplicates, ShortText


class Decontamination(SpecModel):
    """Against which benchmarks rows are checked."""

    benchmarks: Annotated[list[ShortText], NoDuplicates, Field(max_length=64, json_schema_extra=AS_SET)] | None = None
    """Names of benchmark indexes; all that are present when left out."""
    disabled: bool = False
    """Check nothing. The dataset card says so."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "benchmarks must not be given when disabled is true",
            "!self.disabled || !has(self.benchmarks) || self.benchmarks.size() == 0",
            lambda self: not (self.disabled and self.benchmarks),
        ),
        Rule(
            "benchmarks is empty: leave it out to check all that are present, or write disabled: true",
            "self.disabled || !has(self.benchmarks) || self.benchmarks.size() > 0",
            lambda self: self.disabled or self.benchmarks is None or bool(self.benchmarks),
        ),
    )
