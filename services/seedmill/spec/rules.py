"""The base of all spec models, and rules over several fields, each stated once: for Python and for the API server.

A rule stands beside the fields it speaks of. `holds` is checked when a file is parsed, `cel` by the API server (the CRD
carries it as an x-kubernetes-validation); both say `message`. Rules are checked once all fields are right.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


@dataclass(frozen=True, slots=True)
class Rule:
    """What several fields must satisfy together; `message` in the user's words, naming fields as in YAML."""

    message: str
    cel: str
    holds: Callable[[Any], bool]


def _add_rules(schema: dict[str, Any], model: type[Any]) -> None:
    if rules := model.rules:
        schema["x-kubernetes-validations"] = [{"rule": rule.cel, "message": rule.message} for rule in rules]


class SpecModel(BaseModel):
    """Frozen, camelCase in YAML, unknown fields forbidden."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra=_add_rules,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _follow_rules(self) -> "SpecModel":
        broken = [rule.message for rule in self.rules if not rule.holds(self)]
        if broken:
            raise ValueError("; ".join(broken))
        return self


def yaml_names(model: type[BaseModel]) -> list[str]:
    """The model's fields as they are written in YAML, in their order."""
    return [field.alias or name for name, field in model.model_fields.items()]
