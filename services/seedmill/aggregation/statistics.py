"""What card and report say about the rows, counted while they are written: one pass, little memory."""

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from seedmill.aggregation.published import PublishedRow

EXAMPLES = 20
UNKNOWN_LICENSE = "unknown"


class Project(NamedTuple):
    """Where seeds were taken from, as one line of the attribution."""

    project: str
    version: str
    license: str
    corpus: str


@dataclass(slots=True)
class Usage:
    """What was taken from a project: rows, and the files their seeds stand in."""

    rows: int = 0
    paths: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class Statistics:
    """Counts over rows. `instruction_words` and `response_lines` map a length to how many rows have it."""

    rows: int = 0
    languages: Counter[str] = field(default_factory=Counter[str])
    licenses: Counter[str] = field(default_factory=Counter[str])
    verdict_kinds: Counter[str] = field(default_factory=Counter[str])
    sandboxes: Counter[str] = field(default_factory=Counter[str])
    environments: Counter[str] = field(default_factory=Counter[str])
    instruction_words: Counter[int] = field(default_factory=Counter[int])
    response_lines: Counter[int] = field(default_factory=Counter[int])
    projects: dict[Project, Usage] = field(default_factory=lambda: defaultdict[Project, Usage](Usage))
    asserts_run: int = 0
    _examples: list[tuple[int, int, PublishedRow]] = field(default_factory=list[tuple[int, int, PublishedRow]])

    def add(self, published: PublishedRow) -> None:
        row, lineage = published.row, published.lineage
        source = lineage.seed.source
        license_id = source.license or UNKNOWN_LICENSE
        self.languages[row.language] += 1
        self.licenses[license_id] += 1
        self.instruction_words[len(row.instruction.split())] += 1
        self.response_lines[row.response.count("\n") + 1] += 1
        usage = self.projects[Project(source.project or source.corpus, source.version, license_id, source.corpus)]
        usage.rows += 1
        usage.paths.add(source.path)
        if lineage.verdict is not None:
            self.verdict_kinds[lineage.verdict.kind.value] += 1
            self.sandboxes[lineage.verdict.sandbox] += 1
            self.environments[lineage.verdict.environment] += 1
            self.asserts_run += lineage.verdict.asserts_run
        self._remember(published)
        self.rows += 1

    @property
    def examples(self) -> list[PublishedRow]:
        """Some rows, the same at every repeat and as good as drawn at random, in their order."""
        return [row for _, _, row in sorted(self._examples, key=lambda each: -each[1])]

    def _remember(self, published: PublishedRow) -> None:
        """Keep the rows with the lowest ids: an id is a digest. Heaps have the smallest first, hence the signs."""
        entry = (-int(published.row.id, 16), -self.rows, published)
        if len(self._examples) < EXAMPLES:
            heapq.heappush(self._examples, entry)
        else:
            heapq.heappushpop(self._examples, entry)


def median(lengths: Counter[int]) -> int:
    """The lower median of counted lengths; 0 when there are none."""
    half, seen = (sum(lengths.values()) + 1) // 2, 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen >= half:
            return length
    return 0
