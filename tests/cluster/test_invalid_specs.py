"""What is wrong with a spec is the same to `seedmill lint` and to the API server: the same field, the same rule.

`invalid_specs.yaml` is the table. Of a rule of ours both use the same words. What the schema says each puts in words of
its own: `KINDS` has, for each kind, how the API server says it and how we do, with the bound in both.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.api import GENERATIONS, Api, ApiError, Object
from cluster.control_plane import ControlPlane
from cluster.generations import GOOD_SPEC, generation, spec_with
from cluster.kubectl import kubectl_in
from seedmill.spec.crd import custom_resource_definition
from seedmill.spec.errors import Problem, SpecError
from seedmill.spec.model import API_VERSION, KIND
from seedmill.spec.parse import parse
from seedmill.spec.shapes import DECIMAL, LABEL, OBJECT_NAME, PATTERNS, SHARD, SIZE

TABLE = Path(__file__).with_name("invalid_specs.yaml")


def of_pattern(pattern: str) -> tuple[str, str]:
    return f"should match '{pattern}'", f"must be {PATTERNS[pattern]}"


KINDS: dict[str, tuple[str, str]] = {
    # What the API server says, and what we say; {} is the bound.
    "required": ("Required value", "required field is missing"),
    "unknown field": ("unknown field", "unknown field|is not available yet"),
    "whole number": ("must be of type int(eger|64)", "must be a whole number"),
    "whole number of 64 bits": ("must be of type int64", "must be at most 9,223,372,036,854,775,807"),
    "mapping": ("must be of type object", "must be a mapping of fields"),
    "list": ("must be of type array", "must be a list"),
    "text": ("must be of type string", "must be text"),
    "number in quotes": ("must be of type string", "must be a number in quotes"),
    "number": ("must be of type number", "must be a number, not"),
    "truth": ("must be of type boolean", "must be true or false"),
    "at least": ("should be greater than or equal to {}$", "must be at least {},"),
    "at most": ("should be less than or equal to {}$", "must be at most {},"),
    "more than": ("should be greater than {}$", "must be more than {},"),
    "characters at least": ("should be at least {} chars long", "must have at least {} character"),
    "characters at most": ("Too long: may not be more than {} bytes", "must have at most {} characters"),
    "entries at least": ("should have at least {} items", "must have at least {} entry"),
    "entries at most": ("must have at most {} items", "must have at most {} entries"),
    "one of": ("Unsupported value", "must be one of"),
    "named twice": ("Duplicate value", "is named more than once"),
    "object name": of_pattern(OBJECT_NAME),
    "label": of_pattern(LABEL),
    "shard": of_pattern(SHARD),
    "size": of_pattern(SIZE),
    "decimal": of_pattern(DECIMAL),
}
PATTERN_KINDS = {"object name", "label", "shard", "size", "decimal"}

UNCHECKED = "some validation rules were not checked because the object was invalid"
ALSO_OF_THE_TYPE = "Checked value must be of type"
OF_EVERY_NAME = "a lowercase RFC 1123 subdomain must consist of"
"""What the API server adds to another fault, and what it has against the names of all kinds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    manifest: Object
    field: str
    breaks: str
    bound: int | None

    def words(self, side: int) -> str:
        """A regular expression of what the API server (0) or lint (1) must say."""
        kind = KINDS.get(self.breaks)
        if kind is None or self.breaks in PATTERN_KINDS:
            return re.escape(self.breaks if kind is None else kind[side])
        return kind[side].format("" if self.bound is None else f"{self.bound:,}" if side else self.bound)


def row(line: Object) -> Row:
    manifest = generation(spec=spec_with(line.get("spec", {})))
    manifest["metadata"] |= line.get("metadata", {})
    return Row(manifest, line["field"], line["breaks"], line.get("bound"))


LINES: list[Object] = yaml.safe_load(TABLE.read_text())
ROWS = [row(line) for line in LINES]
IDS = [f"{each.field}-{each.breaks}" for each in ROWS]


def refusals(error: ApiError) -> list[tuple[str, str]]:
    """Field and message of each thing that the API server has against an object, but for what only follows."""
    unknown = re.findall(r'(unknown field) "([^"]+)"', error.message)
    if unknown:
        return [(field, words) for words, field in unknown]
    said = error.message.partition(" is invalid: ")[2]
    said = said[1:-1] if said.startswith("[") else said
    each = [part.partition(": ") for part in re.split(r", (?=(?:spec|metadata|<nil>)[\w.\[\]]*: )", said)]
    follows = (UNCHECKED, ALSO_OF_THE_TYPE, OF_EVERY_NAME)
    return [(field, words) for field, _, words in each if not any(mark in words for mark in follows)]


def problems(manifest: Object) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as error:
        parse(json.dumps(manifest).encode(), "run.yaml")
    return error.value.problems


