"""A run with a store of its own: the services know neither its endpoint nor its keys, and are told with the calls."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.cli import Watched, seedmill, watched
from support.corpora import write_functions
from support.requirements import require
from support.s3_server import S3Server, running_versitygw
from support.teacher import MODEL, TeacherServer

RESOURCE = """
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {{name: theirs, namespace: team-b}}
spec:
  recipe: {{ossInstruct: {{}}}}
  seeds: {{corpus: {{uri: {corpus}, licenses: {{allow: [MIT]}}}}}}
  teacher: {{model: {model}}}
  target: {{acceptedSamples: 4}}
  maxInFlight: 4
  output: {{store: {{uri: {store}, secretRef: {{name: own}}}}}}
"""
SERVICES = ("seeding", "inference", "aggregation")


@dataclass
class Services:
    """Three services whose environment has no store: where they listen, and what they say."""

    addresses: dict[str, str]
    said: dict[str, Watched]

    @property
    def options(self) -> list[str]:
        return [f"--{name}={address}" for name, address in self.addresses.items()]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_versitygw(require("versitygw"), tmp_path_factory.mktemp("own")) as server:
        yield server


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    corpus = tmp_path_factory.mktemp("corpus") / "functions.jsonl"
    write_functions(corpus, 40)
    return corpus


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("s")
    with ExitStack() as stack:
        teacher = stack.enter_context(TeacherServer())
        made = Services({name: f"unix:{folder / name}" for name in SERVICES}, {})
        for name, address in made.addresses.items():
            more = ["--endpoint", f"openai:{teacher.url}"] if name == "inference" else []
            command = ["serve", name, "--address", address, "--log-level", "debug", "--log-format", "json", *more]
            made.said[name] = stack.enter_context(watched(*command))
        yield made


def dispatched(services: Services, resource: str, store: str, server: S3Server, **more: str) -> tuple[int, str]:
    """Exit status and words of a run whose pod has this server's keys."""
    command = ["dispatch", "--store", store, *services.options]
    done = seedmill(*command, SEEDMILL_RESOURCE=resource, **{**server.environment, **more})
    return done.returncode, done.stderr


def test_the_dataset_lands_in_it_and_its_keys_are_told_to_nobody_else(
    services: Services, own: S3Server, corpus: Path
) -> None:
    store = f"s3://{own.new_bucket()}/sets"
    resource = RESOURCE.format(corpus=corpus, model=MODEL, store=store)
    status, said = dispatched(services, resource, store, own)
    assert status == 0, said
    kept = {str(each.object_name) for each in own.client().list_objects(store.split("/")[2], recursive=True)}
    assert [name for name in kept if name.startswith("sets/seeds/")]
    assert [name for name in kept if "/dataset/" in name and name.endswith("data-00000.parquet")]
    everything = said + "".join(line for watched in services.said.values() for line in watched.said)
    assert "StartPublication" in everything  # calls are logged here, so that their metadata could have been
    assert own.secret_key not in everything
    assert own.access_key not in everything


def test_wrong_keys_are_said_once_and_end_the_run(services: Services, own: S3Server, corpus: Path) -> None:
    store = f"s3://{own.new_bucket()}/sets"
    resource = RESOURCE.format(corpus=corpus, model=MODEL, store=store)
    status, said = dispatched(services, resource, store, own, AWS_SECRET_ACCESS_KEY="wrong")
    assert status == 2
    assert "wrong" not in said
    assert len([line for line in said.splitlines() if store.split("/")[2] in line]) == 1, said


def test_keys_are_not_sent_where_others_can_listen(own: S3Server, corpus: Path) -> None:
    store = f"s3://{own.new_bucket()}/sets"
    resource = RESOURCE.format(corpus=corpus, model=MODEL, store=store)
    nowhere = Services(dict.fromkeys(SERVICES, "127.0.0.1:1"), {})
    status, said = dispatched(nowhere, resource, store, own)
    assert status == 2
    assert "spec.output.store has keys that a service must be told, and its connection is not encrypted" in said
