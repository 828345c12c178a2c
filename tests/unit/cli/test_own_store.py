"""Which store a dispatched run has, and what its services are told of it."""

import json
from pathlib import Path

import pytest

from seedmill.cli.own_store import open_run_store
from seedmill.serving.errors import Misconfigured
from seedmill.spec.model import Spec
from seedmill.spec.parse import parse
from support.specs import RUN

ENVIRONMENT = {
    "SEEDMILL_S3_ENDPOINT": "https://of-the-secret",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "b4d8-d0f1",
    "AWS_REGION": "eu-central-1",
    "SEEDMILL_TEACHER_KEY": "of no concern",
    "SSL_CERT_FILE": "/etc/ca",
}


def spec_of(text: str) -> Spec:
    [generation] = parse(text.encode(), "test")
    return generation.spec


def with_store(**store: object) -> Spec:
    return spec_of(f"{RUN}  output: {json.dumps({'store': store})}\n")


def test_the_releases_store_is_no_news_to_the_services() -> None:
    store, access = open_run_store(spec_of(RUN), "s3://release/x", ENVIRONMENT)
    assert (store.uri, access) == ("s3://release/x", None)


def test_one_of_the_runs_own_is_told_with_what_opens_it_and_nothing_else() -> None:
    spec = with_store(uri="s3://mine/x/", secretRef={"name": "own"})
    store, access = open_run_store(spec, "s3://mine/x", ENVIRONMENT)
    assert store.uri == "s3://mine/x"
    told = ("SEEDMILL_S3_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    assert access == {name: ENVIRONMENT[name] for name in told}


def test_endpoint_and_region_of_the_spec_win_over_those_of_the_secret() -> None:
    spec = with_store(uri="s3://mine/x", endpoint="https://s3.mine", region="mine-1", secretRef={"name": "own"})
    _, access = open_run_store(spec, "s3://mine/x", ENVIRONMENT)
    assert access is not None
    assert (access["SEEDMILL_S3_ENDPOINT"], access["AWS_REGION"]) == ("https://s3.mine", "mine-1")


def test_a_directory_has_no_keys_to_be_told(tmp_path: Path) -> None:
    store, access = open_run_store(with_store(uri=str(tmp_path)), str(tmp_path), ENVIRONMENT)
    assert (store.uri, access) == (str(tmp_path), None)


def test_another_store_on_the_command_line_is_a_contradiction() -> None:
    with pytest.raises(Misconfigured, match=r"spec.output.store.uri is s3://mine/x, and --store is s3://release"):
        open_run_store(with_store(uri="s3://mine/x"), "s3://release", ENVIRONMENT)


def test_missing_keys_are_asked_for_where_the_user_can_give_them() -> None:
    with pytest.raises(Misconfigured) as refused:
        open_run_store(with_store(uri="s3://mine/x", endpoint="https://s3.mine"), "s3://mine/x", {})
    assert str(refused.value) == (
        "spec.output.store: s3://mine/x: not set in the environment: AWS_ACCESS_KEY_ID; AWS_SECRET_ACCESS_KEY; its "
        "secretRef names the Secret with keys, of this namespace, and its endpoint the server"
    )
