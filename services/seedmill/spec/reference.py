"""docs/reference.md: every field of a DatasetGeneration, from the models' own documentation."""

from collections.abc import Iterator
from typing import Any, cast

from pydantic import BaseModel

from seedmill.spec.model import Spec
from seedmill.spec.shapes import PATTERNS
from seedmill.spec.structural import Schema, nested_model, structural_schema

_HEAD = """\
# Reference: DatasetGeneration

Made from `services/seedmill/spec` by `python -m seedmill.spec.reference > docs/reference.md`; a test says when it is
out of date. `seedmill lint FILE` checks a file against all of this, and `seedmill crd` prints the same as a CRD.

```yaml
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {name: my-dataset}    # at most 40 characters
spec: {…}
```

Fields without a default and without "required" may be left out. Money and hours are text (`"400"`), so that nothing
rounds them. `target`, `budget`, `maxInFlight`, `failurePolicy`, `output.retention`, `suspend`, `queueName`,
`ttlSecondsAfterFinished`, `priorityClassName` and `managedBy` can be changed on a run that has begun; a change of
anything else is another run.
"""

_HOLDERS = (("additionalProperties", ".NAME"), ("items", "[]"))
"""Where a schema has that of its values, and what stands for their place in a path."""


def reference_page() -> str:
    """The page as Markdown; the same text for the same models."""
    return "\n".join([_HEAD, *_section("spec", Spec, structural_schema(Spec))])


def _section(path: str, model: type[BaseModel], schema: Schema) -> Iterator[str]:
    properties = cast("dict[str, Schema]", schema["properties"])
    required = cast("list[str]", schema.get("required", []))
    yield f"## {path}\n\n{' '.join((model.__doc__ or '').split())}\n"
    yield "| field | what it takes | default | meaning |"
    yield "|---|---|---|---|"
    for name, inner in properties.items():
        default = "required" if name in required else _default(inner)
        yield f"| `{name}` | {_takes(inner)} | {default} | {_cell(str(inner['description']))} |"
    yield ""
    rules = cast("list[dict[str, str]]", schema.get("x-kubernetes-validations", []))
    for rule in rules:
        yield f"* {rule['message']}"
    if rules:
        yield ""
    for name, field in model.model_fields.items():
        nested = nested_model(field)
        if nested is not None:
            yaml_name = field.alias or name
            inner = properties[yaml_name]
            word, behind = next((each for each in _HOLDERS if each[0] in inner), ("", ""))
            yield from _section(f"{path}.{yaml_name}{behind}", nested, cast("Schema", inner[word] if word else inner))


def _takes(schema: Schema) -> str:
    """The type and its bounds, in words."""
    match schema["type"]:
        case "object" if "additionalProperties" in schema:
            return f"map to {_takes(cast('Schema', schema['additionalProperties']))}"
        case "object":
            return "mapping, below"
        case "array":
            return f"list of at most {schema['maxItems']}: {_takes(cast('Schema', schema['items']))}"
        case "string" if "enum" in schema:
            return " or ".join(f"`{choice}`" for choice in cast("list[str]", schema["enum"]))
        case "string" if "pattern" in schema:
            return _cell(PATTERNS[str(schema["pattern"])])
        case "string":
            return f"text, at most {schema['maxLength']:,} characters"
        case "boolean":
            return "`true` or `false`"
        case kind:
            return ("whole number" if kind == "integer" else "number") + _range(schema)


def _range(schema: Schema) -> str:
    low, high = cast("float", schema["minimum"]), cast("float | None", schema.get("maximum"))
    lowest = f"more than {low:,}" if schema.get("exclusiveMinimum") else f"{low:,}"
    if high is None or high >= 2**63 - 1:
        return f", {lowest} or more"
    return f", {lowest} to {high:,}"


def _default(schema: Schema) -> str:
    default: Any = schema.get("default")
    match default:
        case None | {}:
            return ""
        case bool():
            return f"`{str(default).lower()}`"
        case list():
            return ", ".join(f"`{each}`" for each in cast("list[str]", default))
        case _:
            return f"`{default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(reference_page(), end="")  # noqa: T201 (this is what it is for)
