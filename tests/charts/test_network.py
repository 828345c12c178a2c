"""What the network policies leave open: every edge that is needed, and no other."""

from dataclasses import dataclass

import pytest

from seedmill.operator.job import LABELS
from support.charts import CASES, NAMESPACE, SERVICES, Manifest, case, component, of_kind, pods, rendered
from support.network_policies import Outside, Peer, Pod, allowed

GRPC, PROGRESS, METRICS, ENGINE, S3, HTTPS = 50051, 9095, 9090, 8000, 7070, 443
DNS = Pod("kube-system", {"k8s-app": "kube-dns"})
PROMETHEUS = Pod("monitoring", {"app": "prometheus"})
STRANGER = Pod(NAMESPACE, {"app": "stranger"})
STORE, TEACHER, API, WEB = (Outside(address) for address in ("192.0.2.3", "198.51.100.7", "10.96.0.1", "203.0.113.9"))
PORTS = (22, 53, 80, HTTPS, 6443, S3, ENGINE, METRICS, 9000, PROGRESS, GRPC)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The pods of a case by component, and the policies about them."""

    policies: list[Manifest]
    pods: dict[str, Pod]

    def open(self, caller: Peer, called: Peer, port: int, protocol: str = "TCP") -> bool:
        return allowed(self.policies, caller, called, port, protocol)

    def edges(self, caller: str) -> set[tuple[str, int]]:
        """Every component and port that a component's pods may reach by TCP."""
        return {
            (name, port)
            for name, called in self.pods.items()
            for port in PORTS
            if called != self.pods[caller] and self.open(self.pods[caller], called, port)
        }


def cluster(objects: list[Manifest], run_namespace: str = NAMESPACE) -> Cluster:
    found = {component(metadata): Pod(metadata["namespace"], metadata["labels"]) for metadata, _ in pods(objects)}
    found["run"] = Pod(run_namespace, LABELS)
    return Cluster(of_kind(objects, "NetworkPolicy"), found)


@pytest.fixture
def full() -> Cluster:
    return cluster(case("full"), "team-b")


@pytest.mark.parametrize("name", [name for name in CASES if name != "services-only"])
def test_execution_reaches_nothing(name: str) -> None:
    it = cluster(case(name))
    others = [*it.pods.values(), DNS, PROMETHEUS, STRANGER, STORE, TEACHER, API, WEB]
    for other in others:
        for port in PORTS:
            for protocol in ("TCP", "UDP"):
                assert not it.open(it.pods["execution"], other, port, protocol), (other, port, protocol)


def test_every_edge_that_is_needed_is_open_and_no_other(full: Cluster) -> None:
    services = {(name, GRPC) for name in SERVICES}
    assert full.edges("run") == services
    assert full.edges("test") == services
    assert full.edges("operator") == {("run", PROGRESS)}
    assert full.edges("inference") == {("engine", ENGINE)}
    for name in ("seeding", "aggregation", "engine", "execution"):
        assert full.edges(name) == set(), name


def test_in_the_cluster_the_store_is_reached_by_those_who_use_it() -> None:
    it = cluster(case("trying-out"), "any-team")
    reaching = {name for name, pod in it.pods.items() if it.open(pod, it.pods["s3"], S3)}
    assert reaching == {"seeding", "aggregation", "run"}
    assert it.edges("s3") == set()
    assert it.edges("run") == {*((name, GRPC) for name in SERVICES), ("s3", S3)}


def test_outside_only_what_the_values_name_is_reached(full: Cluster) -> None:
    def reaching(address: Outside) -> set[str]:
        return {name for name, pod in full.pods.items() for port in PORTS if full.open(pod, address, port)}

    assert reaching(STORE) == {"seeding", "aggregation", "run"}
    assert reaching(TEACHER) == {"inference"}
    assert reaching(API) == {"operator"}
    assert reaching(WEB) == set()


@pytest.mark.parametrize(("endpoint", "port"), [("https://s3.example.org", 443), ("http://minio.store.svc:9000", 9000)])
def test_without_rules_the_port_of_the_endpoint_is_open(endpoint: str, port: int) -> None:
    store = {"endpoint": endpoint, "existingSecret": "store"}
    it = cluster(rendered(values={"store": store, "inference": {"endpoints": [f"openai:{endpoint}/v1"]}}))
    for name, found in it.pods.items():
        ports = {each for each in PORTS if it.open(found, WEB, each)}
        expected = {"operator": {443, 6443}}.get(
            name, {port} if name in {"seeding", "aggregation", "run", "inference"} else set()
        )
        assert ports == expected, name


def test_names_are_asked_by_all_who_name_others(full: Cluster) -> None:
    for protocol in ("UDP", "TCP"):
        asking = {name for name, pod in full.pods.items() if full.open(pod, DNS, 53, protocol)}
        assert asking == full.pods.keys() - {"execution", "s3"}


def test_metrics_are_read_by_those_who_are_named(full: Cluster) -> None:
    def read(it: Cluster, port: int) -> set[str]:
        return {name for name, pod in it.pods.items() if it.open(PROMETHEUS, pod, port)}

    assert read(full, METRICS) == {*SERVICES, "operator", "run"}
    assert read(full, ENGINE) == {"engine"}
    assert read(full, GRPC) == set()
    assert read(cluster(case("default")), METRICS) == set()


def test_runs_are_guarded_in_each_namespace_that_has_them() -> None:
    policies = cluster(case("full")).policies
    guarded = [each for each in policies if component(each) == "run"]
    assert {each["metadata"]["namespace"] for each in guarded} == {"team-a", "team-b"}
    for each in guarded:
        assert each["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert each["spec"]["podSelector"]["matchLabels"].items() <= LABELS.items()


def test_a_stranger_reaches_nothing(full: Cluster) -> None:
    for caller in (STRANGER, Pod("team-c", full.pods["run"].labels), WEB):
        for pod in full.pods.values():
            assert not [port for port in PORTS if full.open(caller, pod, port)]


def test_without_policies_everything_is_open() -> None:
    it = cluster(case("services-only"))
    assert it.policies == []
    assert it.open(STRANGER, it.pods["seeding"], GRPC)
