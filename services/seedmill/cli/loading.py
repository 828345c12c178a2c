"""From a file and the command line's overrides to a checked DatasetGeneration."""

import os
from dataclasses import dataclass
from pathlib import Path

from seedmill.cli.isolation_option import IsolationOption
from seedmill.cli.spec_checks import spec_checks
from seedmill.inference.endpoint_names import parse_endpoint
from seedmill.inference.weights import MODEL_NAME
from seedmill.recipes.build import build
from seedmill.recipes.steps import Execute
from seedmill.serving.errors import Misconfigured
from seedmill.spec.execution import Isolation
from seedmill.spec.model import DatasetGeneration, Spec
from seedmill.spec.parse import load_one


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line changes in a file."""

    model: str | None = None
    limit: int | None = None
    isolation: IsolationOption | None = None


def load(file: Path, overrides: Overrides) -> DatasetGeneration:
    """Read, check and override. Raises SpecError, and Misconfigured when an override does not fit."""
    generation = load_one(file, spec_checks())
    spec = generation.spec
    if overrides.model is not None:
        if spec.teacher is None:
            raise Misconfigured("NoTeacher", f"--model does not fit: recipe {spec.recipe.name} uses no teacher")
        spec = _changed(spec, teacher=spec.teacher.model_copy(update={"model": overrides.model}))
    if overrides.limit is not None:
        most = min(overrides.limit, spec.target.max_candidates or overrides.limit)
        spec = _changed(spec, target=spec.target.model_copy(update={"max_candidates": most}))
    if overrides.isolation is not None:
        isolation = Isolation(overrides.isolation.value.capitalize())
        spec = _changed(spec, execution=spec.execution.model_copy(update={"isolation": isolation}))
    return generation.model_copy(update={"spec": spec})


def endpoints(spec: Spec, teacher: str | None) -> list[str]:
    """The inference endpoints for a run on this machine. Raises Misconfigured when none is named, or not as one is."""
    if spec.teacher is None:
        return []
    named = teacher or os.environ.get("SEEDMILL_TEACHER")
    if named:
        parse_endpoint(named)
        return [named]
    if spec.teacher.model == MODEL_NAME:
        return ["embedded:"]
    raise Misconfigured(
        "NoEndpoint",
        f"nothing says where model {spec.teacher.model} is served: give --teacher http://host:port/v1 "
        f"(any OpenAI-compatible server), or set SEEDMILL_TEACHER; {MODEL_NAME} alone runs on this machine",
    )


def needs_sandbox(spec: Spec) -> bool:
    """Whether the recipe runs programs."""
    return any(isinstance(step, Execute) for step in build(spec).steps)


def _changed(spec: Spec, **fields: object) -> Spec:
    return spec.model_copy(update=fields)
