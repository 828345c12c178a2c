"""What a recipe is made of: steps of four kinds, and what a step may see.

A recipe is a list of steps. The pipeline walks each sample through them, writes one journal record per finished step,
and ends the sample with the first `Rejected`. Every function here is pure: equal input gives equal output, always.

Responses sampled for one prompt are *parts* of one Generate step. The Execute and Check steps behind it that say
`of=<its name>` judge each part; parts are sampled in waves, and after a whole wave the lowest part that passed is taken
(journal rule 13). Inside such a step the sample's values hold that part's output; afterwards those of the part taken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from seedmill.records.generation import Completion, ModelCall, Prompt
from seedmill.records.randomness import Draw
from seedmill.records.row import Row
from seedmill.records.seed import Seed, SeedKind
from seedmill.records.tokens import Tokens
from seedmill.records.verdict import Program, Verdict

JSON = Any  # what orjson can write: str, int, float, bool, None, list, dict with str keys


@dataclass(frozen=True, slots=True)
class Rejected:
    """The sample (or this part) is not good enough. `reason` is a snake_case word for the ledger, `detail` one line."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """A candidate on its way: its path (`17`, or `17/3` for a child), its seed, and what each finished step gave."""

    path: str
    seed: Seed
    values: Mapping[str, JSON] = field(default_factory=dict[str, JSON])

    def with_value(self, step: str, value: JSON) -> "Sample":
        return Sample(self.path, self.seed, {**self.values, step: value})


class Sight(Protocol):
    """What a sample may see of the world beside itself. It is the same at every restart (DESIGN: sight)."""

    def similar(self, instruction: str) -> str | None:
        """The id of a kept row far enough before this sample whose instruction is a near-duplicate, or None."""
        ...

    def contamination(self, text: str) -> str | None:
        """The benchmark task that this text leaks, such as `HumanEval/3`, or None."""
        ...

    def pool(self) -> Sequence[Row]:
        """The rows kept far enough before this sample, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Generate:
    """Ask the teacher. `parse` gives the step's value, or Rejected.

    With `tries` > 1 a rejected answer is sampled anew, up to that many times; with `parts` > 1 see the module's text.
    `waves` must add up to `parts`.
    """

    name: str
    call: ModelCall
    render: Callable[[Sample, Draw, Sight], Prompt | Rejected]
    parse: Callable[[Sample, Completion], JSON | Rejected]
    parts: int = 1
    waves: tuple[int, ...] = (1,)
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Execute:
    """Run a program in the sandbox. `judge` gives the step's value from the verdict, or Rejected.

    INFRA never reaches `judge`: the pipeline tries again elsewhere and ends the sample as failed.
    """

    name: str
    program: Callable[[Sample], Program | Rejected]
    judge: Callable[[Sample, Verdict], JSON | Rejected]
    of: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Decide by a filter. `decide` gives a list of tags (usually empty) or Rejected."""

    name: str
    decide: Callable[[Sample, Sight], list[str] | Rejected]
    of: str = ""


@dataclass(frozen=True, slots=True)
class Expand:
    """Turn one sample into children, one for each value; the steps behind it run for each child on its own.

    A child's values are its parent's, with this step's name holding the child's value. At most one Expand in a recipe.
    """

    name: str
    children: Callable[[Sample], Sequence[JSON] | Rejected]


Step = Generate | Execute | Check | Expand


@dataclass(frozen=True, slots=True)
class Recipe:
    """A method, ready to run.

    `digest` covers name, version, options and prompt texts; it enters every record's cfg. `row` makes the row of a
    sample that came through all steps. `prompts` maps a step to the digest of its prompt template, for the row's
    provenance. `block` is G of the sight rule; `reads_pool` says whether a step reads the pool.
    """

    name: str
    digest: str
    seed_kind: SeedKind
    steps: tuple[Step, ...]
    row: Callable[[Sample], Row]
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    block: int = 1024
    reads_pool: bool = False

    @property
    def cap(self) -> Tokens:
        """The most one root sample can cost: parts x tries x (prompt limit, maxTokens) over all Generate steps."""
        generates = [step for step in self.steps if isinstance(step, Generate)]
        return Tokens(
            sum(step.parts * step.tries * step.call.prompt_limit_tokens for step in generates),
            sum(step.parts * step.tries * step.call.sampling.max_tokens for step in generates),
        )
