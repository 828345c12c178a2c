"""What a pod is given to run: a resource in a file or in the environment, a corpus, and services that are elsewhere."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from seedmill.spec.pod import RESOURCE_VARIABLE

if TYPE_CHECKING:
    from seedmill.spec.model import DatasetGeneration, Spec


def resource_of_pod(resource: Path | None) -> "DatasetGeneration":
    """The resource of a file or of the environment. Raises SpecError, Misconfigured."""
    from seedmill.cli.loading import Overrides, load
    from seedmill.cli.spec_checks import spec_checks
    from seedmill.serving.errors import Misconfigured
    from seedmill.spec.parse import parse

    if resource is not None:
        return load(resource, Overrides())
    text = os.environ.get(RESOURCE_VARIABLE)
    if not text:
        raise Misconfigured("NoResource", f"give --resource FILE, or the resource in {RESOURCE_VARIABLE}")
    generations = parse(text.encode(), RESOURCE_VARIABLE, spec_checks())
    if len(generations) != 1:
        raise Misconfigured("NoResource", f"{RESOURCE_VARIABLE} holds {len(generations)} resources, not one")
    return generations[0]


def refuse_missing_services(spec: "Spec", named: Collection[str]) -> None:
    """Raise Misconfigured for a service that the recipe needs and nobody named."""
    from seedmill.cli.loading import needs_sandbox
    from seedmill.serving.errors import Misconfigured

    needed = {"inference": spec.teacher is not None, "execution": needs_sandbox(spec)}
    for name, is_needed in needed.items():
        if is_needed and name not in named:
            raise Misconfigured(
                "ServiceNotNamed", f"recipe {spec.recipe.name} needs the {name} service: give --{name} ADDRESS"
            )


def corpus_of_pod(spec: "Spec") -> str:
    """The corpus, which a pod has no folder to be relative to. Raises Misconfigured."""
    from seedmill.serving.errors import Misconfigured

    corpus = spec.seeds.corpus
    uri = "" if corpus is None else corpus.uri
    advice = "give s3://bucket/prefix, installed:NAME, or an absolute path that the seeding service has mounted"
    if uri.startswith("file:") and not Path(uri.removeprefix("file://")).exists():
        raise Misconfigured("CorpusMissing", f"spec.seeds.corpus.uri: {uri} is not there; {advice}")
    if uri and ":" not in uri.split("/", 1)[0] and not uri.startswith("/"):
        raise Misconfigured(
            "CorpusMissing",
            f"spec.seeds.corpus.uri: {uri} is relative, and there is no folder here that it could be relative to; "
            + advice,
        )
    return uri
