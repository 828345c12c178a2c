"""`seedmill dispatch` as the pod of a run starts it: services elsewhere on TCP, and what it leaves for its Job."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.cli import result_of, seedmill, start, watched
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
  target: {{acceptedSamples: 8}}
  maxInFlight: 4
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
def resource(tmp_path_factory: pytest.TempPathFactory) -> str:
    corpus = tmp_path_factory.mktemp("corpus") / "functions.jsonl"
    write_functions(corpus, 40)
    return RESOURCE.format(corpus=corpus, model=MODEL)


@contextmanager
def dispatched(cluster: Cluster, folder: Path, resource: str, *more: str) -> Generator[Any]:
    options = ["--store", str(folder / "store"), "--termination-log", str(folder / "last"), *cluster.options, *more]
    with watched("dispatch", *options, SEEDMILL_RESOURCE=resource) as run:
        yield run


def last_words(folder: Path) -> dict[str, Any]:
    data = (folder / "last").read_bytes()
    assert len(data) <= 4096
    return json.loads(data)


def test_a_dispatched_run_makes_the_dataset_that_run_makes(cluster: Cluster, resource: str, tmp_path: Path):
    with dispatched(cluster, tmp_path, resource) as run:
        done = run.end(120)
    assert done.returncode == 0, done.stderr
    words = last_words(tmp_path)
    assert (words["reason"], words["exitCode"], words["dataset"]["rows"]) == ("TargetReached", 0, 8)
    assert words["run"].startswith("runs/team-a/elsewhere-")
    assert words["ledger"]["accepted"] == 8
    assert words["tokens"] > 0
    assert Path(words["dataset"]["uri"], "manifest.json").exists()
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert {event["event"] for event in events} >= {"progress", "ended"}
    file = tmp_path / "run.yaml"
    file.write_text(resource)
    local = seedmill("run", file, "--workdir", tmp_path / "local", "--teacher", cluster.teacher.url, "--json")
    assert result_of(local)["digest"] == words["dataset"]["digest"]
    paid = sum(cluster.teacher.paid.values())
    with dispatched(cluster, tmp_path, resource) as again:  # a pod whose last message was lost
        assert again.end(120).returncode == 0
    assert last_words(tmp_path) == {**words, "tokens": 0}
    assert sum(cluster.teacher.paid.values()) == paid


def test_sigterm_drains_and_the_next_pod_goes_on(cluster: Cluster, resource: str, tmp_path: Path):
    slow = resource.replace("acceptedSamples: 8", "acceptedSamples: 12").replace("name: elsewhere", "name: drained")
    with dispatched(cluster, tmp_path, slow) as run:
        run.until('"phase": "generating"')
        run.process.send_signal(signal.SIGTERM)
        assert run.end(120).returncode == 143
    assert last_words(tmp_path)["reason"] == "Suspended"
    with dispatched(cluster, tmp_path, slow) as run:
        assert run.end(120).returncode == 0
    assert last_words(tmp_path)["dataset"]["rows"] == 12


def test_a_service_that_comes_late_is_waited_for(cluster: Cluster, resource: str, tmp_path: Path):
    late = Cluster(cluster.teacher, {**cluster.ports, "seeding": free_port()})
    with ExitStack() as stack, dispatched(late, tmp_path, resource) as run:
        assert "seeding" in json.loads(run.until('"waiting": ["'))["waiting"][0]
        time.sleep(0.5)
        late.start(stack, "seeding")
        assert run.end(120).returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("selfOssInstruct", "selfOssInstrukt", "did you mean selfOssInstruct?"),
        (f"model: {MODEL}", "model: another", "model 'another' is not served"),
        ("uri: /", "uri: corpora/", "there is no folder here that it could be relative to"),
    ],
)
def test_what_cannot_work_ends_with_2_and_says_why_to_the_job(
    cluster: Cluster, resource: str, tmp_path: Path, old: str, new: str, words: str
):
    with dispatched(cluster, tmp_path, resource.replace(old, new)) as run:
        done = run.end(60)
    assert done.returncode == 2, done.stderr
    said = last_words(tmp_path)
    assert (said["exitCode"], said["dataset"]) == (2, None)
    assert words in said["message"]
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_resource_both_ways_to_give_one_are_said(cluster: Cluster, tmp_path: Path):
    with dispatched(cluster, tmp_path, "") as run:
        done = run.end(60)
    assert done.returncode == 2
    assert "give --resource FILE, or the resource in SEEDMILL_RESOURCE" in done.stderr
