"""The CRD in a real API server: it is taken, and what kubectl shows and refuses by it."""

import json
from typing import Any, cast

import pytest
import yaml

from cluster.api import CRDS, GENERATIONS, Api, ApiError, Object
from cluster.control_plane import condition_of
from cluster.generations import generation, spec_with
from seedmill.spec.crd import crd_yaml, custom_resource_definition
from seedmill.spec.model import DatasetGeneration
from support.requirements import ROOT

NAME = custom_resource_definition()["metadata"]["name"]
EXAMPLES = sorted(
    (
        (f"{path.stem}-{number}", document)
        for path in (ROOT / "examples").rglob("*.yaml")
        for number, document in enumerate(yaml.safe_load_all(path.read_text()))
        if document and document.get("kind") == "DatasetGeneration"
    ),
    key=lambda each: each[0],
)


def refusal(api: Api, namespace: str, manifest: Object) -> ApiError:
    """What the API server says to this manifest, which it must not take."""
    with pytest.raises(ApiError) as error:
        api.create(GENERATIONS, manifest, namespace=namespace, dry_run=True)
    return error.value


def test_the_crd_is_structural_and_served(api: Api) -> None:
    crd = api.get(CRDS, "", NAME)
    assert condition_of(crd, "Established") == "True"
    assert condition_of(crd, "NamesAccepted") == "True"
    assert condition_of(crd, "NonStructuralSchema") is None


def test_what_seedmill_crd_prints_is_what_is_served(api: Api) -> None:
    """The YAML, applied over what the fixture made from the same models, changes nothing and loses nothing."""
    before = api.get(CRDS, "", NAME)
    after = api.apply(CRDS, yaml.safe_load(crd_yaml()))
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    printed = yaml.safe_load(crd_yaml())["spec"]
    kept = {word: after["spec"][word] for word in printed if word != "names"}
    assert kept == {word: value for word, value in printed.items() if word != "names"}
    assert printed["names"].items() <= after["spec"]["names"].items()


def test_it_is_found_by_its_short_name_and_its_category(api: Api) -> None:
    resources = api.call("GET", "/apis/seedmill.dev/v1alpha1")["resources"]
    (own,) = [each for each in resources if each["name"] == "datasetgenerations"]
    assert own["shortNames"] == ["dsg"]
    assert own["categories"] == ["seedmill"]
    assert own["namespaced"] is True
    assert [each["name"] for each in resources if "/" in each["name"]] == ["datasetgenerations/status"]


def test_kubectl_explain_finds_what_fields_are_for(api: Api) -> None:
    document = api.call("GET", "/openapi/v3/apis/seedmill.dev/v1alpha1")
    (schema,) = [
        each for name, each in document["components"]["schemas"].items() if name.endswith(".DatasetGeneration")
    ]
    recipe = schema["properties"]["spec"]["properties"]["recipe"]
    assert recipe["description"].startswith("The method.")
    assert "SelfCodeAlign" in recipe["properties"]["selfOssInstruct"]["description"]


@pytest.mark.parametrize(("name", "manifest"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_examples_apply_under_strict_validation(api: Api, namespace: str, name: str, manifest: Object) -> None:
    applied = api.apply(GENERATIONS, manifest, namespace=namespace)
    assert applied["metadata"]["uid"]
    again = api.apply(GENERATIONS, manifest, namespace=namespace)
    assert again["metadata"]["resourceVersion"] == applied["metadata"]["resourceVersion"], "a GitOps tool sees a drift"


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("targte", "spec.targte"),
        ("seeds.corpus.url", "spec.seeds.corpus.url"),
        ("recipe.ossInstruct.lines", "spec.recipe.ossInstruct.lines"),
        ("teacher.sampling.topK", "spec.teacher.sampling.topK"),
    ],
)
def test_unknown_fields_are_refused_by_name(api: Api, namespace: str, path: str, field: str) -> None:
    error = refusal(api, namespace, generation(spec=spec_with({path: 1})))
    assert error.status == 400
    assert f'unknown field "{field}"' in error.message


def test_defaults_are_those_of_a_file(api: Api, namespace: str) -> None:
    """What the API server fills in means what the same file means to `seedmill run`, and leaves out no default."""
    manifest = generation(spec=spec_with({"teacher.steps": {"problem": {}}}))
    served = api.create(GENERATIONS, manifest, namespace=namespace)["spec"]
    here = parsed(manifest)
    assert parsed(generation(spec=served)) == here
    ours = here.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert without_empty(served) == without_empty(ours)
    assert served["seeds"]["corpus"]["licenses"]["allow"][:2] == ["MIT", "MIT-0"]


