"""From a run's journal to what the selection law makes of it: which rows are kept, and why the others are not."""

from collections import Counter, defaultdict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from seedmill.aggregation.published import StepYield
from seedmill.filters.benchmark_index import (
    BadBenchmarkFile,
    BenchmarkChanged,
    BenchmarkInfo,
    UnknownBenchmark,
    load_pinned,
)
from seedmill.filters.similarity import RowIndex
from seedmill.recipes.build import build
from seedmill.recipes.rebuild import rebuild
from seedmill.recipes.steps import Recipe
from seedmill.records.journal import Outcome, root_index
from seedmill.records.publication import End, Limits
from seedmill.records.resolution import Leaf, RootRecords, SettledRoot
from seedmill.records.row import Row
from seedmill.records.run_file import RunFile
from seedmill.records.selection import Decision, PublishedOutcome, PublishedOutcomes, Selection, WalkedRoot
from seedmill.records.tokens import Tokens
from seedmill.serving.errors import InvalidRequest
from seedmill.spec.model import Spec
from seedmill.storage.journal import SegmentRef, read_segments
from seedmill.storage.publications import OutcomeRow
from seedmill.storage.records_by_root import RecordsByRoot, records_by_root
from seedmill.storage.row_index import row_index
from seedmill.storage.seed_shard import SeedShard
from seedmill.storage.seeds import SeedReader
from seedmill.storage.store import ObjectMissing, Store

SELECTION_STEP = "selection"
"""Where candidates end that came through all steps and are not kept: duplicates and failed tags."""


@dataclass(frozen=True, slots=True)
class RunInput:
    """What a publication reads beside the journal."""

    run: RunFile
    spec: Spec
    recipe: Recipe
    seeds: SeedShard
    benchmarks: tuple[BenchmarkInfo, ...]


def read_run(store: Store, run_prefix: str, limits: Limits) -> RunInput:
    """run.json and what follows from it. Raises InvalidRequest when it is missing or of another version."""
    try:
        run = RunFile.decode(store.get(f"{run_prefix}/run.json"))
    except (ObjectMissing, ValueError) as error:
        raise InvalidRequest("JournalMissing", f"{store.uri}/{run_prefix}: {error}") from error
    spec = Spec.model_validate({**run.spec, "target": {"acceptedSamples": limits.accepted_samples}})
    recipe = build(spec)
    if recipe.digest != run.recipe_digest:
        raise InvalidRequest(
            "RecipeChanged",
            f"{run_prefix} was made with another version of recipe {run.recipe}; publish it with that version",
        )
    seeds = SeedShard.of(SeedReader(store, run.seeds_prefix), spec.seeds.shard)
    try:
        benchmarks = tuple(each.info for each in load_pinned(run.benchmarks))
    except (UnknownBenchmark, BenchmarkChanged, BadBenchmarkFile) as error:
        raise InvalidRequest("BenchmarkMissing", str(error)) from error
    return RunInput(run, spec, recipe, seeds, benchmarks)


@dataclass(frozen=True, slots=True)
class WalkedLeaf:
    """A leaf and what was decided of it. `leaf` is None for a sample that a hard stop left unsettled."""

    leaf: Leaf | None
    decision: Decision
    outcome: OutcomeRow


class Walk:
    """The fold over a journal, leaf by leaf: nothing of what is walked is held.

    `leaves` may be read once; `end` and `paid` (all that the journal knows was paid) are right when it has ended.
    """

    def __init__(
        self,
        given: RunInput,
        records: RecordsByRoot,
        index: RowIndex,
        predecessor: PublishedOutcomes | None,
        limits: Limits,
        end: End,
    ) -> None:
        def row_of(leaf: Leaf) -> Row:
            path = leaf.end.sample
            return given.recipe.row(rebuild(given.recipe, path, given.seeds.get(root_index(path)), leaf.chain))

        self._records = records
        self._predecessor: PublishedOutcomes = dict[str, PublishedOutcome]() if predecessor is None else predecessor
        self.selection = Selection(limits, given.recipe.cap, index, row_of, self._predecessor)
        self.end = end
        self.paid = Tokens()

    def leaves(self) -> Iterator[WalkedLeaf]:
        """Fold up to the cut. Raises InvalidRequest when the journal does not reach what `end` claims."""
        selection, end = self.selection, self.end
        roots = _Following(self._counted())
        while selection.ended is None:
            number = selection.next_root
            root = roots.at(number)
            settled = None if root is None else root.settled()
            if selection.next_stays_stopped():
                yield from _walked(selection.walk_stopped(), None)
            elif settled is not None:
                yield from _walked(selection.walk(settled), settled)
            elif end.is_hard_stop and number < self._records.highest_ended:
                yield from _walked(selection.walk_stopped(), None)
            else:
                break
        if selection.ended is not None:
            self.end = selection.ended
        elif not end.is_hard_stop:
            raise InvalidRequest(
                "NotSettled", f"root sample {selection.next_root} is not settled, so {end} is not reached"
            )
        roots.finish()

    def _counted(self) -> Iterator[RootRecords]:
        for root in self._records.roots(self._predecessor):
            self.paid += sum((step.tokens for _, step in root.steps.values()), Tokens())
            yield root


class _Following:
    """Root samples that come in order, asked for by number, in order too."""

    def __init__(self, roots: Iterator[RootRecords]) -> None:
        self._roots = roots
        self._next = next(roots, None)

    def at(self, number: int) -> RootRecords | None:
        """The root sample with this number, or None if there is none. Those before it are gone."""
        while self._next is not None and self._next.index < number:
            self._next = next(self._roots, None)
        return self._next if self._next is not None and self._next.index == number else None

    def finish(self) -> None:
        """Go through those that are left."""
        for _ in self._roots:
            pass


@contextmanager
def walk(
    store: Store,
    given: RunInput,
    segments: Sequence[SegmentRef],
    predecessor: PublishedOutcomes | None,
    limits: Limits,
    end: End,
) -> Generator[Walk]:
    """The fold over the segments' records, with its scratch files until the context is left. Raises StorageError."""
    with records_by_root(given.run.cfg) as records, row_index() as index:
        for segment in read_segments(store, segments):
            records.add(segment)
        yield Walk(given, records, index, predecessor, limits, end)


def _walked(walked: WalkedRoot, settled: SettledRoot | None) -> Iterator[WalkedLeaf]:
    leaves = {} if settled is None else {leaf.end.sample: leaf for leaf in settled.leaves}
    tokens = walked.tokens.total
    for decision in walked.decisions:
        outcome = PublishedOutcome(decision.kept, decision.reason, decision.end)
        yield WalkedLeaf(leaves.get(decision.sample), decision, OutcomeRow(decision.sample, outcome, tokens))
        tokens = 0


class Yields:
    """Which steps candidates reached, and why they ended there; counted while they are walked."""

    def __init__(self) -> None:
        self._entered = 0
        self._ended: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, leaf: Leaf, decision: Decision) -> None:
        """Count a candidate."""
        self._entered += 1
        if decision.row is None:
            through = leaf.end.outcome is Outcome.ACCEPT
            self._ended[SELECTION_STEP if through else leaf.end.step][decision.reason] += 1

    def of(self, recipe: Recipe) -> list[StepYield]:
        """In the recipe's order, selection last."""
        entered, yields = self._entered, list[StepYield]()
        for name in [*(step.name for step in recipe.steps), SELECTION_STEP]:
            reasons = dict(sorted(self._ended[name].items()))
            yields.append(StepYield(name, entered, reasons))
            entered -= sum(reasons.values())
        return yields
