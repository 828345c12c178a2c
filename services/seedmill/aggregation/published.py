"""What a dataset is made of, as values: rows with their lineage, examples, and the facts of the run behind them.

Whoever writes a dataset fills these in from a journal. Nothing in here depends on when or where the run was: equal
values give equal bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from seedmill.filters.benchmark_index import BenchmarkInfo
from seedmill.records.generation import ModelCall
from seedmill.records.ledger import Ledger
from seedmill.records.publication import End, Limits
from seedmill.records.row import Row
from seedmill.records.seed import Seed
from seedmill.records.tokens import Tokens
from seedmill.records.verdict import Verdict
from seedmill.spec.output import Format


@dataclass(frozen=True, slots=True)
class TeacherStep:
    """One step that asks a model: its name, how it asks, and the digest of its prompt template."""

    step: str
    call: ModelCall
    prompt_digest: str


@dataclass(frozen=True, slots=True)
class PassRate:
    """How many of the responses sampled for a row's instruction passed.

    `censored`: sampling stopped at the first wave with a pass, so the rate says little about the instruction.
    """

    parts_sampled: int
    parts_passed: int
    censored: bool


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a row comes from. `verdict` is None if nothing was run, `pass_rate` if one response was sampled."""

    sample: str
    seed: Seed
    verdict: Verdict | None = None
    pass_rate: PassRate | None = None


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A row of the dataset."""

    row: Row
    lineage: Lineage


@dataclass(frozen=True, slots=True)
class Example:
    """A candidate that is not in the dataset, for the report.

    `reason` is the ledger's word, `step` where it ended, `detail` one line about it. `texts` are what it had come to,
    titled, in order; `verdict` one line, empty when it was not run.
    """

    sample: str
    outcome: str
    reason: str
    step: str
    detail: str
    language: str
    texts: tuple[tuple[str, str], ...]
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class StepYield:
    """How many candidates a step was given, and why some ended there. `rejected` holds failures too."""

    step: str
    entered: int
    rejected: Mapping[str, int]

    @property
    def passed(self) -> int:
        return self.entered - sum(self.rejected.values())


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run is, known before its first row.

    `benchmarks` are the indexes that are checked, `seeds_skipped` is what seeding left out, by reason.
    """

    name: str
    recipe: str
    recipe_digest: str
    random_seed: int
    seeds_digest: str
    seeds_count: int
    corpus: str
    limits: Limits
    teacher: tuple[TeacherStep, ...] = ()
    benchmarks: tuple[BenchmarkInfo, ...] = ()
    seeds_skipped: Mapping[str, int] = field(default_factory=dict[str, int])
    formats: tuple[Format, ...] = (Format.PARQUET, Format.MESSAGES)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a run's candidates, known behind its last row.

    `tokens` are those of all used records below the cut, `roots_walked` the root samples below it; `contamination_hits`
    counts candidates by benchmark, `rejected` are examples of what is not in the dataset.
    """

    end: End
    ledger: Ledger
    roots_walked: int
    tokens: Tokens
    steps: tuple[StepYield, ...] = ()
    contamination_hits: Mapping[str, int] = field(default_factory=dict[str, int])
    rejected: tuple[Example, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether a hard stop cut the run, so that the dataset depends on timing."""
        return self.end.is_hard_stop


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a dataset; `name` is relative to its folder."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of a dataset but the manifest itself, by name, and the digest that names it."""

    files: tuple[FileEntry, ...]
    digest: str
    rows: int
