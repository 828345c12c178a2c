"""pydantic's errors in our own words: what is wrong, what is allowed, and the nearest thing that is known."""

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from seedmill.spec.model import DatasetGeneration
from seedmill.spec.rules import yaml_names
from seedmill.spec.shapes import PATTERNS
from seedmill.spec.yaml_document import Path, shown

ANNOUNCED = {
    ("spec", "recipe", "selfInstruct"),
    ("spec", "recipe", "evolInstruct"),
    ("spec", "seeds", "tasks"),
}
"""Fields that the design has and this version does not."""

_Words = Callable[[Mapping[str, Any], str], str]

_WORDS: dict[str, _Words] = {
    "missing": lambda ctx, got: "required field is missing",
    "string_type": lambda ctx, got: f"must be text, not {got}" + _quoted(got),
    "int_type": lambda ctx, got: f"must be a whole number, not {got}",
    "int_from_float": lambda ctx, got: f"must be a whole number, not {got}",
    "int_parsing_size": lambda ctx, got: f"must be a whole number of usual size, not {got}",
    "float_type": lambda ctx, got: f"must be a number, not {got}",
    "finite_number": lambda ctx, got: f"must be a finite number, not {got}",
    "bool_type": lambda ctx, got: f"must be true or false, not {got}",
    "list_type": lambda ctx, got: f"must be a list, as in [a, b], not {got}",
    "dict_type": lambda ctx, got: f"must be a mapping of fields, not {got}",
    "model_type": lambda ctx, got: f"must be a mapping of fields, not {got}",
    "model_attributes_type": lambda ctx, got: f"must be a mapping of fields, not {got}",
    "greater_than": lambda ctx, got: f"must be more than {_number(ctx['gt'])}, not {got}",
    "greater_than_equal": lambda ctx, got: f"must be at least {_number(ctx['ge'])}, not {got}",
    "less_than": lambda ctx, got: f"must be less than {_number(ctx['lt'])}, not {got}",
    "less_than_equal": lambda ctx, got: f"must be at most {_number(ctx['le'])}, not {got}",
    "string_too_short": lambda ctx, got: f"must have at least {_count(ctx['min_length'], 'character')}",
    "string_too_long": lambda ctx, got: f"must have at most {_count(ctx['max_length'], 'character')}, not {got}",
    "too_short": lambda ctx, got: f"must have at least {_count(ctx['min_length'], 'entry')}",
    "too_long": lambda ctx, got: f"must have at most {_count(ctx['max_length'], 'entry')}",
    "string_pattern_mismatch": lambda ctx, got: f"must be {PATTERNS[ctx['pattern']]}, not {got}",
    "string_unicode": lambda ctx, got: "holds characters that are not valid Unicode",
    "named_twice": lambda ctx, got: f"{got} is named more than once",
    "value_error": lambda ctx, got: str(ctx["error"]),
}


def words(error: ErrorDetails, got: str) -> str:
    """One error's message; `got` describes what stands in the file."""
    path = tuple(error["loc"])
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return unknown_field(path)
        case "enum" | "literal_error":
            return f"must be {_alternatives(context['expected'])}, not {got}" + near(got, _choices(context["expected"]))
        case kind if kind in _WORDS:
            return _WORDS[kind](context, got)
        case _:
            return error["msg"]


def unknown_field(path: Path) -> str:
    """What to say about a field that is not known."""
    if path in ANNOUNCED:
        return f"{path[-1]} is not available yet" + _instead(path[:-1])
    known = yaml_names(model) if (model := model_at(path[:-1])) else []
    return "unknown field" + allowed(str(path[-1]), known)


def near(given: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing when no known name is near."""
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(given.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[found[0]]}?" if found else ""


def allowed(given: str, known: Collection[str]) -> str:
    """`; did you mean X? allowed: …`, or `; allowed: …`."""
    hint = near(given, known) or ";"
    return f"{hint} allowed: {', '.join(known) or 'none'}"


def describe(value: Any, text: str | None) -> str:
    """What stands in the file: `text` is a scalar as written there."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case bool() | int() | float():
            return shown(text or str(value).lower())
        case _:
            return f'"{shown(str(value))}"'


def model_at(path: Path) -> type[BaseModel] | None:
    """The model of the mapping at a path, or None where there is no model (a list, a scalar, an unknown field)."""
    model: type[BaseModel] | None = DatasetGeneration
    inside: type[BaseModel] | None = None
    for part in path:
        if inside is not None:
            model, inside = inside, None
            continue
        if model is None:
            return None
        field = next((f for name, f in model.model_fields.items() if (f.alias or name) == part), None)
        if field is None:
            return None
        model, inside = _model_in(field.annotation)
    return model if inside is None else None


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, type[BaseModel] | None]:
    """The model that a field holds, and the model of the values when the field holds a map or a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation, None)
    for each in get_args(annotation):
        held, inside = _model_in(each)
        if held is not None or inside is not None:
            return (None, held or inside) if get_origin(annotation) in (dict, list) else (held, inside)
    return (None, None)


def _instead(parent: Path) -> str:
    model = model_at(parent)
    return f"; this version has {', '.join(yaml_names(model))}" if model else ""


def _quoted(got: str) -> str:
    return "" if got in ("nothing", "a mapping", "a list") else f'; put it in quotes: "{got}"'


def _choices(expected: str) -> list[str]:
    return [part.strip("' ") for part in expected.replace(" or ", ",").split(",")]


def _alternatives(expected: str) -> str:
    choices = _choices(expected)
    return choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:,}"


def _count(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"
