"""Whatever a file holds, parsing ends in resources or in a SpecError whose words are ours."""

import json

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seedmill.spec.errors import SpecError
from seedmill.spec.model import Spec
from seedmill.spec.parse import parse
from seedmill.spec.structural import structural_schema

_PYDANTIC_SAYS = ("Input should", "Extra inputs", "Field required", "valid string", "[type=", "Value error")


def _field_names(schema: dict[str, object]) -> set[str]:
    names: set[str] = set()
    properties = schema.get("properties", {})
    assert isinstance(properties, dict)
    for name, inner in properties.items():
        names |= {name} | _field_names(inner)
    return names


REQUIRED = {"recipe", "seeds", "target"}
NAMES = st.sampled_from(sorted(_field_names(structural_schema(Spec))))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["Chat", "Pooled", "installed:", "s3://", "0/0", "9/8", "512Mi", "400", "-1", "python", "a b"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=8), inner, max_size=5),
    max_leaves=8,
)
SPECS = st.fixed_dictionaries(
    {
        "recipe": st.fixed_dictionaries({"ossInstruct": VALUES | st.just({})}) | VALUES,
        "seeds": st.fixed_dictionaries({"corpus": st.fixed_dictionaries({"uri": SCALARS})}) | VALUES,
        "target": st.fixed_dictionaries({"acceptedSamples": SCALARS}) | VALUES,
    },
    optional=dict.fromkeys(sorted(_field_names(structural_schema(Spec)) - REQUIRED), VALUES),
)


def _parse(data: bytes) -> None:
    error: SpecError | None = None
    try:
        parse(data, "any.yaml")
    except SpecError as raised:
        error = raised
    if error is None:
        return
    assert error.problems
    assert all(line.startswith("any.yaml:") for line in str(error).split("\n"))
    for problem in error.problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message
        assert not any(words in problem.message for words in _PYDANTIC_SAYS), problem


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    _parse(data)


@given(st.text(alphabet="ab:-?,[]{}&*!|>'\"%@#\n\t \\0<1.e~", max_size=80))
@settings(max_examples=400)
def test_text_that_looks_like_yaml(text: str) -> None:
    _parse(text.encode())


@given(SPECS)
@settings(max_examples=100)
def test_any_values_in_any_field(spec: dict[str, object]) -> None:
    resource = {
        "apiVersion": "seedmill.dev/v1alpha1",
        "kind": "DatasetGeneration",
        "metadata": {"name": "any"},
        "spec": spec,
    }
    _parse(yaml.safe_dump(resource, allow_unicode=True).encode("utf-8", "surrogatepass"))
    _parse(json.dumps(resource).encode())
