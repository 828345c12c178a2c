"""A run with a store of its own: the services know neither its endpoint nor its keys, and are told with the calls."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.certificates import Authority
from support.cli import Watched, seedmill, start, watched
from support.corpora import write_functions
from support.requirements import require
from support.s3_server import S3Server, running_versitygw
from support.specs import TAUGHT, write_spec
from support.teacher import MODEL, TeacherServer
from support.tls_folders import tls_folder

SERVICES = ("seeding", "inference", "aggregation")


def resource(corpus: str | Path, own_store: str = "") -> str:
    """A run, in the release's store or in one of its own: `uri: …, endpoint: …`."""
    output = f"output: {{store: {{{own_store}, secretRef: {{name: own}}}}}}" if own_store else ""
    return f"""
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {{name: theirs, namespace: team-b}}
spec:
  recipe: {{ossInstruct: {{}}}}
  seeds: {{corpus: {{uri: "{corpus}", licenses: {{allow: [MIT]}}}}}}
  teacher: {{model: {MODEL}}}
  target: {{acceptedSamples: 4}}
  maxInFlight: 4
  {output}
"""


@dataclass
class Services:
    """Three services that have the release's store alone: where they listen, what they say, how a run calls them."""

    said: dict[str, Watched]
    options: list[str]

    @property
    def everything_said(self) -> str:
        return "\n".join(line for watched in self.said.values() for line in watched.said)


@dataclass
class Ended:
    """How a dispatched run ended: its exit status, its words and its last message."""

    status: int
    said: str
    message: str

    @property
    def dataset(self) -> dict[str, Any]:
        return json.loads(self.message)["dataset"]