@pytest.mark.parametrize("recipe", ["ossInstruct", "selfOssInstruct", "commentFunction"])
def test_each_recipe_gets_its_defaults(api: Api, namespace: str, recipe: str) -> None:
    manifest = generation(spec=spec_with({"recipe": {recipe: {}}}))
    served = api.create(GENERATIONS, manifest, namespace=namespace, dry_run=True)["spec"]
    ours = parsed(manifest).spec.recipe.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert served["recipe"] == ours
    assert ours[recipe]


def without_empty(value: Any) -> Any:
    """The value without maps and lists in which nothing stands: those mean the same as their absence."""
    if isinstance(value, dict):
        kept = {name: without_empty(inner) for name, inner in cast("Object", value).items()}
        return {name: inner for name, inner in kept.items() if inner not in ({}, [])}
    return value


def parsed(manifest: Object) -> DatasetGeneration:
    return DatasetGeneration.model_validate_json(json.dumps(manifest))


def test_status_is_written_apart_from_spec(api: Api, namespace: str) -> None:
    created = api.create(GENERATIONS, generation() | {"status": {"state": "Forged"}}, namespace=namespace)
    assert "status" not in created
    both = {"status": {"state": "Generating"}, "spec": {"target": {"acceptedSamples": 99}}}
    written = api.merge(GENERATIONS, namespace, "a-run", both, subresource="status")
    assert written["status"]["state"] == "Generating"
    assert written["spec"] == created["spec"]
    assert written["metadata"]["generation"] == created["metadata"]["generation"] == 1
    spec_alone = api.merge(GENERATIONS, namespace, "a-run", both | {"status": {"state": "Forged"}})
    assert spec_alone["status"]["state"] == "Generating"
    assert spec_alone["metadata"]["generation"] == 2


STATUS: Object = {
    "state": "Generating",
    "ledger": {
        "requested": 12,
        "accepted": 5,
        "rejected": {"TestsFailed": 3},
        "rejectedTotal": 3,
        "failed": {},
        "failedTotal": 1,
        "pending": 3,
    },
    "progress": {"yield": "62 %", "rate": "120/min", "eta": "2h10m"},
    "tokens": {"total": 1000},
}


def test_a_table_shows_how_a_run_is_doing(api: Api, namespace: str) -> None:
    api.create(GENERATIONS, generation(), namespace=namespace)
    api.merge(GENERATIONS, namespace, "a-run", {"status": STATUS}, subresource="status")
    columns, (row,) = api.table(GENERATIONS, namespace)
    shown = {column["name"]: cell for column, cell in zip(columns, row["cells"], strict=True)}
    age, dataset = shown.pop("Age"), shown.pop("Dataset")
    assert shown == {
        "Name": "a-run",
        "State": "Generating",
        "Accepted": 5,
        "Target": 10,
        "Yield": "62 %",
        "Rate": "120/min",
        "ETA": "2h10m",
        "Tokens": 1000,
        "Rejected": 3,
        "Failed": 1,
    }
    assert age
    assert dataset is None
    wide = [column["name"] for column in columns if column["priority"] > 0]
    assert wide == ["Tokens", "Rejected", "Failed", "Dataset"]


def test_runs_of_a_queue_can_be_selected(api: Api, namespace: str) -> None:
    for name, queue in (("a", "gpu"), ("b", "cpu")):
        api.create(GENERATIONS, generation(name, spec_with({"queueName": queue})), namespace=namespace)
    query = {"fieldSelector": "spec.queueName=gpu"}
    found = api.call("GET", GENERATIONS.path(namespace), query=query)["items"]
    assert [each["metadata"]["name"] for each in found] == ["a"]


def test_managed_by_stays_as_it_was_made(api: Api, namespace: str) -> None:
    api.create(GENERATIONS, generation("ours"), namespace=namespace)
    api.create(GENERATIONS, generation("theirs", spec_with({"managedBy": "example.org/other"})), namespace=namespace)
    for name, value in (("ours", "example.org/other"), ("theirs", None), ("theirs", "example.org/third")):
        with pytest.raises(ApiError, match="managedBy cannot be changed: delete the resource and make it again"):
            api.merge(GENERATIONS, namespace, name, {"spec": {"managedBy": value}})
    assert api.merge(GENERATIONS, namespace, "theirs", {"spec": {"suspend": True}})["spec"]["suspend"] is True


def test_limits_may_be_raised_and_a_run_suspended(api: Api, namespace: str) -> None:
    api.create(GENERATIONS, generation(), namespace=namespace)
    changed = {"target": {"acceptedSamples": 20}, "budget": {"maxTokens": 10**12}, "suspend": True}
    spec = api.merge(GENERATIONS, namespace, "a-run", {"spec": changed})["spec"]
    assert spec["target"] == {"acceptedSamples": 20}
    assert spec["suspend"] is True
