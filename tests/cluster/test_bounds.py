"""Every bound, pattern and enumeration of the CRD's spec, each broken once and each kept at its edge.

The cases come from the schema itself, so that a new field is tested as it is added. That the schema says what the
models say is tests/unit/spec; here a real API server keeps it, with the field's path in its words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cluster.api import GENERATIONS, Api, ApiError, Object
from cluster.generations import generation, spec_with
from seedmill.spec.model import Spec
from seedmill.spec.structural import structural_schema


@dataclass(frozen=True, slots=True)
class Limit:
    """One word of a field's schema that bounds it. `path` has `[]` for a list's items and `{}` for a map's values."""

    path: str
    word: str
    schema: Object

    def __str__(self) -> str:
        return f"{self.path}-{self.word}"

    @property
    def reported(self) -> str:
        """The field as the API server names it."""
        return "spec." + self.path.replace(".[]", "[0]").replace("{}", "key")

    def spec(self, value: Any) -> Object:
        """A spec that has this value there, and is good but for that."""
        path = self.path
        holder, inside, field = path.partition(".[].")
        if inside:
            name, item, _ = field.partition(".[]")
            return spec_with({holder: [{**ENTRIES[holder], name: [value] if item else value}]})
        for step, wrapped in ((".[]", [value]), (".{}", {"key": value})):
            if path.endswith(step):
                return spec_with({path.removesuffix(step): wrapped})
        return spec_with({path.replace("{}", "key"): value})


ENTRIES: dict[str, Object] = {
    "recipe.selfOssInstruct.examples": {
        "snippet": "a", "concepts": ["a"], "instruction": "a", "response": "a", "tests": "a",
    },
}  # fmt: skip
"""What a good entry is, where a list holds mappings."""

WORDS = {
    "minimum": "greater than",
    "maximum": "less than or equal to",
    "maxLength": "Too long",
    "minLength": "at least 1 chars long",
    "maxItems": "Too many",
    "minItems": "at least 1 items",
    "maxProperties": "Too many",
    "pattern": "should match",
    "enum": "Unsupported value",
}
"""By what an API server says of it, each word is told from the others."""


def limits(schema: Object, path: str = "") -> Iterator[Limit]:
    yield from (Limit(path, word, schema) for word in WORDS if word in schema)
    for name, inner in schema.get("properties", {}).items():
        yield from limits(inner, f"{path}.{name}".lstrip("."))
    for word, step in (("items", "[]"), ("additionalProperties", "{}")):
        if word in schema:
            yield from limits(schema[word], f"{path}.{step}")


def can_be_broken(limit: Limit) -> bool:
    """Whether there is a value beyond it: a set of few names never grows to its bound."""
    return limit.word != "maxItems" or "enum" not in limit.schema["items"]


LIMITS = [limit for limit in limits(structural_schema(Spec)) if can_be_broken(limit)]


def beyond(limit: Limit) -> Any:
    """The nearest value that breaks it."""
    bound = limit.schema[limit.word]
    match limit.word:
        case "minimum":
            return bound if limit.schema.get("exclusiveMinimum") else bound - 1
        case "maximum":
            return bound + 1
        case "maxLength":
            return "1" * (bound + 1)
        case "minLength":
            return ""
        case "maxItems" | "maxProperties":
            return filled(limit, bound + 1)
        case "minItems":
            return []
        case _:
            return "no!"


def at_edge(limit: Limit) -> Any:
    """The last value that keeps it."""
    bound = limit.schema[limit.word]
    match limit.word:
        case "minimum":
            return bound + 0.001 if limit.schema.get("exclusiveMinimum") else bound
        case "maximum":
            return bound
        case "maxLength" | "minLength":
            return "1" * bound
        case "maxItems" | "maxProperties" | "minItems":
            return filled(limit, bound)
        case "enum":
            return bound[-1]
        case _:
            raise AssertionError(f"{limit}: a pattern has no edge")


def filled(limit: Limit, count: int) -> Any:
    """A list or a map of so many different entries."""
    inner = limit.schema.get("items") or limit.schema["additionalProperties"]
    if limit.path in ENTRIES:
        return [ENTRIES[limit.path]] * count
    if limit.schema["type"] == "array":
        return [inner["enum"][number] if "enum" in inner else f"a{number}" for number in range(count)]
    value: Any = {} if inner["type"] == "object" else 1
    return {f"a{number}": value for number in range(count)}


def said(api: Api, namespace: str, spec: Object) -> str:
    """What the API server has against a spec; empty for one that it takes."""
    try:
        api.create(GENERATIONS, generation(spec=spec), namespace=namespace, dry_run=True)
    except ApiError as error:
        return error.message
    return ""


def test_the_schema_bounds_what_it_should() -> None:
    assert {limit.word for limit in LIMITS} == set(WORDS)
    assert len(LIMITS) >= 90


@pytest.mark.parametrize("limit", LIMITS, ids=str)
def test_a_value_beyond_a_bound_is_refused_with_its_path(api: Api, namespace: str, limit: Limit) -> None:
    message = said(api, namespace, limit.spec(beyond(limit)))
    assert f"{limit.reported}: " in message
    assert WORDS[limit.word] in message


@pytest.mark.parametrize("limit", [limit for limit in LIMITS if limit.word != "pattern"], ids=str)
def test_a_value_at_a_bound_is_not_what_is_refused(api: Api, namespace: str, limit: Limit) -> None:
    """Other rules may refuse the rest (a name of 253 digits is a name; a shard of 11 is none)."""
    message = said(api, namespace, limit.spec(at_edge(limit)))
    assert WORDS[limit.word] not in message


def test_random_seeds_are_kept_to_the_last_digit(api: Api, namespace: str) -> None:
    spec = spec_with({"randomSeed": 2**63 - 1})
    made = api.create(GENERATIONS, generation(spec=spec), namespace=namespace)
    assert made["spec"]["randomSeed"] == 2**63 - 1
    assert "spec.randomSeed" in said(api, namespace, spec_with({"randomSeed": 2**63}))


def test_sets_hold_nothing_twice(api: Api, namespace: str) -> None:
    for path in ("seeds.corpus.languages", "seeds.corpus.licenses.allow", "decontamination.benchmarks"):
        assert f"spec.{path}[1]: Duplicate value" in said(api, namespace, spec_with({path: ["a", "a"]}))
