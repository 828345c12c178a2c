"""Builds the dataset of a walked journal in a local folder. Publishing and replay both call this, so they agree."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from seedmill.aggregation.dataset import DatasetWriter
from seedmill.aggregation.lineage import Examples, published_row, teacher_steps
from seedmill.aggregation.published import Facts, Manifest, Tally
from seedmill.aggregation.walk import RunInput, Walk, Yields
from seedmill.records.publication import Limits
from seedmill.records.resolution import Leaf
from seedmill.spec.model import Spec
from seedmill.storage.publications import OutcomeRow

CONTAMINATED = "contaminated"


def build_dataset(
    given: RunInput,
    walk: Walk,
    limits: Limits,
    target: Path,
    note: Callable[[OutcomeRow], None] = lambda outcome: None,
) -> Manifest:
    """Write the dataset into an empty folder, while the journal is walked; `note` is told what became of each leaf.

    Raises FolderInUse, OSError, and what walking raises.
    """
    writer = DatasetWriter(target, _facts(given, limits))
    yields, examples = Yields(), Examples(given)
    hits: Counter[str] = Counter()
    for walked in walk.leaves():
        note(walked.outcome)
        leaf, decision = walked.leaf, walked.decision
        if leaf is None:
            continue
        yields.add(leaf, decision)
        if decision.row is not None:
            writer.add(published_row(given, leaf, decision.row))
            continue
        examples.add(leaf, decision)
        if decision.reason == CONTAMINATED:
            hits[_benchmark_of(leaf)] += 1
    return writer.finish(_tally(given, walk, yields, examples, hits))


def _facts(given: RunInput, limits: Limits) -> Facts:
    run, spec = given.run, given.spec
    return Facts(
        name=run.name,
        recipe=run.recipe,
        recipe_digest=run.recipe_digest,
        random_seed=spec.random_seed,
        seeds_digest=run.seeds_digest,
        seeds_count=given.seeds.count,
        corpus=_corpus(spec),
        limits=limits,
        teacher=teacher_steps(given.recipe),
        benchmarks=given.benchmarks,
        seeds_skipped=dict(sorted(given.seeds.reader.manifest.skipped.items())),
        formats=tuple(spec.output.formats),
    )


def _corpus(spec: Spec) -> str:
    """What the seeds come from, as the card names it."""
    corpus, dataset = spec.seeds.corpus, spec.seeds.dataset
    if corpus is not None:
        return corpus.uri
    return "" if dataset is None else f"dataset:{dataset.name}"


def _tally(given: RunInput, walk: Walk, yields: Yields, examples: Examples, hits: Counter[str]) -> Tally:
    return Tally(
        end=walk.end,
        ledger=walk.selection.counts.ledger(),
        roots_walked=walk.selection.next_root,
        tokens=walk.selection.tokens,
        steps=tuple(yields.of(given.recipe)),
        contamination_hits=dict(sorted(hits.items())),
        rejected=tuple(examples.chosen),
    )


def _benchmark_of(leaf: Leaf) -> str:
    """Whose task a contaminated candidate gives away: the end's detail names it, as `HumanEval/3`."""
    return str(leaf.end.notes.get("detail", "")).partition("/")[0] or "unknown"
