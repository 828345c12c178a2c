"""A pydantic model's JSON schema as a structural schema, the form that an API server takes.

Structural means: every value has a type, references are written out, and nothing is left to a choice of schemas. So
`X | None` becomes an optional X (an absent field, never null), defaults that are made by functions are written out, and
words of later JSON schema drafts become those of OpenAPI 3.0.
"""

import json
from typing import Any, cast, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

Schema = dict[str, Any]

_MAX_INT64 = 2**63 - 1

_ORDER = (
    "type",
    "format",
    "description",
    "enum",
    "default",
    "pattern",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
    "required",
    "properties",
    "additionalProperties",
    "items",
)
"""The words that may stand in a structural schema here, in the order in which they are written."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """The model's schema. Raises ValueError for what has no structural form; that is a mistake in the model."""
    schema = model.model_json_schema(by_alias=True)
    definitions = cast("dict[str, Schema]", schema.pop("$defs", {}))
    return _in_order(_with_defaults(_structural(schema, definitions, model.__name__), model))


def _structural(schema: Schema, definitions: dict[str, Schema], where: str) -> Schema:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        around = {key: value for key, value in schema.items() if key != "$ref"}
        return _structural({**definitions[name], **around}, definitions, where)
    if "anyOf" in schema:
        choices = [each for each in cast("list[Schema]", schema["anyOf"]) if each != {"type": "null"}]
        if len(choices) != 1:
            raise ValueError(f"{where}: a union has no structural form; use two fields")
        around = {key: value for key, value in schema.items() if key != "anyOf"}
        return _structural({**choices[0], **around}, definitions, where)
    if "type" not in schema:
        raise ValueError(f"{where}: has no type")
    new: Schema = {key: value for key, value in schema.items() if key in _ORDER}
    if new.get("additionalProperties") is False:
        del new["additionalProperties"]  # unknown fields are an API server's own business (strict validation)
    if new.get("default", 0) is None:
        del new["default"]
    if "description" in new:
        new["description"] = " ".join(str(new["description"]).split())
    if "const" in schema:
        new["enum"] = [schema["const"]]
    for word, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in schema:
            new |= {word: schema[exclusive], exclusive: True}
    match schema["type"]:
        case "integer":
            new["format"] = "int64"
            _bound_as_floats(new, where)
        case "array":
            new["items"] = _structural(cast("Schema", schema["items"]), definitions, f"{where}[]")
            new.setdefault("x-kubernetes-list-type", "atomic")
        case "object" if "properties" in schema:
            new["properties"] = {
                name: _structural(inner, definitions, f"{where}.{name}")
                for name, inner in cast("dict[str, Schema]", schema["properties"]).items()
            }
        case "object":
            new["additionalProperties"] = _structural(
                cast("Schema", schema["additionalProperties"]), definitions, f"{where}.*"
            )
        case _:
            pass
    return new


def _bound_as_floats(schema: Schema, where: str) -> None:
    """Leave the largest int64 to the format. API servers keep bounds as floats: that one becomes 2**63, which they
    refuse as a bound of its own type, and other large ones would mean something else than what is written."""
    if schema.get("maximum") == _MAX_INT64:
        del schema["maximum"]
    for word in ("minimum", "maximum"):
        if word in schema and int(float(schema[word])) != schema[word]:
            raise ValueError(f"{where}: {word} {schema[word]} is no float; API servers would round it")


def _in_order(schema: Schema) -> Schema:
    """The same schema, its words and those of its parts in the order to read them in."""
    for word in ("items", "additionalProperties"):
        if word in schema:
            schema[word] = _in_order(schema[word])
    if "properties" in schema:
        properties = cast("dict[str, Schema]", schema["properties"])
        schema["properties"] = {name: _in_order(inner) for name, inner in properties.items()}
    return {word: schema[word] for word in _ORDER if word in schema}


def _with_defaults(schema: Schema, model: type[BaseModel]) -> Schema:
    """Add what `default_factory`s make, which JSON schema leaves out; nested defaults stand in the nested schema."""
    for name, field in model.model_fields.items():
        inner = cast("Schema", schema["properties"][field.alias or name])
        nested = nested_model(field)
        if nested is not None:
            holder = inner.get("additionalProperties") or inner.get("items") or inner
            _with_defaults(cast("Schema", holder), nested)
        if field.is_required() or "default" in inner:
            continue
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            if _has_defaults(inner):
                inner["default"] = {}
        elif default:
            inner["default"] = json.loads(json.dumps(to_jsonable_python(default)))
    return schema


def _has_defaults(schema: Schema) -> bool:
    return any("default" in inner for inner in cast("dict[str, Schema]", schema["properties"]).values())


def nested_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model in a field's annotation, be it optional, in a list or the values of a map."""
    pending: list[Any] = [field.annotation]
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        pending += get_args(annotation)
    return None
