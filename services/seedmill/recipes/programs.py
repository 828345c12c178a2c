"""What a recipe's Execute step has in common with others: the program asked for, and what a verdict means."""

from dataclasses import dataclass
from typing import Any

from seedmill.recipes.steps import JSON, Rejected, Sample
from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind
from seedmill.spec.execution import Execution


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """How the programs of a run are executed."""

    execution: Execution

    def program(self, sample: Sample, solution: str, tests: str) -> Program:
        return Program(
            id=sample.path,
            language=sample.seed.language,
            solution=solution,
            tests=tests,
            timeout_seconds=self.execution.timeout_seconds,
            memory_bytes=self.execution.memory_bytes,
            environment=self.execution.environment,
            verdict=VerdictKind(self.execution.verdict.value),
            isolation=Isolation(self.execution.isolation.value),
        )

    def to_json(self) -> dict[str, Any]:
        """What of it changes verdicts, for the recipe's digest."""
        return {
            "environment": self.execution.environment,
            "isolation": self.execution.isolation.value,
            "memoryBytes": self.execution.memory_bytes,
            "timeoutSeconds": self.execution.timeout_seconds,
            "verdict": self.execution.verdict.value,
        }


def judge_pass(_sample: Sample, verdict: Verdict) -> JSON | Rejected:
    """A pass gives the verdict's columns; everything else is `verdict_<status>`, vacuous tests too."""
    if verdict.status is not Status.PASS:
        return Rejected(f"verdict_{verdict.status}", verdict.reason)
    return verdict_columns(verdict)


def verdict_columns(verdict: Verdict) -> dict[str, str]:
    """A row's columns that say how it was verified."""
    return {
        "verdict_kind": verdict.kind.value,
        "verdict_downgrade": verdict.downgrade,
        "asserts_run": str(verdict.asserts_run),
        "environment": verdict.environment,
        "sandbox": verdict.sandbox,
    }
