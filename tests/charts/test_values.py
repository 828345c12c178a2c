"""values.yaml, its schema and the templates agree: nothing is used that is not there, nothing is there unused."""

import copy
import functools
import json
import re
from collections.abc import Iterator
from typing import Any, cast

import pytest

from support.charts import CASES, CHART, SERVICES, RenderError, component, default_values, rendered

Path = tuple[str, ...]

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
TEMPLATES = [path for path in CHART.rglob("templates/**/*") if path.is_file()]

_USE = re.compile(r"\.Values((?:\.[A-Za-z][A-Za-z0-9]*)+)")
_OF_SERVICE = re.compile(r"\$service((?:\.[A-Za-z][A-Za-z0-9]*)+)")
_KEY = re.compile(r"^( *)([A-Za-z][A-Za-z0-9]*):(.*)$")


def leaves(values: dict[str, Any], path: Path = ()) -> Iterator[Path]:
    """Paths of values that are not maps of further values of the chart: scalars, lists, and free maps."""
    for key, value in values.items():
        here = (*path, key)
        if value and "properties" in schema_of(here) and key != "resources":
            yield from leaves(value, here)
        else:
            yield here


def schema_of(path: Path) -> dict[str, Any]:
    """The part of the schema for one value. KeyError when the schema does not know it."""
    found = SCHEMA
    for key in path:
        found = resolved(found["properties"][key])
    return found


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return SCHEMA["$defs"][reference.removeprefix("#/$defs/")] if reference else schema


def at(values: Any, path: Path) -> Any:
    for key in path:
        values = values[key]
    return values


def nested(path: Path, value: Any) -> dict[str, Any]:
    """`("a", "b"), 1` as `{"a": {"b": 1}}`."""
    for key in reversed(path):
        value = {key: value}
    return value


def merged(*maps: dict[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for each in maps:
        for key, value in each.items():
            if isinstance(whole.get(key), dict) and isinstance(value, dict):
                value = merged(whole[key], cast(dict[str, Any], value))
            whole[key] = value
    return copy.deepcopy(whole)


LEAVES = list(leaves(default_values()))


def used_paths() -> Iterator[Path]:
    for template in TEMPLATES:
        text = template.read_text()
        for use in _USE.findall(text):
            yield tuple(use.strip(".").split("."))
        for use in _OF_SERVICE.findall(text):
            rest = tuple(use.strip(".").split("."))
            names = [name for name in SERVICES if rest[0] in default_values()[name]]
            assert names, f"{template.name}: no service has {use}"
            yield from ((name, *rest) for name in names)


def test_every_value_that_a_template_uses_is_there_and_in_the_schema() -> None:
    values = default_values()
    found = set(used_paths())
    assert len(found) > 100
    for path in found:
        at(values, path)
        schema_of(path)


def test_the_schema_knows_every_value_and_no_other() -> None:
    def known(schema: dict[str, Any], path: Path = ()) -> Iterator[Path]:
        for key, part in schema["properties"].items():
            part = resolved(part)
            if "properties" in part and key != "resources":
                yield from known(part, (*path, key))
            else:
                yield (*path, key)

    assert set(known(SCHEMA)) == set(LEAVES)


def test_no_object_of_the_schema_takes_unknown_fields() -> None:
    def objects(schema: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        if not isinstance(schema, dict):
            return
        parts = cast(dict[str, Any], schema)
        if "properties" in parts and where.rpartition("/")[2] not in {"if", "then"}:
            yield where, parts
        for key, part in parts.items():
            yield from objects(part, f"{where}/{key}")

    found = list(objects(SCHEMA))
    assert len(found) > 20
    assert [where for where, schema in found if schema.get("additionalProperties") is not False] == []


def test_every_value_is_described() -> None:
    """A `# --` comment stands before each leaf, as helm-docs wants it."""
    described: set[Path] = set()
    stack: list[tuple[int, str]] = []
    comment = False
    for line in (CHART / "values.yaml").read_text().splitlines():
        if line.lstrip().startswith("#"):
            comment = comment or line.lstrip().startswith("# -- ")
            continue
        if key := _KEY.match(line):
            indent = len(key[1])
            stack = [(depth, name) for depth, name in stack if depth < indent] + [(indent, key[2])]
            if comment:
                described.add(tuple(name for _, name in stack))
        comment = False
    assert set(LEAVES) - described == set()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"seding": {}}, "additional properties 'seding' not allowed"),
        ({"seeding": {"replcas": 2}}, "at '/seeding': additional properties 'replcas' not allowed"),
        ({"execution": {"runtimeClass": "gvisor"}}, "at '/execution': additional properties 'runtimeClass' not"),
        ({"engines": {"models": [{"name": "a", "model": "b", "gpu": 1}]}}, "'/engines/models/0': additional prop"),
        ({"engines": {"models": [{"model": "b"}]}}, "at '/engines/models/0': missing property 'name'"),
        ({"seeding": {"replicas": "2"}}, "at '/seeding/replicas': got string, want integer"),
        ({"image": {"tag": "latest"}}, "at '/image/tag'"),
        ({"operator": {"logLevel": "loud"}}, "at '/operator/logLevel': value must be one of"),
        ({"seeding": {"pdb": {"maxUnavailable": 0}}}, "at '/seeding/pdb/maxUnavailable'"),
    ],
)
def test_a_mistake_is_refused_by_its_path(values: dict[str, Any], said: str) -> None:
    with pytest.raises(RenderError) as refused:
        rendered(values=values)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"s3": {"enabled": True}, "store": {"endpoint": "http://s3:1"}}, "s3.enabled and store.endpoint"),
        ({"s3": {"enabled": True}}, "store.existingSecret is empty"),
        ({"store": {"uri": "s3://datasets"}}, "store.uri needs store.endpoint"),
        ({"operator": {"clusterWide": True, "watchNamespaces": ["a"]}}, "operator.clusterWide and"),
        ({"seeding": {"autoscaling": {"enabled": True, "kind": "KEDA"}}}, "list seeding.autoscaling.triggers"),
        ({"seeding": {"enabled": False}}, "operator.enabled needs seeding.enabled"),
        ({"aggregation": {"enabled": False}}, "operator.enabled needs seeding.enabled"),
        ({"execution": {"namespace": {"create": True}}}, "execution.namespace.create needs"),
        ({"engines": {"models": [{"name": "a", "model": "b"}] * 2}}, "engines.models: two are named a"),
        ({"engines": {"models": [{"name": "a", "model": "b", "replicas": 2}]}}, "ReadWriteOnce cache"),
        ({"engines": {"models": [{"name": "a", "model": "b"}]}, "inference": {"enabled": False}}, "inference.enabled"),
    ],
)
def test_values_that_contradict_one_another_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(RenderError) as refused:
        rendered(values=values)
    assert said in str(refused.value)


