"""From one document to its seeds: extract, refuse what holds a secret, replace personal data, name.

Runs in the child process that `worker.py` is. A function of the document and the task: batches, order and process do
not enter it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from seedmill.filters.decontamination import Decontaminator
from seedmill.filters.secrets import find_secret, scrub
from seedmill.records.seed import Seed, SeedKind, Source, seed_id
from seedmill.seeding.documents import Document
from seedmill.seeding.functions import FunctionRules, documented_functions
from seedmill.seeding.limits import Limits
from seedmill.seeding.snippets import Snippet, snippet_of


@dataclass(frozen=True, slots=True)
class Task:
    """What to extract: the parts of a Collection that concern a single document."""

    corpus: str
    kind: SeedKind
    max_lines: int
    random_seed: int
    require_doctests: bool
    self_oss_filters: bool
    decontaminate: tuple[str, ...]
    limits: Limits


@dataclass(slots=True)
class Extracted:
    """Seeds of a document; what was left out by reason, and what was changed in seeds that were kept."""

    seeds: list[Seed] = field(default_factory=list[Seed])
    skipped: Counter[str] = field(default_factory=Counter[str])
    changed: Counter[str] = field(default_factory=Counter[str])


class Extractor:
    """Extracts by one task. Raises UnknownBenchmark for a benchmark that has no index."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._contamination = _contamination(task.decontaminate)
        self._rules = FunctionRules(
            task.require_doctests, task.self_oss_filters, task.limits.context_lines, self._contamination
        )

    def extract(self, document: Document) -> Extracted:
        """The document's seeds. A document that Python cannot parse has none and says why."""
        found = Extracted()
        try:
            match self._task.kind:
                case SeedKind.SNIPPET:
                    seeds = self._snippet(document, found)
                case SeedKind.FUNCTION:
                    seeds = self._functions(document, found)
            for seed in seeds:
                self._refine(seed, found)
        except (RecursionError, MemoryError):
            found.skipped["too_deep"] += 1
        except (SyntaxError, ValueError):
            found.skipped["syntax_error"] += 1
        return found

    def _snippet(self, document: Document, found: Extracted) -> Iterator[Seed]:
        task = self._task
        snippet = snippet_of(document.text, task.max_lines, task.random_seed, task.limits.snippet_characters)
        match snippet:
            case Snippet():
                found.changed["metadata_line"] += snippet.metadata_removed
                found.changed["redrawn"] += snippet.redrawn > 0
                if self._contamination(snippet.text) is not None:
                    found.skipped["contaminated"] += 1
                    return
                yield self._seed(document, snippet.text, snippet.line, {})
            case reason:
                found.skipped[reason] += 1

    def _functions(self, document: Document, found: Extracted) -> Iterator[Seed]:
        for function in documented_functions(document, self._rules, found.skipped):
            extra = {"name": function.name, "docstring": function.docstring, "context": function.context}
            yield self._seed(document, function.text, function.line, extra)

    def _seed(self, document: Document, text: str, line: int, extra: dict[str, str]) -> Seed:
        source = Source(self._task.corpus, document.path, line, document.project, document.version, document.license)
        return Seed("", self._task.kind, document.language, text, source, extra)

    def _refine(self, seed: Seed, found: Extracted) -> None:
        """Add the seed with its personal data replaced and its id; or count why not."""
        texts = {"": seed.text, **seed.extra}
        if any(find_secret(text) for text in texts.values()):
            found.skipped["secret"] += 1
            return
        scrubbed = {name: scrub(text) for name, text in texts.items()}
        text, extra = scrubbed[""][0], {name: scrubbed[name][0] for name in seed.extra}
        try:
            "".join([text, *extra.values()]).encode()
        except UnicodeEncodeError:  # a lone surrogate, which a docstring may write as an escape
            found.skipped["not_utf8"] += 1
            return
        found.changed.update(scrubbed[""][1])
        found.changed.update(scrubbed["context"][1] if "context" in scrubbed else ())
        name = seed_id(seed.kind, seed.language, text, extra.get("context", ""))
        found.seeds.append(Seed(name, seed.kind, seed.language, text, seed.source, extra))


def duplicate_key(seed: Seed) -> str:
    """Equal for seeds whose texts are equal up to white space."""
    return sha256(f"{seed.language}\0{''.join(seed.text.split())}".encode()).hexdigest()[:32]


def _contamination(benchmarks: tuple[str, ...]) -> Callable[[str], str | None]:
    if not benchmarks:
        return lambda text: None
    decontaminator = Decontaminator.load(benchmarks)

    def task_given_away(text: str) -> str | None:
        hit = decontaminator.find(text)
        return hit.task if hit else None

    return task_given_away
