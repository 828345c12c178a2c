"""The CRD: the reviewed text, structural, bounded, and its rules in step with those of the parser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from seedmill.spec.crd import crd_yaml, custom_resource_definition
from seedmill.spec.digest import LIMITS
from seedmill.spec.model import Spec
from seedmill.spec.reference import reference_page
from seedmill.spec.structural import structural_schema

GOLDEN = Path(__file__).parent / "golden" / "crd.yaml"
REFERENCE = Path(__file__).parents[3] / "docs" / "reference.md"
CHART = Path(__file__).parents[3] / "charts" / "seedmill-crds" / "templates" / "datasetgenerations.yaml"


def root() -> dict[str, Any]:
    return custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def schemas(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from schemas(inner, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from schemas(schema[word], f"{path}.*")


ALL = list(schemas(root(), ""))


def test_the_crd_is_the_reviewed_one() -> None:
    """When it differs and should: `seedmill crd > tests/unit/spec/golden/crd.yaml`, and review the difference."""
    assert crd_yaml() == GOLDEN.read_text()


def test_the_reference_page_is_current() -> None:
    assert reference_page() == REFERENCE.read_text(), "python -m seedmill.spec.reference > docs/reference.md"


def test_the_chart_carries_the_same_crd_and_helm_keeps_it() -> None:
    """When it differs and should: `seedmill crd --keep > charts/seedmill-crds/templates/datasetgenerations.yaml`."""
    assert crd_yaml(keep=True) == CHART.read_text()
    in_chart = yaml.safe_load(CHART.read_text())
    assert in_chart["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert in_chart == custom_resource_definition()
    assert "{{" not in CHART.read_text(), "helm would read it as its own"


def test_everything_that_names_a_run_is_fixed_once_candidates_were_begun() -> None:
    """Whatever the digest covers has a rule; limits have none."""
    fields = {field.alias or name for name, field in Spec.model_fields.items()}
    begun = [
        rule for rule in root()["x-kubernetes-validations"] if "oldSelf.status.ledger.requested > 0" in rule["rule"]
    ]
    fixed = {rule["message"].split(" ")[0].split(".")[1] for rule in begun}
    assert fixed == fields - LIMITS


def test_every_value_has_a_type_and_nothing_is_left_to_choice() -> None:
    forbidden = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "not", "title", "const", "uniqueItems", "nullable"}
    for path, schema in ALL:
        assert schema.get("type") in ("object", "array", "string", "integer", "number", "boolean"), path
        assert not forbidden & schema.keys(), path
        assert "x-kubernetes-preserve-unknown-fields" not in schema, path
        assert not {"properties", "additionalProperties"} <= schema.keys(), path


def test_everything_is_bounded() -> None:
    for path, schema in ALL:
        if path in (".apiVersion", ".kind", ".metadata"):
            continue
        match schema["type"]:
            case "string":
                assert "maxLength" in schema or "enum" in schema or schema.get("format") == "date-time", path
            case "array":
                assert "maxItems" in schema, path
                assert schema["x-kubernetes-list-type"] in ("set", "map", "atomic"), path
            case "object" if "additionalProperties" in schema:
                assert "maxProperties" in schema, path
            case "integer" | "number":
                assert "minimum" in schema, path
                assert isinstance(schema.get("exclusiveMinimum", True), bool), path
            case _:
                pass


def test_every_field_is_documented() -> None:
    for path, schema in ALL:
        if path and not path.endswith("*") and path not in (".apiVersion", ".kind", ".metadata"):
            assert schema.get("description"), path


def test_defaults_are_those_of_the_parser() -> None:
    """An API server fills in what the schema says; the result must mean what a file without it means here."""
    given = {"recipe": {"ossInstruct": {}}, "seeds": {"corpus": {"uri": "x"}}, "target": {"acceptedSamples": 1}}
    given |= {"teacher": {"model": "m", "steps": {"problem": {}}}}
    filled = _fill(given, structural_schema(Spec))
    assert filled["execution"]["environment"] == "python-std"
    assert filled["seeds"]["corpus"]["languages"] == ["python"]
    assert Spec.model_validate(filled) == Spec.model_validate(given)


def _fill(value: Any, schema: dict[str, Any]) -> Any:
    """Defaulting as an API server does it."""
    if isinstance(value, dict):
        filled = dict(value)
        for name, inner in schema.get("properties", {}).items():
            if name not in filled and "default" in inner:
                filled[name] = inner["default"]
        of = schema.get("properties", {})
        return {name: _fill(each, of.get(name) or schema["additionalProperties"]) for name, each in filled.items()}
    return value


def test_rules_of_all_models_are_in_the_crd() -> None:
    carried = {rule["rule"] for _, schema in ALL for rule in schema.get("x-kubernetes-validations", [])}
    stated = {rule.cel for model in _models(Spec) for rule in model.rules}
    assert len(stated) >= 10
    assert stated <= carried


def _models(model: type[BaseModel]) -> Iterator[Any]:
    from seedmill.spec.structural import nested_model

    yield model
    for field in model.model_fields.values():
        if (nested := nested_model(field)) is not None:
            yield from _models(nested)


def test_kubectl_shows_how_a_run_is_doing() -> None:
    version = custom_resource_definition()["spec"]["versions"][0]
    columns = {column["name"]: column.get("priority", 0) for column in version["additionalPrinterColumns"]}
    narrow, wide = ([name for name, priority in columns.items() if priority == level] for level in (0, 1))
    assert narrow == ["State", "Accepted", "Target", "Yield", "Rate", "ETA", "Age"]
    assert wide == ["Tokens", "Rejected", "Failed", "Dataset"]
    paths = {path for path, _ in ALL}
    for column in version["additionalPrinterColumns"]:
        assert column["jsonPath"] in paths | {".metadata.creationTimestamp"}
    assert version["subresources"] == {"status": {}}


def test_unions_are_refused_where_the_models_are_written() -> None:
    class Bad(BaseModel):
        either: int | str

    with pytest.raises(ValueError, match=r"Bad\.either: a union has no structural form"):
        structural_schema(Bad)


def test_the_text_is_yaml_without_anchors() -> None:
    text = crd_yaml()
    assert yaml.safe_load(text) == custom_resource_definition()
    assert "&id" not in text
