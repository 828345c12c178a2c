"""What Argo CD and Flux make of each situation that a run can be in, by the scripts and expressions of examples/gitops.

The statuses are those that the operator writes. Argo CD's script runs in Lua 5.1, the language of its interpreter, with
what its sandbox leaves of the libraries. Flux reads a status by kstatus, and by CEL where a Kustomization says so.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import cel
import pytest
import yaml
from lupa.lua51 import LuaRuntime

from seedmill.operator.cluster import Key
from seedmill.operator.observation import RunProgress
from seedmill.operator.reconcile import Reconciler
from seedmill.operator.settings import PodSettings, StoreSettings
from seedmill.operator.situation import Kind
from seedmill.records.ledger import Ledger
from support.fake_cluster import KEY, FakeCluster, last_words, spec
from support.requirements import ROOT

GITOPS = ROOT / "examples" / "gitops"
PAGE = (ROOT / "docs" / "gitops.md").read_text()
POD = PodSettings("seedmill:1", StoreSettings("s3://datasets"), {"seeding": ["seeding:50051"]})
GENERATING = RunProgress("generating", Ledger(accepted=10, pending=5), 1000, 500, 0.5, 180)
TEACHER_AWAY = RunProgress("generating", Ledger(accepted=10, pending=5), 1000, 500, 0, None, (("inference", "away"),))

Object = dict[str, Any]


async def act(cluster: FakeCluster) -> None:
    """Reconcile until nothing is written any more."""
    writes = -1
    while len(cluster.writes) > writes:
        writes = len(cluster.writes)
        await Reconciler(cluster, cluster, POD, lambda: cluster.now).reconcile(KEY)
        cluster.settle()


async def working(cluster: FakeCluster) -> None:
    await act(cluster)
    cluster.start_pods()
    await act(cluster)


async def ended(cluster: FakeCluster, reason: str, exit_code: int) -> None:
    await working(cluster)
    cluster.end_pods(exit_code, last_words(reason, exit_code))
    cluster.settle()
    await act(cluster)


async def not_yet_seen(cluster: FakeCluster) -> None:
    cluster.runs[KEY]["status"] = {}


async def edited(cluster: FakeCluster) -> None:
    await ended(cluster, "TargetReached", 0)
    cluster.edit(target={"acceptedSamples": 200})


async def refused(cluster: FakeCluster) -> None:
    cluster.edit(target={"acceptedSamples": 0})
    await act(cluster)


async def changed_after_success(cluster: FakeCluster) -> None:
    await ended(cluster, "TargetReached", 0)
    cluster.edit(randomSeed=1)
    await act(cluster)


async def waiting(cluster: FakeCluster) -> None:
    cluster.create(spec(seeds={"dataset": {"name": "other"}}))
    cluster.create(key=Key(KEY.namespace, "other"))
    await act(cluster)


async def replacing(cluster: FakeCluster) -> None:
    await working(cluster)
    cluster.edit(target={"acceptedSamples": 200})
    await act(cluster)


async def queued(cluster: FakeCluster) -> None:
    """Kueue's webhook suspends the Job before it has a pod."""
    cluster.edit(queueName="gpu")
    await act(cluster)
    cluster.job_objects[0]["spec"]["suspend"] = True
    cluster.pod_objects.clear()
    await act(cluster)


async def generating(cluster: FakeCluster) -> None:
    cluster.answer = GENERATING
    await working(cluster)


async def held_up(cluster: FakeCluster) -> None:
    cluster.answer = TEACHER_AWAY
    await working(cluster)


async def suspending(cluster: FakeCluster) -> None:
    await working(cluster)
    cluster.edit(suspend=True)
    await act(cluster)


async def suspended(cluster: FakeCluster) -> None:
    await suspending(cluster)
    cluster.end_leaving_pods()
    cluster.settle()
    await act(cluster)


async def published(cluster: FakeCluster) -> None:
    await ended(cluster, "TargetReached", 0)


async def paused(cluster: FakeCluster) -> None:
    await ended(cluster, "BudgetExhausted", 0)


async def stalled(cluster: FakeCluster) -> None:
    await ended(cluster, "ModelNotServed", 2)


@dataclass(frozen=True, slots=True)
class Case:
    """How a run comes into a situation, and what the tools are to say of it."""

    kind: Kind | None
    reached: Callable[[FakeCluster], Awaitable[None]]
    state: str | None
    argo: str
    kstatus: str
    dataset: str
    """Flux with the expressions of the example, which wait for the dataset."""


