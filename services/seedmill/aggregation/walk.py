"""From a run's journal to what the selection law makes of it: which rows are kept, and why the others are not."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seedmill.filters.benchmark_index import BadBenchmarkFile, BenchmarkChanged, UnknownBenchmark
from seedmill.filters.decontamination import Decontaminator
from seedmill.filters.similarity import RowIndex
from seedmill.recipes.build import build
from seedmill.recipes.rebuild import rebuild
from seedmill.recipes.steps import Recipe
from seedmill.records.journal import Outcome, root_index
from seedmill.records.publication import End, Limits
from seedmill.records.resolution import JournalIndex, Leaf, SettledRoot
from seedmill.records.row import Row
from seedmill.records.run_file import RunFile
from seedmill.records.selection import Decision, PublishedOutcome, Selection, WalkedRoot
from seedmill.records.tokens import Tokens
from seedmill.serving.errors import InvalidRequest
from seedmill.spec.model import Spec
from seedmill.storage.journal import SegmentRef, read_segments
from seedmill.storage.publications import OutcomeRow
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
    decontaminator: Decontaminator


@dataclass(slots=True)
class Walk:
    """The fold's result: leaves with what was decided of them, in order. `paid` is all the journal knows was paid."""

    selection: Selection
    end: End
    paid: Tokens
    kept: list[tuple[Leaf, Row]] = field(default_factory=list[tuple[Leaf, Row]])
    lost: list[tuple[Leaf, Decision]] = field(default_factory=list[tuple[Leaf, Decision]])
    outcomes: list[OutcomeRow] = field(default_factory=list[OutcomeRow])


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
        decontaminator = Decontaminator.pinned(run.benchmarks)
    except (UnknownBenchmark, BenchmarkChanged, BadBenchmarkFile) as error:
        raise InvalidRequest("BenchmarkMissing", str(error)) from error
    return RunInput(run, spec, recipe, seeds, decontaminator)


def walk(
    store: Store,
    given: RunInput,
    segments: Sequence[SegmentRef],
    predecessor: Mapping[str, PublishedOutcome],
    limits: Limits,
    end: End,
) -> Walk:
    """Fold the segments' records up to the cut. Raises InvalidRequest when they do not reach what `end` claims."""
    index = JournalIndex(given.run.cfg)
    for segment in read_segments(store, segments):
        index.add(segment.ref.attempt, segment.ref.number, segment.records)
    index.finish({path: outcome.end for path, outcome in predecessor.items()})
    roots = {root.index: root for root in index.roots()}
    paid = sum((step.tokens for root in roots.values() for _, step in root.steps.values()), Tokens())

    def row_of(leaf: Leaf) -> Row:
        path = leaf.end.sample
        return given.recipe.row(rebuild(given.recipe, path, given.seeds.get(root_index(path)), leaf.chain))

    selection = Selection(limits, given.recipe.cap, RowIndex(), row_of, predecessor)
    result = Walk(selection, end, paid)
    highest = max((number for number, root in roots.items() if root.ends), default=-1)
    while selection.ended is None:
        number = selection.next_root
        settled = roots[number].settled() if number in roots else None
        if selection.next_stays_stopped():
            _note(result, selection.walk_stopped(), None)
        elif settled is not None:
            _note(result, selection.walk(settled), settled)
        elif end.is_hard_stop and number < highest:
            _note(result, selection.walk_stopped(), None)
        else:
            break
    if selection.ended is not None:
        result.end = selection.ended
    elif not end.is_hard_stop:
        raise InvalidRequest("NotSettled", f"root sample {selection.next_root} is not settled, so {end} is not reached")
    return result


def _note(result: Walk, walked: WalkedRoot, settled: SettledRoot | None) -> None:
    leaves = {} if settled is None else {leaf.end.sample: leaf for leaf in settled.leaves}
    tokens = walked.tokens.total
    for decision in walked.decisions:
        leaf = leaves.get(decision.sample)
        if leaf is not None and decision.row is not None:
            result.kept.append((leaf, decision.row))
        elif leaf is not None:
            result.lost.append((leaf, decision))
        outcome = PublishedOutcome(decision.kept, decision.reason, decision.end)
        result.outcomes.append(OutcomeRow(decision.sample, outcome, tokens))
        tokens = 0


def step_yields(recipe: Recipe, result: Walk) -> list[tuple[str, int, dict[str, int]]]:
    """(step, candidates that reached it, why some ended there) in the recipe's order, selection last."""
    ended: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for leaf, decision in result.lost:
        through = leaf.end.outcome is Outcome.ACCEPT
        ended[SELECTION_STEP if through else leaf.end.step][decision.reason] += 1
    entered = len(result.kept) + len(result.lost)
    yields: list[tuple[str, int, dict[str, int]]] = []
    for name in [*(step.name for step in recipe.steps), SELECTION_STEP]:
        reasons = dict(sorted(ended[name].items()))
        yields.append((name, entered, reasons))
        entered -= sum(reasons.values())
    return yields
