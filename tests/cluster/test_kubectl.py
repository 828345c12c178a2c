"""What people do with kubectl, and what they expect of it: the real kubectl, API server, Job controller and operator.

Pods are played. What the CRD alone brings about is in test_crd.py, the operator's own in test_operator.py.
"""

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import yaml

from cluster.api import NAMESPACES, SERVICE_ACCOUNTS, Api, Object
from cluster.control_plane import ControlPlane
from cluster.ends import DATASET, LEDGER, published
from cluster.generations import generation, spec_with
from cluster.kubectl import Kubectl, kubectl_in
from cluster.operator_process import running_operator
from cluster.pod_player import End, PodPlayer
from cluster.waiting import wait_until
from seedmill.cli.termination import LastWords

SHORT = "--timeout=2s"
LONG = "--timeout=60s"


@dataclass(frozen=True, slots=True)
class Team:
    """A namespace that an operator watches, and someone with kubectl in it."""

    kubectl: Kubectl
    player: PodPlayer

    def apply(self, name: str, **changes: object) -> str:
        manifest = generation(name, spec_with({path.replace("__", "."): value for path, value in changes.items()}))
        return self.kubectl.call("apply", "--filename=-", stdin=yaml.safe_dump(manifest))

    def patch(self, name: str, spec: Object) -> str:
        return self.kubectl.call("patch", "dsg", name, "--type=merge", f"--patch={json.dumps({'spec': spec})}")

    def wait(self, name: str, condition: str, timeout: str = LONG) -> str:
        return self.kubectl.call("wait", f"dsg/{name}", f"--for=condition={condition}", timeout)

    def pod(self, name: str, *before: str) -> str:
        """The name of the run's next pod."""
        return self.player.wait_for_pod(f"seedmill.dev/run={name}", but=frozenset(before))["metadata"]["name"]

    def starts(self, name: str, *before: str) -> str:
        pod = self.pod(name, *before)
        self.player.start(pod)
        self.kubectl.call("wait", f"dsg/{name}", "--for=jsonpath={.status.state}=Running", LONG)
        return pod

    def lets_go(self, pod: str) -> None:
        """The pod ends as it was asked to."""
        asked = "{.metadata.deletionTimestamp}"
        wait_until(lambda: self.kubectl.call("get", "pod", pod, f"--output=jsonpath={asked}"), "the pod's deletion")
        self.player.let_go(pod)

    def jobs(self, name: str) -> list[str]:
        return self.kubectl.call("get", "jobs", f"--selector=seedmill.dev/run={name}", "--output=name").split()

    def shown(self, name: str, *options: str) -> dict[str, str]:
        """The line of a run by its columns, as they are aligned."""
        head, line = self.kubectl.call("get", "dsg", name, *options).splitlines()
        columns = head.split()
        starts = [head.index(column) for column in columns]
        ends = [*starts[1:], max(len(head), len(line))]
        return {column: line[a:b].strip() for column, a, b in zip(columns, starts, ends, strict=True)}