def rules_of_the_schema(schema: Object) -> set[str]:
    inner: list[Object] = [*schema.get("properties", {}).values()]
    inner += [schema[word] for word in ("items", "additionalProperties") if word in schema]
    own = {rule["message"] for rule in schema.get("x-kubernetes-validations", []) if "oldSelf" not in rule["rule"]}
    return own.union(*map(rules_of_the_schema, inner))


def test_the_table_has_every_rule_and_every_kind() -> None:
    (version,) = custom_resource_definition()["spec"]["versions"]
    broken = {each.breaks for each in ROWS}
    rules = rules_of_the_schema(version["schema"]["openAPIV3Schema"])
    assert [rule for rule in rules if not any(each in rule for each in broken)] == []
    assert set(KINDS) - broken == set()
    assert len(ROWS) >= 60


@pytest.mark.parametrize("line", ROWS, ids=IDS)
def test_both_name_the_same_field_and_the_same_rule(api: Api, namespace: str, line: Row) -> None:
    with pytest.raises(ApiError) as error:
        api.create(GENERATIONS, line.manifest, namespace=namespace, dry_run=True)
    said = refusals(error.value)
    ours = [(each.path, each.message) for each in problems(line.manifest)]
    assert [field for field, _ in said] == [field for field, _ in ours] == [line.field]
    assert re.search(line.words(0), said[0][1]), said
    assert re.search(line.words(1), ours[0][1]), ours


def test_the_command_says_what_the_table_says(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.yaml" for number in range(len(ROWS))]
    for file, line in zip(files, ROWS, strict=True):
        file.write_text(yaml.safe_dump(line.manifest))
    command = [sys.executable, "-m", "seedmill.cli", "lint", "--json", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    told: list[dict[str, Any]] = json.loads(done.stdout)
    assert [(each["file"], each["path"]) for each in told] == [
        (str(file), line.field) for file, line in zip(files, ROWS, strict=True)
    ]
    for each, line in zip(told, ROWS, strict=True):
        assert re.search(line.words(1), each["message"]), each


def test_all_that_is_wrong_comes_at_once_from_both(api: Api, namespace: str) -> None:
    wrong = generation(spec=spec_with({"target.acceptedSamples": 0, "teacher.api": "chat", "reuse": ["A"]}))
    with pytest.raises(ApiError) as error:
        api.create(GENERATIONS, wrong, namespace=namespace, dry_run=True)
    fields = {"spec.target.acceptedSamples", "spec.teacher.api", "spec.reuse[0]"}
    assert {field for field, _ in refusals(error.value)} == fields
    assert {each.path for each in problems(wrong)} == fields


def test_both_count_characters_and_not_bytes(api: Api, namespace: str) -> None:
    """Although the API server speaks of bytes."""
    manifest = generation(spec=spec_with({"teacher.model": "é" * 256}))
    assert api.create(GENERATIONS, manifest, namespace=namespace, dry_run=True)
    assert parse(json.dumps(manifest).encode(), "run.yaml")


WRITTEN = [
    # Text as people write it, and whether it is taken: kubectl reads YAML by rules of its own.
    ("maxInFlight: 10.0", True),
    ("maxInFlight: 1e2", True),
    ("maxInFlight: 0o17", True),
    ("maxInFlight: 1.5", False),
    ("randomSeed: 1_000", True),
    ("suspend: yes", True),
    ("suspend: y", True),
    ("suspend: Off", True),
    ("queueName: y", False),
    ("queueName: 2026-01-01", True),
    ("queueName: 12:30", False),
    ("priorityClassName: 1e3", False),
    ("execution: {timeoutSeconds: .5}", True),
    ("execution: {timeoutSeconds: .inf}", False),
    ("budget: {maxGpuHours: 1.5}", False),
]


@pytest.mark.parametrize(("text", "good"), WRITTEN, ids=[text for text, _ in WRITTEN])
def test_yaml_is_read_as_kubectl_reads_it(control_plane: ControlPlane, namespace: str, text: str, good: bool) -> None:
    """By `lint` too, which would else call good what kubectl makes something else of."""
    metadata = f"apiVersion: {API_VERSION}\nkind: {KIND}\nmetadata: {{name: a-run}}\n"
    file = f"{metadata}{yaml.safe_dump({'spec': GOOD_SPEC})}  {text}\n"
    kubectl = kubectl_in(control_plane, namespace)
    done = kubectl.tried("create", "--dry-run=server", "--validate=strict", "--filename=-", stdin=file)
    assert (done.returncode == 0) == good, done.stderr
    assert is_good(file) == good


def is_good(file: str) -> bool:
    try:
        return bool(parse(file.encode(), "run.yaml"))
    except SpecError:
        return False
