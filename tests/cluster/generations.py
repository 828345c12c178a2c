"""DatasetGenerations to send to the API server: a short good one, and what to change in it."""

import copy
from typing import Any

from cluster.api import Object
from seedmill.spec.model import API_VERSION, KIND

GOOD_SPEC: Object = {
    "recipe": {"ossInstruct": {}},
    "seeds": {"corpus": {"uri": "s3://corpora/python/"}},
    "teacher": {"model": "some/model"},
    "target": {"acceptedSamples": 10},
}
"""The shortest spec that is right."""


def generation(name: str = "a-run", spec: Object | None = None) -> Object:
    """A DatasetGeneration with this spec, or the good one."""
    spec = copy.deepcopy(GOOD_SPEC if spec is None else spec)
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def spec_with(changes: dict[str, Any]) -> Object:
    """The good spec with fields set by path (`"seeds.corpus.uri"`); None removes one."""
    spec = copy.deepcopy(GOOD_SPEC)
    for path, value in changes.items():
        *parents, last = path.split(".")
        holder: Object = spec
        for parent in parents:
            holder = holder.setdefault(parent, {})
        if value is None:
            holder.pop(last, None)
        else:
            holder[last] = value
    return spec
