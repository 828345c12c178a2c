"""Which run a resource means: a digest over everything in its spec that changes data.

What is left out can be changed on a run that has begun: limits (raising them goes on behind what was published), how
and where it is executed, and where it is kept. Fields without a value are left out too, so that a new optional field
does not make every old run another one.
"""

import json
from hashlib import sha256
from typing import Any, cast

from seedmill.spec.model import DatasetGeneration

LIMITS = frozenset(
    {
        "target",
        "budget",
        "maxInFlight",
        "weight",
        "failurePolicy",
        "suspend",
        "ttlSecondsAfterFinished",
        "queueName",
        "priorityClassName",
        "managedBy",
    }
)
"""Fields of spec that change no data."""

OUTPUT_LIMITS = frozenset({"store", "retention"})
"""Fields of spec.output that change no data."""

_LISTS_IN_ORDER = frozenset({"reuse", "examples"})


def data_spec(generation: DatasetGeneration) -> dict[str, Any]:
    """The resolved spec, defaults filled in, without limits, as JSON values; it is what run.json keeps."""
    spec = generation.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    kept = {name: value for name, value in spec.items() if name not in LIMITS}
    kept["output"] = {name: value for name, value in kept["output"].items() if name not in OUTPUT_LIMITS}
    return kept


def canonical_bytes(generation: DatasetGeneration) -> bytes:
    """The bytes that the digest is taken of: sorted keys, no spaces, and lists that are sets in order."""
    text = json.dumps(_canonical(data_spec(generation)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def spec_digest(generation: DatasetGeneration) -> str:
    """64 hex digits."""
    return sha256(canonical_bytes(generation)).hexdigest()


def spec_digest8(generation: DatasetGeneration) -> str:
    """The first 8 of them: what names a run."""
    return spec_digest(generation)[:8]


def _canonical(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _canonical(inner, key) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        texts = cast("list[str]", value)
        return texts if name in _LISTS_IN_ORDER else sorted(texts)
    return value