@pytest.fixture(scope="module")
def team(control_plane: ControlPlane, api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    name = f"team-{secrets.token_hex(4)}"
    api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    wait_until(lambda: api.find(SERVICE_ACCOUNTS, name, "default"), "the namespace's ServiceAccount")
    with running_operator(control_plane, api, name, tmp_path_factory.mktemp("operator")):
        yield Team(kubectl_in(control_plane, name), PodPlayer(api, name))
    api.delete(NAMESPACES, "", name)


def exhausted() -> End:
    words = LastWords("BudgetExhausted", "The budget is used up.", 0, LEDGER, 1000, DATASET, "a-run")
    return End(0, words.to_bytes().decode())


def test_explain_tells_what_a_field_is_for(control_plane: ControlPlane) -> None:
    kubectl = kubectl_in(control_plane, "default")
    told = kubectl.call("explain", "dsg.spec.recipe")
    assert "The method. Exactly one of its fields." in " ".join(told.split())
    for field in ("commentFunction", "ossInstruct", "selfOssInstruct"):
        assert f"  {field}\t<Object>" in told
    deeper = kubectl.call("explain", "dsg.spec.execution.isolation")
    assert "ENUM: Pooled Fresh Process" in " ".join(deeper.split())
    assert "Pooled: a warm gVisor sandbox" in " ".join(deeper.split())
    assert "  maxCost\t<string>" in kubectl.call("explain", "dsg.spec", "--recursive")
    assert "acceptedSamples\t<integer> -required-" in kubectl.call("explain", "dsg.spec.target")


def test_a_mistake_is_answered_in_the_users_words(control_plane: ControlPlane, namespace: str) -> None:
    kubectl = kubectl_in(control_plane, namespace)
    mistakes: list[tuple[Object, str]] = [
        ({"targte": 1}, 'unknown field "spec.targte"'),
        ({"recipe": {}}, "spec.recipe: Invalid value: exactly one of ossInstruct, selfOssInstruct"),
        ({"target": None}, "spec.target: Required value"),
    ]
    for changes, said in mistakes:
        manifest = yaml.safe_dump(generation(spec=spec_with(changes)))
        done = kubectl.tried("apply", "--filename=-", stdin=manifest)
        assert done.returncode != 0
        assert said in done.stderr


def test_a_run_is_seen_and_waited_for(team: Team) -> None:
    assert team.apply("seen").strip() == "datasetgeneration.seedmill.dev/seen created"
    pod = team.starts("seen")
    line = team.shown("seen")
    assert list(line) == ["NAME", "STATE", "ACCEPTED", "TARGET", "YIELD", "RATE", "ETA", "AGE"]
    assert (line["STATE"], line["ACCEPTED"], line["TARGET"]) == ("Running", "", "10")
    assert "timed out" in team.kubectl.tried("wait", "dsg/seen", "--for=condition=Succeeded", SHORT).stderr
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(team.wait, "seen", "Succeeded")
        team.player.end(pod, published())
        assert waiting.result().strip() == "datasetgeneration.seedmill.dev/seen condition met"
    line = team.shown("seen", "--output=wide")
    assert line | {"AGE": "", "YIELD": ""} == {
        "NAME": "seen", "STATE": "TargetReached", "ACCEPTED": "10", "TARGET": "10", "YIELD": "", "RATE": "", "ETA": "",
        "AGE": "", "TOKENS": "1000", "REJECTED": "3", "FAILED": "1", "DATASET": DATASET.uri,
    }  # fmt: skip
    for condition in ("Ready", "Stalled=false", "Reconciling=false", "Suspended=false"):
        team.wait("seen", condition, SHORT)
    assert team.apply("seen").strip() == "datasetgeneration.seedmill.dev/seen unchanged"
    listed = team.kubectl.call("get", "seedmill", "--output=name").split()
    assert "datasetgeneration.seedmill.dev/seen" in listed


def test_describe_tells_what_has_happened(team: Team) -> None:
    team.apply("told")
    team.player.end(team.starts("told"), published())
    team.wait("told", "Succeeded")
    wait_until(lambda: "TargetReached" in team.kubectl.call("events", "--for=dsg/told"), "the event of its end")
    told = team.kubectl.call("describe", "dsg", "told")
    events = told[told.index("Events:") :]
    for reason in ("Started", "TargetReached"):
        assert f"Normal  {reason}" in events
    assert told.index("The target is reached.") < told.index("Events:")


def test_a_run_is_suspended_and_goes_on(team: Team) -> None:
    team.apply("paused")
    first = team.starts("paused")
    (job,) = team.jobs("paused")
    team.patch("paused", {"suspend": True})
    team.kubectl.call("wait", "dsg/paused", "--for=jsonpath={.status.state}=Suspending", LONG)
    assert "timed out" in team.kubectl.tried("wait", "dsg/paused", "--for=condition=Suspended", SHORT).stderr
    team.lets_go(first)
    team.wait("paused", "Suspended")
    assert team.jobs("paused") == []
    team.wait("paused", "Ready", SHORT)
    team.patch("paused", {"suspend": False})
    team.wait("paused", "Suspended=false")
    second = team.starts("paused", first)
    assert team.jobs("paused") == [job]
    team.player.end(second, published())
    team.wait("paused", "Succeeded")


def test_a_run_applied_suspended_has_no_pod_until_it_is_let_go(team: Team) -> None:
    team.apply("later", suspend=True)
    team.wait("later", "Suspended")
    assert team.jobs("later") == []
    team.patch("later", {"suspend": False})
    team.player.end(team.starts("later"), published())
    team.wait("later", "Succeeded")


def test_a_raised_target_is_followed_while_it_works(team: Team) -> None:
    team.apply("more")
    first = team.starts("more")
    (job,) = team.jobs("more")
    team.patch("more", {"target": {"acceptedSamples": 20}})
    assert team.shown("more")["TARGET"] == "20"
    team.lets_go(first)
    second = team.starts("more", first)
    assert job not in team.jobs("more")
    team.player.end(second, published())
    team.wait("more", "Succeeded")


def test_a_raised_budget_goes_on_where_it_was_used_up(team: Team) -> None:
    team.apply("spent", budget__maxTokens=1000)
    first = team.starts("spent")
    team.player.end(first, exhausted())
    team.wait("spent", "Suspended")
    line = team.shown("spent", "--output=wide")
    assert (line["STATE"], line["DATASET"]) == ("BudgetExhausted", DATASET.uri)
    team.wait("spent", "Ready", SHORT)
    assert "timed out" in team.kubectl.tried("wait", "dsg/spent", "--for=condition=Succeeded", SHORT).stderr
    team.patch("spent", {"budget": {"maxTokens": 5000}})
    team.player.end(team.starts("spent", first), published())
    team.wait("spent", "Succeeded")
    assert team.shown("spent")["STATE"] == "TargetReached"


def test_what_makes_the_data_cannot_be_patched_any_more(team: Team) -> None:
    team.apply("fixed")
    team.player.end(team.starts("fixed"), published())
    team.wait("fixed", "Succeeded")
    said = team.kubectl.tried("patch", "dsg", "fixed", "--type=merge", '--patch={"spec":{"randomSeed":3}}')
    assert said.returncode != 0
    assert "spec.randomSeed cannot be changed once candidates were begun: make a DatasetGeneration" in said.stderr


def test_a_deleted_run_takes_its_pod_along(team: Team) -> None:
    team.apply("gone")
    pod = team.starts("gone")
    assert "deleted" in team.kubectl.call("delete", "dsg", "gone", LONG)
    team.lets_go(pod)
    wait_until(lambda: not team.jobs("gone"), "the end of its Job")
    assert "NotFound" in team.kubectl.tried("get", "dsg", "gone").stderr