def running_s3(folder: Path) -> Iterator[S3Server]:
    with running_versitygw(require("versitygw"), folder) as server:
        yield server


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    yield from running_s3(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    yield from running_s3(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    corpus = tmp_path_factory.mktemp("corpus") / "functions.jsonl"
    write_functions(corpus, 40)
    return corpus


@pytest.fixture(scope="module", params=["sockets", "TLS"])
def services(
    request: pytest.FixtureRequest, release: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("s")
    authority = Authority(folder / "authority") if request.param == "TLS" else None
    made = Services({}, [])
    with ExitStack() as stack:
        teacher = stack.enter_context(TeacherServer())
        for name in SERVICES:
            more = ["--endpoint", f"openai:{teacher.url}"] if name == "inference" else []
            if authority is None:
                more += ["--address", f"unix:{folder / name}"]
            else:
                more += ["--address", "127.0.0.1:0", "--tls", str(tls_folder(authority, folder / name, name))]
            command = ["serve", name, "--log-level", "debug", "--log-format", "json", *more]
            made.said[name] = stack.enter_context(watched(*command, **release.environment))
        for name, server in made.said.items():
            made.options += [f"--{name}", json.loads(server.until('"ready"'))["address"]]
        if authority is not None:
            made.options += ["--tls", str(tls_folder(authority, folder / "run", "run"))]
        yield made


def dispatched(options: list[str], store: str, text: str, folder: Path, environment: dict[str, str]) -> Ended:
    """A run whose pod has this environment."""
    last = folder / "message"
    last.touch()
    command: list[str | Path] = ["dispatch", "--store", store, "--termination-log", last, *options]
    process = start(*command, SEEDMILL_RESOURCE=text, **environment)
    _, said = process.communicate(timeout=240)
    return Ended(process.returncode, said, last.read_text())


def keys_of(server: S3Server, **more: str) -> dict[str, str]:
    """What the run's Secret holds."""
    return {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key, **more}


def objects(server: S3Server) -> set[str]:
    client = server.client()
    return {
        f"{bucket.name}/{each.object_name}"
        for bucket in client.list_buckets()
        for each in client.list_objects(bucket.name, recursive=True)
    }


def test_its_dataset_lands_there_alone_is_the_same_and_its_keys_are_told_to_nobody_else(
    services: Services, own: S3Server, release: S3Server, corpus: Path, tmp_path: Path
) -> None:
    bucket = release.new_bucket()
    without = dispatched(services.options, f"s3://{bucket}", resource(corpus), tmp_path, release.environment)
    assert without.status == 0, without.said
    before = objects(release)

    bucket = own.new_bucket()
    text = resource(corpus, f'uri: "s3://{bucket}/sets", endpoint: "{own.endpoint}", region: us-east-1')
    theirs = dispatched(services.options, f"s3://{bucket}/sets", text, tmp_path, keys_of(own))
    assert theirs.status == 0, theirs.said
    assert theirs.dataset["digest"] == without.dataset["digest"]
    assert theirs.dataset["uri"].startswith(f"s3://{bucket}/sets/runs/team-b/theirs-")
    kept = {name.removeprefix(f"{bucket}/sets/") for name in objects(own) if name.startswith(bucket)}
    assert {name.split("/")[0] for name in kept} == {"seeds", "runs"}
    assert [name for name in kept if "/dataset/" in name and name.endswith("data-00000.parquet")]
    assert objects(release) == before

    assert "StartPublication" in services.everything_said  # calls are logged, so that their metadata could have been
    for text in (services.everything_said, theirs.said, theirs.message, str(theirs.dataset)):
        assert own.secret_key not in text
        assert own.access_key not in text


@pytest.mark.parametrize("whose", ["own", "release"])
def test_a_corpus_is_read_with_the_runs_keys_in_its_bucket_and_with_the_releases_elsewhere(
    services: Services, own: S3Server, release: S3Server, corpus: Path, tmp_path: Path, whose: str
) -> None:
    bucket = own.new_bucket()
    server, place = (own, bucket) if whose == "own" else (release, release.new_bucket())
    server.client().fput_object(place, "corpora/functions.jsonl", str(corpus))
    text = resource(f"s3://{place}/corpora", f'uri: "s3://{bucket}/sets", endpoint: "{own.endpoint}"')
    ended = dispatched(services.options, f"s3://{bucket}/sets", text, tmp_path, keys_of(own))
    assert ended.status == 0, ended.said
    assert ended.dataset["rows"] == 4


def test_wrong_keys_are_said_once_and_end_the_run(
    services: Services, own: S3Server, corpus: Path, tmp_path: Path
) -> None:
    bucket = own.new_bucket()
    text = resource(corpus, f'uri: "s3://{bucket}/sets", endpoint: "{own.endpoint}"')
    wrong = keys_of(own, AWS_SECRET_ACCESS_KEY="b4d8-d0f1")
    ended = dispatched(services.options, f"s3://{bucket}/sets", text, tmp_path, wrong)
    assert ended.status == 2
    assert "b4d8-d0f1" not in ended.said + ended.message + services.everything_said
    [line] = [line for line in ended.said.splitlines() if bucket in line]
    assert "SignatureDoesNotMatch" in line
    assert "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID" in json.loads(ended.message)["message"]


def test_keys_are_not_sent_where_others_can_listen(own: S3Server, corpus: Path, tmp_path: Path) -> None:
    bucket = own.new_bucket()
    text = resource(corpus, f'uri: "s3://{bucket}/sets", endpoint: "{own.endpoint}"')
    nowhere = [option for name in SERVICES for option in (f"--{name}", "127.0.0.1:1")]
    ended = dispatched(nowhere, f"s3://{bucket}/sets", text, tmp_path, keys_of(own))
    assert ended.status == 2
    assert ended.said == (
        "seedmill: spec.output.store has keys that a service must be told, and its connection is not encrypted: "
        "give --tls (chart: tls.enabled), or leave output.store to the release\n"
    )
    assert json.loads(ended.message)["reason"] == "StoreNotSecret"
    assert not [name for name in objects(own) if name.startswith(bucket)]


def test_on_a_laptop_the_workdir_is_the_store_and_that_is_said(tmp_path: Path) -> None:
    file = write_spec(tmp_path, f"{TAUGHT}  output: {{store: {{uri: 's3://mine/sets', secretRef: {{name: own}}}}}}\n")
    with TeacherServer() as teacher:
        done = seedmill("run", file, "--workdir", tmp_path / "work", "--teacher", teacher.url)
    assert done.returncode == 0, done.stderr
    assert (
        f"spec.output.store is for runs in a cluster: here everything is kept in {tmp_path / 'work'}; "
        "--workdir s3://bucket/prefix keeps it elsewhere"
    ) in done.stderr