SCALED = {name: {"autoscaling": {"enabled": True}, "pdb": {"enabled": True}} for name in SERVICES}
BY_KEDA = {name: {"autoscaling": {"enabled": True, "kind": "KEDA", "triggers": [{"type": "cpu"}]}} for name in SERVICES}
BASES: list[tuple[str, dict[str, Any]]] = [
    ("full", {}),
    ("default", {}),
    ("trying-out", {}),
    ("services-only", {}),
    ("trying-out", {"s3": {"persistence": {"enabled": False}}}),
    ("default", SCALED),
    ("default", BY_KEDA),
]
"""Values beside which a value may have an effect."""

OTHER: dict[Path, Any] = {
    ("engines", "cache", "accessMode"): "ReadWriteOncePod",
    ("engines", "models"): [{"name": "other", "model": "m"}],
    ("extraObjects",): [{"apiVersion": "v1", "kind": "Other", "metadata": {"name": "other"}}],
    ("global", "imagePullSecrets"): [{"name": "other"}],
    ("image", "pullPolicy"): "Never",
    ("inference", "endpoints"): ["http://other:1"],
    ("monitoring", "podMonitor", "interval"): "7s",
    ("operator", "runs", "cpu"): "7",
    ("operator", "watchNamespaces"): ["other"],
    ("tls", "certManager", "issuerRef"): {"name": "other"},
    ("tls", "existingSecrets"): {"seeding": "other"},
    ("store", "endpoint"): "http://other:1",
    ("store", "uri"): "s3://other",
}
OTHER_BY_NAME: dict[str, Any] = {
    "digest": "sha256:" + "9" * 64,
    "extraEnv": [{"name": "OTHER", "value": "other"}],
    "kind": "KEDA",
    "logLevel": "error",
    "resources": {"limits": {"memory": "77Gi"}},
}


def other(path: Path) -> Any:
    """A value that the schema takes and that is not the default."""
    if path in OTHER:
        return OTHER[path]
    if path[-1] in OTHER_BY_NAME:
        return OTHER_BY_NAME[path[-1]]
    match at(default_values(), path):
        case bool(value):
            return not value
        case int(value):
            return value + 1
        case str(value) if value.endswith(("Gi", "Mi")):
            return "7" + value
        case str():
            return "other"
        case list() if path[:2] == ("networkPolicy", "egress"):
            return [{"ports": [{"port": 7, "protocol": "TCP"}]}]
        case list():
            return [{"other": "other"}]
        case _:
            return {"other": "other"}


@functools.cache
def outcome(base: int, change: str = "{}") -> dict[str, list[Any]] | str:
    """What is rendered beside a base, by component; or the templates' refusal."""
    name, values = BASES[base]
    # The chart's own keys are new each time, so that everything would seem to have an effect.
    kept: dict[str, Any] = {"tls": {"certManager": {"issuerRef": {"name": "ca"}}}}
    try:
        objects = rendered(CASES[name], merged(kept, values, json.loads(change)))
    except RenderError as refused:
        if "specifications of the schema" in str(refused):
            raise
        return str(refused)
    found: dict[str, list[Any]] = {}
    for each in objects:
        found.setdefault(component(each), []).append(each)
    return found


def has_effect(base: int, paths: list[Path]) -> list[Path]:
    """Those of the values whose change, all at once, changes the objects of their component."""
    change: dict[str, Any] = {}
    for path in paths:
        change = merged(change, nested(path, other(path)))
    before, after = outcome(base), outcome(base, json.dumps(change))
    if isinstance(before, str) or isinstance(after, str):
        return paths if before != after else []
    if len(paths) == 1:
        return paths if before != after else []
    return [path for path in paths if before.get(path[0]) != after.get(path[0])]


def groups() -> list[list[Path]]:
    """The same value of all four services together, each other value alone."""
    found: dict[Path, list[Path]] = {}
    for path in LEAVES:
        # A service that is switched off takes others with it, or is refused.
        shared = path[1:] != ("enabled",) and {(name, *path[1:]) for name in SERVICES} <= set(LEAVES)
        found.setdefault(("services", *path[1:]) if shared else path, []).append(path)
    return list(found.values())


@pytest.mark.parametrize("paths", groups(), ids=lambda paths: ".".join(paths[0]))
def test_every_value_changes_what_is_rendered(paths: list[Path]) -> None:
    left = paths
    for base in range(len(BASES)):
        effective = has_effect(base, left)
        left = [path for path in left if path not in effective]
        if not left:
            return
    assert left == []
