"""Seeds, samples, completions and a sight to try recipes with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedmill.recipes.steps import Sample
from seedmill.records.generation import Completion, FinishReason
from seedmill.records.row import Row
from seedmill.records.seed import Seed, SeedKind, Source
from seedmill.records.verdict import Status, Verdict
from seedmill.spec.model import DatasetGeneration, Spec

SOURCE = Source("corpus", "a.py", 1, "project", "1.0", "MIT")


@dataclass(frozen=True, slots=True)
class FixedSight:
    """Sees what it is told: a similar row, a contaminating task, a pool."""

    similar_row: str | None = None
    task: str | None = None
    rows: Sequence[Row] = ()

    def similar(self, instruction: str) -> str | None:
        return self.similar_row

    def contamination(self, text: str) -> str | None:
        return self.task

    def pool(self) -> Sequence[Row]:
        return self.rows


def snippet(text: str = "x = 1", language: str = "python") -> Seed:
    return Seed("0" * 32, SeedKind.SNIPPET, language, text, SOURCE)


def function(text: str, docstring: str, context: str = "", name: str = "f") -> Seed:
    extra = {"name": name, "docstring": docstring, "context": context}
    return Seed("1" * 32, SeedKind.FUNCTION, "python", text, SOURCE, extra)


def sample(seed: Seed | None = None, path: str = "0", **values: Any) -> Sample:
    return Sample(path, seed or snippet(), values)


def completion(text: str, finish: FinishReason = FinishReason.STOP) -> Completion:
    return Completion(text, finish, 10, 20)


def verdict(status: Status, **fields: Any) -> Verdict:
    return Verdict("0", status, **fields)


def spec(recipe: Mapping[str, Any], **fields: Any) -> Spec:
    """A spec with this recipe; `fields` are further ones, in camelCase."""
    teacher = {} if "commentFunction" in recipe else {"teacher": {"model": "m"}}
    body = {"recipe": recipe, "seeds": {"corpus": {"uri": "x"}}, "target": {"acceptedSamples": 1}, **teacher, **fields}
    resource = {"apiVersion": "seedmill.dev/v1alpha1", "kind": "DatasetGeneration", "metadata": {"name": "t"}}
    return DatasetGeneration.model_validate({**resource, "spec": body}).spec
