"""`seedmill dispatch` as the pod of a run starts it: services elsewhere on TCP, and what it leaves for its Job."""

import asyncio
import json
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from seedmill.cli.dispatch import SILENCE_SECONDS
from seedmill.serving.channel import Channels
from seedmill.v1alpha1 import run_pb2, run_pb2_grpc
from support.cli import Watched, result_of, seedmill, start, watched
from support.corpora import write_functions
from support.teacher import MODEL, TeacherServer

RESOURCE = """
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {{name: elsewhere, namespace: team-a}}
spec:
  recipe: {{selfOssInstruct: {{responsesPerInstruction: 2, fewShotExamples: 1}}}}
  seeds: {{corpus: {{uri: {corpus}, licenses: {{allow: [MIT]}}}}}}
  teacher: {{model: {model}}}
  execution: {{isolation: Process, timeoutSeconds: 1, memory: 128Mi}}
  target: {{acceptedSamples: 6}}
  maxInFlight: 4
"""
WITHOUT_PROGRAMS = """
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {{name: {name}, namespace: team-a}}
spec:
  recipe: {{ossInstruct: {{}}}}
  seeds: {{corpus: {{uri: {corpus}, licenses: {{allow: [MIT]}}}}}}
  teacher: {{model: {model}}}
  target: {{acceptedSamples: {target}}}
  maxInFlight: {window}
"""
SERVICES = ("seeding", "inference", "execution", "aggregation")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Cluster:
    """Four services, each on a port, and a teacher."""

    teacher: TeacherServer
    ports: dict[str, int]

    def start(self, stack: ExitStack, name: str) -> None:
        more = {
            "inference": ("--endpoint", f"openai:{self.teacher.url}"),
            "execution": ("--isolation", "process", "--workers", "2"),
        }
        process = start("serve", name, "--address", f"127.0.0.1:{self.ports[name]}", *more.get(name, ()))
        stack.callback(_end, process)

    @property
    def options(self) -> list[str]:
        return [word for name, port in self.ports.items() for word in (f"--{name}", f"127.0.0.1:{port}")]


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    process.communicate(timeout=60)


@pytest.fixture(scope="module")
def cluster() -> Generator[Cluster]:
    with ExitStack() as stack:
        made = Cluster(stack.enter_context(TeacherServer()), {name: free_port() for name in SERVICES})
        for name in SERVICES:
            made.start(stack, name)
        yield made


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    corpus = tmp_path_factory.mktemp("corpus") / "functions.jsonl"
    write_functions(corpus, 40)
    return corpus


def without_programs(corpus: Path, name: str, *, target: int, window: int) -> str:
    """A resource whose run is quick: its only delay is the teacher's."""
    return WITHOUT_PROGRAMS.format(corpus=corpus, name=name, model=MODEL, target=target, window=window)


@pytest.fixture(scope="module")
def resource(corpus: Path) -> str:
    return RESOURCE.format(corpus=corpus, model=MODEL)


@contextmanager
def dispatched(cluster: Cluster, folder: Path, resource: str, *more: str) -> Generator[Watched]:
    options = ["--store", str(folder / "store"), "--termination-log", str(folder / "last"), *cluster.options, *more]
    with watched("dispatch", *options, SEEDMILL_RESOURCE=resource) as run:
        yield run


def last_words(folder: Path) -> dict[str, Any]:
    data = (folder / "last").read_bytes()
    assert len(data) <= 4096
    return json.loads(data)


