"""The kinds of text and lists that spec fields hold: bounded, because the API server prices its rules by the bounds."""

import re
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

PATTERNS: dict[str, str] = {
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "lower-case letters, digits and '-', a letter or digit first and last",
    r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": "lower-case letters, digits, '-' and '.', as Kubernetes names are",
    r"^[1-9][0-9]{0,4}/[1-9][0-9]{0,4}$": "'which/of how many', as in 2/8",
    r"^[1-9][0-9]{0,9}(Ki|Mi|Gi)$": "a whole number with Ki, Mi or Gi, as in 512Mi",
    r"^[0-9]+(\.[0-9]+)?$": 'a number in quotes, as in "400" or "0.15"',
}
"""Every pattern in the spec, and what it asks for in words."""

LABEL, OBJECT_NAME, SHARD, SIZE, DECIMAL = PATTERNS

_DECIMAL_CHARACTERS = 20

T = TypeVar("T")


def _decimal_from_text(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and len(value) > _DECIMAL_CHARACTERS:
        raise ValueError(f"must have at most {_DECIMAL_CHARACTERS} characters")
    if isinstance(value, str) and re.fullmatch(DECIMAL, value):
        return Decimal(value)
    raise ValueError(f"must be {PATTERNS[DECIMAL]}")


def _no_value_twice(values: list[T]) -> list[T]:
    """The fault is that of the later one, as an API server has it."""
    words = PydanticCustomError("named_twice", "is named more than once")
    twice = [index for index, value in enumerate(values) if value in values[:index]]
    if twice:
        faults = [InitErrorDetails(type=words, loc=(index,), input=values[index]) for index in twice]
        raise ValidationError.from_exception_data("list", faults)
    return values


def _no_name_twice(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError(NO_NAME_TWICE)
    return names


DecimalText = Annotated[
    Decimal,
    BeforeValidator(_decimal_from_text),
    WithJsonSchema({"type": "string", "pattern": DECIMAL, "maxLength": _DECIMAL_CHARACTERS}),
]
"""Money and hours: text in YAML, so that no float rounds it. Never negative."""

Label = Annotated[str, Field(min_length=1, max_length=63, pattern=LABEL)]
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)]
ShortText = Annotated[str, Field(min_length=1, max_length=100)]
LongText = Annotated[str, Field(min_length=1, max_length=256)]
Uri = Annotated[str, Field(min_length=1, max_length=2048)]

NoDuplicates = AfterValidator(_no_value_twice)
AS_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}

NO_NAME_TWICE = "a name may be given only once"
NoNameTwice = AfterValidator(_no_name_twice)
IN_ORDER: dict[str, Any] = {
    "x-kubernetes-list-type": "atomic",
    "x-kubernetes-validations": [
        {"rule": "self.all(name, self.exists_one(other, other == name))", "message": NO_NAME_TWICE}
    ],
}
"""Where the order counts, which a set does not keep when two parties apply it."""