CASES = [
    Case(None, not_yet_seen, None, "Progressing", "Current", "InProgress"),
    Case(None, edited, "TargetReached", "Progressing", "InProgress", "InProgress"),
    Case(Kind.REFUSED, refused, "InvalidSpec", "Degraded", "Failed", "Failed"),
    Case(Kind.REFUSED, changed_after_success, "SpecChanged", "Degraded", "Failed", "Failed"),
    Case(Kind.WAITING, waiting, "DatasetNotReady", "Progressing", "InProgress", "InProgress"),
    Case(Kind.REPLACING, replacing, "Restarting", "Progressing", "InProgress", "InProgress"),
    Case(Kind.QUEUED, queued, "Queued", "Suspended", "Current", "InProgress"),
    Case(Kind.WORKING, generating, "Generating", "Progressing", "Current", "InProgress"),
    Case(Kind.HELD_UP, held_up, "InferenceUnavailable", "Progressing", "InProgress", "InProgress"),
    Case(Kind.SUSPENDING, suspending, "Suspending", "Progressing", "InProgress", "InProgress"),
    Case(Kind.SUSPENDED, suspended, "Suspended", "Suspended", "Current", "InProgress"),
    Case(Kind.PUBLISHED, published, "TargetReached", "Healthy", "Current", "Current"),
    Case(Kind.PAUSED, paused, "BudgetExhausted", "Suspended", "Current", "InProgress"),
    Case(Kind.STALLED, stalled, "ModelNotServed", "Degraded", "Failed", "Failed"),
]
IDS = [case.reached.__name__ for case in CASES]


async def resource_in(case: Case) -> Object:
    cluster = FakeCluster()
    cluster.create()
    await case.reached(cluster)
    resource = cluster.runs[KEY]
    assert resource["status"].get("state") == case.state
    return resource


def example(folder: str, file: str, kind: str) -> Object:
    documents = yaml.safe_load_all((GITOPS / folder / file).read_text())
    return next(each for each in documents if each["kind"] == kind)


def argo_health(resource: Object) -> tuple[str, str]:
    """Status and message, as Argo CD has them of the script."""
    key = "resource.customizations.health.seedmill.dev_DatasetGeneration"
    script = example("argocd", "argocd-cm.yaml", "ConfigMap")["data"][key]
    lua = LuaRuntime(register_eval=False, register_builtins=False)
    globals_ = lua.globals()
    for name in ("io", "os", "require", "package", "debug", "load", "loadstring", "dofile", "loadfile"):
        globals_[name] = None
    globals_["obj"] = lua.table_from(resource, recursive=True)
    health = lua.execute(script)
    return health["status"], health["message"]


def kstatus(resource: Object) -> str:
    """cli-utils pkg/kstatus/status/{status,generic}.go, for a kind that it does not know."""
    status = resource.get("status", {})
    if status.get("observedGeneration", resource["metadata"]["generation"]) != resource["metadata"]["generation"]:
        return "InProgress"
    conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
    if conditions.get("Reconciling") == "True":
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    return "Current" if conditions.get("Ready", "True") == "True" else "InProgress"


def flux_health(resource: Object) -> str:
    """fluxcd/pkg runtime/cel/status_evaluator.go."""
    (expressions,) = example("flux", "runs.yaml", "Kustomization")["spec"]["healthCheckExprs"]
    assert (expressions["apiVersion"], expressions["kind"]) == ("seedmill.dev/v1alpha1", "DatasetGeneration")
    status = resource["status"]
    if status.get("observedGeneration", resource["metadata"]["generation"]) != resource["metadata"]["generation"]:
        return "InProgress"
    for name, result in (("inProgress", "InProgress"), ("failed", "Failed"), ("current", "Current")):
        if cel.evaluate(expressions[name], resource):
            return result
    return "InProgress"


def test_there_is_a_case_for_each_kind_of_situation() -> None:
    assert {case.kind for case in CASES} == {None, *Kind}


@pytest.mark.parametrize("case", CASES, ids=IDS)
async def test_argo_cd_sees_how_a_run_is(case: Case) -> None:
    resource = await resource_in(case)
    status, message = argo_health(resource)
    assert status == case.argo
    if case.reached in (not_yet_seen, edited):
        assert message == "Waiting for the operator"
    else:
        ready = next(each for each in resource["status"]["conditions"] if each["type"] == "Ready")
        assert message == f"{ready['reason']}: {ready['message']}"


@pytest.mark.parametrize("case", CASES, ids=IDS)
async def test_flux_sees_how_a_run_is(case: Case) -> None:
    resource = await resource_in(case)
    assert kstatus(resource) == case.kstatus
    assert flux_health(resource) == case.dataset


def test_argo_cd_waits_for_an_object_without_a_status() -> None:
    assert argo_health({"metadata": {"generation": 1}}) == ("Progressing", "Waiting for the operator")


def test_the_page_has_the_same_table() -> None:
    """docs/gitops.md, by situation."""
    told = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 6]
    rows = {tuple(cell.strip(" `") for cell in line.strip("|").split("|")[1:]) for line in told}
    for case in CASES:
        if case.state is not None and case.reached is not edited:
            assert any(case.state in row[0] and row[1:] == (case.argo, case.kstatus, case.dataset) for row in rows), (
                case.state
            )