def events(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


def progress(address: str) -> run_pb2.GetProgressResponse:
    """What the run at this address says of itself."""
    with grpc.insecure_channel(address) as channel:
        stub: Any = run_pb2_grpc.RunServiceStub(channel)
        return stub.GetProgress(run_pb2.GetProgressRequest(), timeout=5, wait_for_ready=True)


def services_at(address: str) -> set[str]:
    """What reflection lists."""
    with grpc.insecure_channel(address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        [answer] = stub.ServerReflectionInfo(iter([asked]), timeout=5)
        return {each.name for each in answer.list_services_response.service}


async def is_ready(address: str) -> None:
    channels = Channels([address], "run")
    try:
        await channels.ready(30)
    finally:
        await channels.close()


def test_a_dispatched_run_makes_the_dataset_that_run_makes(cluster: Cluster, resource: str, tmp_path: Path):
    with dispatched(cluster, tmp_path, resource) as run:
        done = run.end(120)
    assert done.returncode == 0, done.stderr
    words = last_words(tmp_path)
    assert (words["reason"], words["exitCode"], words["dataset"]["rows"]) == ("TargetReached", 0, 6)
    assert words["run"].startswith("runs/team-a/elsewhere-")
    assert words["ledger"]["accepted"] == 6
    assert words["tokens"] > 0
    assert Path(words["dataset"]["uri"], "manifest.json").exists()
    assert {event["event"] for event in events(done.stderr)} >= {"progress", "ended"}
    file = tmp_path / "run.yaml"
    file.write_text(resource)
    local = seedmill("run", file, "--workdir", tmp_path / "local", "--teacher", cluster.teacher.url, "--json")
    assert result_of(local)["digest"] == words["dataset"]["digest"]
    paid = sum(cluster.teacher.paid.values())
    with dispatched(cluster, tmp_path, resource) as again:  # a pod whose last message was lost
        assert again.end(120).returncode == 0
    assert last_words(tmp_path) == {**words, "tokens": 0}
    assert sum(cluster.teacher.paid.values()) == paid


def test_a_run_tells_how_it_is_doing_drains_at_sigterm_and_the_next_pod_goes_on(
    cluster: Cluster, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    slow = without_programs(corpus, "drained", target=12, window=4)
    before = cluster.teacher.paid.copy()
    monkeypatch.setattr(cluster.teacher, "delay", lambda request: 0.3)
    address, metrics = f"127.0.0.1:{free_port()}", free_port()
    served = ("--progress-address", address, "--metrics-address", f"127.0.0.1:{metrics}")
    with dispatched(cluster, tmp_path, slow, *served) as run:
        run.until('"phase": "generating"')
        asyncio.run(is_ready(address))
        said = progress(address)
        while not said.paid.completion:
            time.sleep(0.1)
            said = progress(address)
        page = urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5).read().decode()
        listed = services_at(address)
        run.process.send_signal(signal.SIGTERM)
        assert run.end(120).returncode == 143
    assert said.run.startswith("runs/team-a/drained-")
    assert said.attempt.startswith("000001-")
    assert (said.phase, said.target, said.window) == ("generating", 12, 4)
    assert 12 < said.candidates <= 40
    assert 0 < said.in_flight <= 4
    ledger = said.ledger
    assert ledger.requested == ledger.accepted + sum(ledger.rejected.values()) + ledger.pending > 0
    assert said.tokens_per_second > 0
    assert (list(said.waiting), said.HasField("dataset")) == ([], False)
    assert "seedmill.v1alpha1.RunService" in listed
    for series in ('candidates{outcome="pending",reason=""}', 'paid_tokens_total{kind="completion"}', "window 4.0"):
        assert f"seedmill_dispatch_{series}" in page
    assert 'seedmill_dispatch_waiting{dependency="inference"} 0.0' in page
    assert last_words(tmp_path)["reason"] == "Suspended"
    with dispatched(cluster, tmp_path, slow) as run:
        assert run.end(120).returncode == 0
    assert last_words(tmp_path)["dataset"]["rows"] == 12
    made = cluster.teacher.paid - before
    assert made
    assert max(made.values()) == 1  # nothing was paid twice


def test_a_service_that_comes_late_is_waited_for(cluster: Cluster, corpus: Path, tmp_path: Path):
    resource = without_programs(corpus, "late", target=3, window=4)
    late = Cluster(cluster.teacher, {**cluster.ports, "seeding": free_port()})
    address = f"127.0.0.1:{free_port()}"
    began = time.monotonic()
    with ExitStack() as stack, dispatched(late, tmp_path, resource, "--progress-address", address) as run:
        assert json.loads(run.until('"waiting": ["'))["waiting"][0].startswith("seeding: ")
        [awaited] = progress(address).waiting
        assert awaited.dependency == "seeding"
        assert "connect" in awaited.reason.lower()
        time.sleep(3)
        late.start(stack, "seeding")
        done = run.end(120)
    assert done.returncode == 0, done.stderr
    waiting = [event["waiting"] for event in events(done.stderr) if event["event"] == "progress"]
    assert 1 <= sum(map(bool, waiting)) <= 1 + (time.monotonic() - began) / SILENCE_SECONDS  # not at each try


def test_a_name_that_is_not_known_yet_is_waited_for_and_sigterm_ends_the_waiting(
    cluster: Cluster, resource: str, tmp_path: Path
):
    options = cluster.options
    options[options.index("--inference") + 1] = "dns:///inference.not-there.invalid:1"
    with watched(
        "dispatch", "--store", tmp_path / "store", "--termination-log", tmp_path / "last", *options,
        SEEDMILL_RESOURCE=resource,
    ) as run:  # fmt: skip
        said = json.loads(run.until('"waiting": ["'))
        assert said["waiting"][0].startswith("teacher: ")
        assert "inference.not-there.invalid" in said["waiting"][0]
        run.process.send_signal(signal.SIGTERM)
        assert run.end(60).returncode == 143
    assert last_words(tmp_path)["exitCode"] == 143


@pytest.mark.parametrize(
    ("old", "new", "reason", "words"),
    [
        ("selfOssInstruct", "selfOssInstrukt", "SpecError", "did you mean selfOssInstruct?"),
        (f"model: {MODEL}", "model: another", "ModelNotServed", "model 'another' is not served"),
        ("uri: /", "uri: corpora/", "CorpusMissing", "there is no folder here that it could be relative to"),
        ("uri: /", "uri: file:///no/", "CorpusMissing", "is not there; give s3://bucket/prefix"),
    ],
)
def test_what_cannot_work_ends_with_2_and_says_why_to_the_job(
    cluster: Cluster, resource: str, tmp_path: Path, old: str, new: str, reason: str, words: str
):
    with dispatched(cluster, tmp_path, resource.replace(old, new)) as run:
        done = run.end(60)
    assert done.returncode == 2, done.stderr
    said = last_words(tmp_path)
    assert (said["reason"], said["exitCode"], said["dataset"]) == (reason, 2, None)
    assert words in said["message"]
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_too_many_failures_end_with_5_and_the_ledger_says_why(cluster: Cluster, tmp_path: Path):
    corpus = tmp_path / "functions.jsonl"
    write_functions(corpus, 130)
    resource = without_programs(corpus, "refused", target=1000, window=64)
    with TeacherServer(mode="picky") as picky, ExitStack() as stack:
        refusing = Cluster(picky, {**cluster.ports, "inference": free_port()})
        refusing.start(stack, "inference")
        with dispatched(refusing, tmp_path, resource) as run:
            done = run.end(120)
    assert done.returncode == 5, done.stderr
    said = last_words(tmp_path)
    assert (said["reason"], said["exitCode"], said["dataset"]) == ("TooManyFailures", 5, None)
    assert said["ledger"]["failed"]["prompt_refused"] > 5
    assert said["tokens"] > 0


def test_without_a_resource_both_ways_to_give_one_are_said(cluster: Cluster, tmp_path: Path):
    with dispatched(cluster, tmp_path, "") as run:
        done = run.end(60)
    assert done.returncode == 2
    assert "give --resource FILE, or the resource in SEEDMILL_RESOURCE" in done.stderr


def test_a_service_that_the_recipe_needs_must_be_named(cluster: Cluster, resource: str, tmp_path: Path):
    file = tmp_path / "run.yaml"
    file.write_text(resource)
    named = cluster.options[cluster.options.index("--execution") :]
    done = seedmill("dispatch", "--store", tmp_path, "--resource", file, "--seeding", "127.0.0.1:1", *named)
    assert done.returncode == 2
    assert done.stderr == "seedmill: recipe selfOssInstruct needs the inference service: give --inference ADDRESS\n"
