"""Builds the dataset of a walked journal in a local folder. Publishing and replay both call this, so they agree."""

from collections import Counter
from pathlib import Path

from seedmill.aggregation.dataset import DatasetWriter
from seedmill.aggregation.lineage import examples, published_row, teacher_steps
from seedmill.aggregation.published import Facts, Manifest, StepYield, Tally
from seedmill.aggregation.walk import RunInput, Walk, step_yields
from seedmill.records.publication import Limits
from seedmill.spec.model import Spec

CONTAMINATED = "contaminated"


def build_dataset(given: RunInput, result: Walk, limits: Limits, target: Path) -> Manifest:
    """Write the dataset into an empty folder. Raises FolderInUse, OSError."""
    writer = DatasetWriter(target, _facts(given, limits))
    for leaf, row in result.kept:
        writer.add(published_row(given, leaf, row))
    return writer.finish(_tally(given, result))


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
        benchmarks=given.decontaminator.benchmarks,
        seeds_skipped=dict(sorted(given.seeds.reader.manifest.skipped.items())),
        formats=tuple(spec.output.formats),
    )


def _corpus(spec: Spec) -> str:
    """What the seeds come from, as the card names it."""
    corpus, dataset = spec.seeds.corpus, spec.seeds.dataset
    if corpus is not None:
        return corpus.uri
    return "" if dataset is None else f"dataset:{dataset.name}"


def _tally(given: RunInput, result: Walk) -> Tally:
    yields = step_yields(given.recipe, result)
    return Tally(
        end=result.end,
        ledger=result.selection.counts.ledger(),
        roots_walked=result.selection.next_root,
        tokens=result.selection.tokens,
        steps=tuple(StepYield(step, entered, reasons) for step, entered, reasons in yields),
        contamination_hits=_hits(result),
        rejected=tuple(examples(given, result.lost)),
    )


def _hits(result: Walk) -> dict[str, int]:
    """Contaminated candidates by benchmark: the ends' details name the task, as `HumanEval/3`."""
    hits: Counter[str] = Counter()
    for leaf, decision in result.lost:
        if decision.reason == CONTAMINATED:
            hits[str(leaf.end.notes.get("detail", "")).partition("/")[0] or "unknown"] += 1
    return dict(sorted(hits.items()))
