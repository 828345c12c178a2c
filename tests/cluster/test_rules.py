"""Rules over several fields: the API server refuses what breaks one, in our words, and takes what keeps it.

Each rule of the CRD needs its case here; one without fails `test_each_rule_has_a_case`. For those of the models, a file
that breaks the rule gets the same words from the parser.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.api import GENERATIONS, Api, ApiError, Object
from cluster.generations import generation, spec_with
from seedmill.spec.crd import custom_resource_definition
from seedmill.spec.errors import SpecError
from seedmill.spec.parse import parse

BUDGET = {"pricePerMillionTokens": {"input": "0.1", "output": "0.2"}}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # By the rule's message: changes of the good spec that break it, and the nearest ones that keep it.
    "teacher is required unless the recipe is commentFunction": (
        {"teacher": None},
        {"teacher": None, "recipe": {"commentFunction": {}}},
    ),
    "exactly one of ossInstruct, selfOssInstruct, commentFunction must be given": (
        {"recipe": {"ossInstruct": {}, "selfOssInstruct": {}}},
        {"recipe": {"selfOssInstruct": {}}},
    ),
    "exactly one of corpus, dataset must be given": (
        {"seeds.dataset": {"name": "other"}},
        {"seeds": {"dataset": {"name": "other"}}},
    ),
    "shard: the first number must not be larger than the second": (
        {"seeds.shard": "9/8"},
        {"seeds.shard": "8/8"},
    ),
    "uri must be a path, s3://bucket/prefix, or installed:NAME": (
        {"seeds.corpus.uri": "gs://corpora/python"},
        {"seeds.corpus.uri": "s3://corpora/python"},
    ),
    "uri installed: needs a package behind it, as in installed:more-itertools, installed:stdlib or installed:*": (
        {"seeds.corpus.uri": "installed:"},
        {"seeds.corpus.uri": "installed:stdlib"},
    ),
    "uri names a corpus; rows that another DatasetGeneration published are named in seeds.dataset": (
        {"seeds.corpus.uri": "dataset:other"},
        {"seeds.corpus.uri": "./dataset:other"},
    ),
    "languageQuotas may name only what languages lists": (
        {"seeds.corpus.languages": ["python"], "seeds.corpus.languageQuotas": {"rust": 5}},
        {"seeds.corpus.languages": ["python", "rust"], "seeds.corpus.languageQuotas": {"rust": 5}},
    ),
    "maxCost needs pricePerMillionTokens": (
        {"budget": {"maxCost": "400"}},
        {"budget": {**BUDGET, "maxCost": "400"}},
    ),
    "maxCost must be more than 0": (
        {"budget": {**BUDGET, "maxCost": "0.00"}},
        {"budget": {**BUDGET, "maxCost": "0.01"}},
    ),
    "maxGpuHours must be more than 0": (
        {"budget": {"maxGpuHours": "0"}},
        {"budget": {"maxGpuHours": "0.5"}},
    ),
    "benchmarks must not be given when disabled is true": (
        {"decontamination": {"disabled": True, "benchmarks": ["MBPP"]}},
        {"decontamination": {"disabled": True}},
    ),
    "benchmarks is empty: leave it out to check all that are present, or write disabled: true": (
        {"decontamination": {"benchmarks": []}},
        {"decontamination": {"benchmarks": ["MBPP"]}},
    ),
    "steps: a name has 1 to 100 characters": (
        {"teacher.steps": {"a" * 101: {}}},
        {"teacher.steps": {"a" * 100: {}}},
    ),
    "a name may be given only once": (
        {"reuse": ["a", "b", "a"]},
        {"reuse": ["a", "b"]},
    ),
}

NAMES: dict[str, tuple[str, str]] = {
    "metadata.name must have at most 40 characters: the names of its Jobs are longer": ("a" * 41, "a" * 40),
    "metadata.name must be lower-case letters, digits and '-', a letter or digit first and last": ("a.b", "a-b"),
}

CHANGES: dict[str, tuple[dict[str, Any], Object, Object]] = {
    # By the rule's message: with these changes made to the good spec, this merge is refused, and that one is not.
    "managedBy cannot be changed: delete the resource and make it again": (
        {"managedBy": "example.org/one"},
        {"managedBy": "example.org/two"},
        {"suspend": True},
    ),
}

FIXED: dict[str, tuple[dict[str, Any], Object, Object]] = {
    # The same for what is fixed once candidates were begun, by what the message begins with.
    "spec.recipe": ({}, {"recipe": {"ossInstruct": {"maxLines": 9}}}, {"target": {"acceptedSamples": 20}}),
    "spec.randomSeed": ({}, {"randomSeed": 1}, {"budget": {"maxTokens": 1000}}),
    "spec.seeds": ({}, {"seeds": {"shard": "1/2"}}, {"maxInFlight": 8}),
    "spec.teacher": ({}, {"teacher": {"sampling": {"temperature": 0}}}, {"failurePolicy": {"maxFailedPercent": 50}}),
    "spec.execution": ({}, {"execution": {"memory": "1Gi"}}, {"suspend": True}),
    "spec.decontamination": ({}, {"decontamination": {"disabled": True}}, {"queueName": "gpu"}),
    "spec.reuse": ({}, {"reuse": ["earlier"]}, {"priorityClassName": "batch"}),
    "spec.output.formats": ({}, {"output": {"formats": ["Parquet"]}}, {"output": {"retention": {"publications": 3}}}),
    "spec.output.store.uri": (
        {"output.store": {"uri": "s3://mine/here"}},
        {"output": {"store": {"uri": "s3://mine/there"}}},
        {"output": {"store": {"secretRef": {"name": "rotated"}}}},
    ),
}
BEGUN = "cannot be changed once candidates were begun: make a DatasetGeneration with another name"
LEDGER: Object = {"requested": 1, "accepted": 0, "rejectedTotal": 0, "failedTotal": 0, "pending": 1}


def messages(schema: Object) -> Iterator[str]:
    yield from (rule["message"] for rule in schema.get("x-kubernetes-validations", []))
    for inner in schema.get("properties", {}).values():
        yield from messages(inner)
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from messages(schema[word])


def test_each_rule_has_a_case() -> None:
    (version,) = custom_resource_definition()["spec"]["versions"]
    assert set(messages(version["schema"]["openAPIV3Schema"])) == {
        *CASES,
        *NAMES,
        *CHANGES,
        *(f"{field} {BEGUN}" for field in FIXED),
    }


def refusal(api: Api, namespace: str, manifest: Object) -> str:
    with pytest.raises(ApiError) as error:
        api.create(GENERATIONS, manifest, namespace=namespace, dry_run=True)
    assert error.value.status == 422
    return error.value.message


@pytest.mark.parametrize("message", CASES)
def test_a_spec_that_breaks_a_rule_is_refused_in_our_words(api: Api, namespace: str, message: str) -> None:
    manifest = generation(spec=spec_with(CASES[message][0]))
    said = refusal(api, namespace, manifest)
    assert message in said
    assert [each for each in CASES if each in said] == [message]
    with pytest.raises(SpecError) as error:
        parse(json.dumps(manifest).encode(), "run.yaml")
    assert message in str(error.value)


@pytest.mark.parametrize("message", CASES)
def test_a_spec_that_just_keeps_a_rule_is_taken(api: Api, namespace: str, message: str) -> None:
    manifest = generation(spec=spec_with(CASES[message][1]))
    assert api.create(GENERATIONS, manifest, namespace=namespace, dry_run=True)["spec"]
    assert parse(json.dumps(manifest).encode(), "run.yaml")


@pytest.mark.parametrize("message", NAMES)
def test_names_that_would_not_fit_a_job_are_refused(api: Api, namespace: str, message: str) -> None:
    bad, good = NAMES[message]
    assert message in refusal(api, namespace, generation(bad))
    assert api.create(GENERATIONS, generation(good), namespace=namespace, dry_run=True)


@pytest.mark.parametrize("message", CHANGES)
def test_what_cannot_be_changed_is_refused_in_our_words(api: Api, namespace: str, message: str) -> None:
    before, bad, good = CHANGES[message]
    api.create(GENERATIONS, generation(spec=spec_with(before)), namespace=namespace)
    with pytest.raises(ApiError) as error:
        api.merge(GENERATIONS, namespace, "a-run", {"spec": bad})
    assert message in error.value.message
    assert api.merge(GENERATIONS, namespace, "a-run", {"spec": good})


@pytest.mark.parametrize("field", FIXED)
def test_what_makes_the_data_is_fixed_once_candidates_were_begun(api: Api, namespace: str, field: str) -> None:
    before, bad, good = FIXED[field]
    api.create(GENERATIONS, generation(spec=spec_with(before)), namespace=namespace)
    api.merge(GENERATIONS, namespace, "a-run", {"status": {"ledger": LEDGER}}, subresource="status")
    with pytest.raises(ApiError) as error:
        api.merge(GENERATIONS, namespace, "a-run", {"spec": bad})
    assert f"{field} {BEGUN}" in error.value.message
    assert api.merge(GENERATIONS, namespace, "a-run", {"spec": good})["metadata"]["generation"] == 2


@pytest.mark.parametrize("field", FIXED)
def test_a_spec_may_be_mended_before_anything_was_made(api: Api, namespace: str, field: str) -> None:
    before, mended, _ = FIXED[field]
    api.create(GENERATIONS, generation(spec=spec_with(before)), namespace=namespace)
    none = {**LEDGER, "requested": 0, "pending": 0}
    api.merge(GENERATIONS, namespace, "a-run", {"status": {"ledger": none}}, subresource="status")
    assert api.merge(GENERATIONS, namespace, "a-run", {"spec": mended})["metadata"]["generation"] == 2


def test_status_may_say_anything_of_a_run_that_has_begun(api: Api, namespace: str) -> None:
    """A rule that looks at the status before must not stand in the way of the next one."""
    api.create(GENERATIONS, generation(), namespace=namespace)
    for requested in (1, 2, 0):
        status = {"ledger": {**LEDGER, "requested": requested}}
        api.merge(GENERATIONS, namespace, "a-run", {"status": status}, subresource="status")
