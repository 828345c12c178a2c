"""Words that card and report share: what ends and limits mean, what was left unchecked."""

from collections.abc import Iterable

from seedmill.aggregation.published import Facts, Tally
from seedmill.records.publication import End
from seedmill.records.seed import Seed
from seedmill.records.selection import STOPPED

_KNOWN_BENCHMARKS = (
    "APPS",
    "BigCodeBench",
    "CanItEdit",
    "ClassEval",
    "CodeContests",
    "CRUXEval",
    "DS-1000",
    "EvoEval",
    "HumanEval",
    "LiveCodeBench",
    "MBPP",
    "MultiPL-E",
    "SWE-bench",
)
_RECIPES = {
    "ossInstruct": "OSS-Instruct",
    "selfOssInstruct": "Self-OSS-Instruct",
    "selfInstruct": "Self-Instruct",
    "evolInstruct": "Evol-Instruct",
    "commentFunction": "Comment-function pairs",
}


def recipe_title(recipe: str) -> str:
    """The name by which people know a method."""
    return _RECIPES.get(recipe, recipe)


def end_sentence(facts: Facts, tally: Tally) -> str:
    """How the run ended, for people."""
    match tally.end:
        case End.TARGET_REACHED:
            return f"The target of {facts.limits.accepted_samples:,} rows was reached."
        case End.TARGET_NOT_REACHED:
            return (
                f"All {facts.limits.max_candidates:,} candidates were used before the target of "
                f"{facts.limits.accepted_samples:,} rows was reached."
            )
        case End.BUDGET_EXHAUSTED:
            return "The budget ended the run before the target was reached. A larger budget only appends rows."
        case End.DEADLINE_EXCEEDED:
            return (
                "A deadline ended the run. This dataset is partial, and which rows it has depends on timing: another "
                "run of the same specification may have finished other samples by then."
            )
        case End.GPU_HOURS_EXHAUSTED:
            return (
                "The limit on GPU hours ended the run. This dataset is partial, and which rows it has depends on "
                "timing: another run of the same specification may have finished other samples by then."
            )


def stopped_sentence(tally: Tally) -> str:
    """What a hard stop did to the dataset, this one or an earlier one whose outcomes stayed; empty without any."""
    match tally.end:
        case End.DEADLINE_EXCEEDED:
            return "The run was ended by a deadline, so this dataset depends on timing."
        case End.GPU_HOURS_EXHAUSTED:
            return "The run was ended by its limit on GPU hours, so this dataset depends on timing."
        case End.TARGET_REACHED | End.TARGET_NOT_REACHED | End.BUDGET_EXHAUSTED:
            left = tally.ledger.failed.get(STOPPED, 0)
            candidates = "1 candidate" if left == 1 else f"{left:,} candidates"
            why = f"An earlier limit on time left {candidates} unfinished, so this dataset depends on timing."
            return why if left else ""


def unchecked_benchmarks(facts: Facts) -> list[str]:
    """Known code benchmarks that the rows were not compared with."""
    checked = {benchmark.name.lower() for benchmark in facts.benchmarks}
    return [name for name in _KNOWN_BENCHMARKS if name.lower() not in checked]


def not_checked(facts: Facts, runs_code: bool) -> list[str]:
    """What nobody should take as given, one sentence each."""
    said: list[str] = []
    if not facts.benchmarks:
        said.append("Decontamination was switched off: rows may hold tasks of any benchmark.")
    if missing := unchecked_benchmarks(facts):
        said.append(f"Rows were not compared with {', '.join(missing)}: there was no index for them.")
    if not runs_code:
        said.append("No code was run: nothing is known about whether responses work.")
    else:
        said.append("Tests come from the same source as the code (a model or a docstring): they may miss mistakes.")
    said.append(
        "Types of responses were not checked, and rows were not searched for insecure code or for harmful text."
    )
    return said


def place_of(seed: Seed) -> str:
    """`project 1.2, path:line`, as far as it is known."""
    source = seed.source
    project = " ".join(part for part in (source.project, source.version) if part) or source.corpus
    return f"{project}, {source.path}:{source.line}"


def percent(part: int, whole: int) -> str:
    """With one decimal where there is less than a tenth."""
    if not whole:
        return "–"
    value = 100 * part / whole
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.1f} %"


def by_count(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Most frequent first, then by name."""
    return sorted(counts, key=lambda item: (-item[1], item[0]))
