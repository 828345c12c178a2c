"""The chart renders, for its defaults and each file of ci/, to objects that hold together."""

from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main
import yaml

from seedmill.cli.main import app
from seedmill.execution.level import level_named
from seedmill.inference.endpoint_names import parse_endpoint
from seedmill.serving.addresses import HostPort, parse_address
from support.charts import (
    CASES,
    CHART,
    NAMESPACE,
    RELEASE,
    SERVICES,
    Manifest,
    RenderError,
    case,
    component,
    containers,
    deployment,
    full_name,
    helm,
    of_kind,
    pods,
    rendered,
    rendered_text,
)

CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
LABELS = {"name", "instance", "part-of", "version", "managed-by"}

UsageError = typer.BadParameter.__base__ or Exception
"""What the command line raises for arguments that it does not take; typer names only this subclass."""

every_case = pytest.mark.parametrize("name", CASES)


def own(objects: list[Manifest]) -> list[Manifest]:
    """Without extraObjects, which are the user's."""
    return [each for each in objects if "labels" in each["metadata"] or each["kind"] != "ConfigMap"]


@every_case
def test_helm_lint_finds_nothing(name: str) -> None:
    values = [argument for path in CASES[name] for argument in ("--values", path)]
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART, *values)


@every_case
def test_the_same_values_give_the_same_bytes(name: str) -> None:
    # Keys that the chart makes itself are new each time, as they must be where nobody keeps them.
    values: Manifest = {"tls": {"certManager": {"issuerRef": {"name": "ca"}}}}
    assert rendered_text(CASES[name], values) == rendered_text(CASES[name], values)


@every_case
def test_every_object_has_its_namespace_and_labels(name: str) -> None:
    for each in own(case(name)):
        assert ("namespace" in each["metadata"]) == (each["kind"] not in CLUSTER_WIDE), full_name(each)
        labels = each["metadata"]["labels"]
        assert {f"app.kubernetes.io/{label}" for label in LABELS} <= labels.keys(), full_name(each)
        assert labels["app.kubernetes.io/instance"] == RELEASE


@every_case
def test_no_two_objects_have_one_name(name: str) -> None:
    names = [full_name(each) for each in case(name)]
    assert len(names) == len(set(names))


@every_case
def test_every_container_says_what_it_needs(name: str) -> None:
    for metadata, spec in pods(case(name)):
        for container in containers(spec):
            resources = container["resources"]
            assert {"cpu", "memory"} <= resources["requests"].keys(), metadata["labels"]
            assert "memory" in resources["limits"], metadata["labels"]


@every_case
def test_images_have_a_tag_or_digest_and_never_the_newest(name: str) -> None:
    for _, spec in pods(case(name)):
        for container in containers(spec):
            tag = container["image"].rpartition("/")[2].partition(":")[2]
            assert tag
            assert tag != "latest"


def test_the_registry_of_the_values_stands_before_every_image() -> None:
    images = [container["image"] for _, spec in pods(case("full")) for container in containers(spec)]
    assert all(image.startswith("mirror.example.org/team/") for image in images)
    assert f"mirror.example.org/team/seedmill/seedmill:0.1.0@sha256:{'0123456789abcdef' * 4}" in images


@every_case
def test_selectors_find_their_pods_and_no_others(name: str) -> None:
    objects = case(name)
    templates = [metadata for metadata, _ in pods(objects)]
    for each in of_kind(objects, "Deployment", "Service", "PodDisruptionBudget"):
        selector = each["spec"]["selector"]
        selector = selector.get("matchLabels", selector)
        found = [
            metadata
            for metadata in templates
            if metadata["namespace"] == each["metadata"]["namespace"] and selector.items() <= metadata["labels"].items()
        ]
        assert len(found) == 1, full_name(each)
        assert component(found[0]) == component(each)


@every_case
def test_ports_of_services_are_ports_of_their_containers(name: str) -> None:
    objects = case(name)
    for service in of_kind(objects, "Service"):
        selector = service["spec"]["selector"]
        (spec,) = [spec for metadata, spec in pods(objects) if selector.items() <= metadata["labels"].items()]
        named = {port["name"]: port["containerPort"] for each in spec["containers"] for port in each.get("ports", [])}
        for port in service["spec"]["ports"]:
            assert named[port["targetPort"]] == port["port"], full_name(service)


@every_case
def test_probes_ask_ports_that_are_there(name: str) -> None:
    for metadata, spec in pods(case(name)):
        for container in spec["containers"]:
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
            for probe in (container[kind] for kind in container if kind.endswith("Probe")):
                (handler,) = {"grpc", "httpGet", "tcpSocket"} & probe.keys()
                assert probe[handler]["port"] in {*ports, *ports.values()}, metadata["labels"]


@every_case
def test_autoscalers_name_a_deployment_that_leaves_its_replicas_to_them(name: str) -> None:
    deployments = {each["metadata"]["name"]: each for each in of_kind(case(name), "Deployment")}
    for each in of_kind(case(name), "HorizontalPodAutoscaler", "ScaledObject"):
        assert "replicas" not in deployments[each["spec"]["scaleTargetRef"]["name"]]["spec"]


@every_case
def test_what_pods_mount_and_run_as_is_rendered_or_named_by_the_values(name: str) -> None:
    objects = case(name)
    accounts = {
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in of_kind(objects, "ServiceAccount")
    }
    claims = {each["metadata"]["name"] for each in of_kind(objects, "PersistentVolumeClaim")}
    for metadata, spec in pods(objects):
        if component(metadata) != "test":
            assert (metadata["namespace"], spec["serviceAccountName"]) in accounts
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for container in containers(spec):
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
        for volume in volumes.values():
            assert volume.get("persistentVolumeClaim", {}).get("claimName") in {None, *claims}


def parsed(args: list[str]) -> tuple[str, dict[str, Any]]:
    """The command that the real command line finds in these arguments, and its parameters. Starts nothing."""
    command: Any = typer.main.get_command(app)
    path, rest = ["seedmill"], list(args)
    while hasattr(command, "commands"):
        command = command.commands[rest[0]]
        path.append(rest.pop(0))
    return " ".join(path), command.make_context(path[-1], rest).params


@every_case
def test_the_real_command_line_takes_the_arguments_of_every_container(name: str) -> None:
    commands: set[str] = set()
    for metadata, spec in pods(case(name)):
        for container in spec["containers"]:
            if container.get("command") == ["seedmill"] and component(metadata) in SERVICES:
                path, parameters = parsed(container["args"])
                assert path == f"seedmill serve {component(metadata)}"
                check_parameters(parameters, spec)
                commands.add(path)
    assert len(commands) == (3 if name == "services-only" else 4)


def check_parameters(parameters: dict[str, Any], spec: Manifest) -> None:
    """What the services themselves say to the values, short of starting."""
    ports = {port["name"]: port["containerPort"] for port in spec["containers"][0]["ports"]}
    for name, key in (("grpc", "address"), ("metrics", "metrics_address")):
        address = parse_address(parameters[key])
        assert isinstance(address, HostPort)
        assert address.port == ports[name]
    assert spec["terminationGracePeriodSeconds"] >= parameters["drain_seconds"] + parameters["grace_seconds"] + 10
    endpoints: list[str] = parameters.get("endpoint") or []
    for endpoint in endpoints:
        parse_endpoint(endpoint)
    if "isolation" in parameters:
        level_named(parameters["isolation"])


@pytest.mark.parametrize("name", ["default", "full", "trying-out"])
def test_the_operator_is_told_what_was_installed(name: str) -> None:
    spec = deployment(case(name), "operator")["spec"]["template"]["spec"]
    command, said = parsed(spec["containers"][0]["args"])
    assert command == "seedmill operator"
    services = {address.split(".")[0] for each in SERVICES for address in said[each]}
    assert services == {
        each["metadata"]["name"] for each in of_kind(case(name), "Service") if component(each) in SERVICES
    }
    ports = {port["containerPort"] for port in spec["containers"][0]["ports"]}
    assert {parse_address(said[each]).port for each in ("metrics_address", "health_address")} == ports  # type: ignore
    assert said["all_namespaces"] == (name == "trying-out")
    assert (said["store_secret"] or "") == ("" if name == "default" else "store")
    # An empty one is refused by the run that needs it, in words; a made-up one might be somebody's.
    assert said["store"] == {"default": "", "full": "s3://datasets/team-a", "trying-out": "s3://seedmill"}[name]


def test_an_option_that_is_not_there_is_noticed() -> None:
    with pytest.raises(UsageError, match="No such option: --adress"):
        parsed(["serve", "seeding", "--address", "0.0.0.0:1", "--adress", "x"])


def test_engines_stand_behind_the_gateway() -> None:
    args = deployment(case("full"), "inference")["spec"]["template"]["spec"]["containers"][0]["args"]
    services = [each for each in of_kind(case("full"), "Service") if component(each) == "engine"]
    assert len(services) == 2
    for service in services:
        (port,) = service["spec"]["ports"]
        assert f"openai:http://{service['metadata']['name']}.{NAMESPACE}.svc:{port['port']}/v1" in args


@pytest.mark.parametrize(
    ("outside", "models", "gpus"),
    [(0, [], "0"), (0.5, [], "0.5"), (4, [{"name": "a", "model": "m", "gpus": 2, "replicas": 3}], "10")],
)
def test_the_gateway_is_told_the_gpus_behind_it(outside: float, models: list[Manifest], gpus: str) -> None:
    engines = {"models": models, "cache": {"accessMode": "ReadWriteMany"}}
    values = {"inference": {"gpus": outside}, "engines": engines}
    args = deployment(rendered(values=values), "inference")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args[args.index("--gpus") + 1] == gpus


def test_an_engine_has_its_gpus_cache_shared_memory_and_half_an_hour() -> None:
    engines = [each for each in of_kind(case("full"), "Deployment") if component(each) == "engine"]
    by_name = {each["metadata"]["name"].rpartition("-")[2]: each["spec"] for each in engines}
    assert {name: spec["replicas"] for name, spec in by_name.items()} == {"coder": 1, "judge": 3}
    budgets = [each for each in of_kind(case("full"), "PodDisruptionBudget") if component(each) == "engine"]
    assert [each["spec"]["maxUnavailable"] for each in budgets] == [1, 1]
    for name, gpus in (("coder", 2), ("judge", 1)):
        assert by_name[name]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
        spec = by_name[name]["template"]["spec"]
        (engine,) = spec["containers"]
        assert engine["resources"]["limits"]["nvidia.com/gpu"] == gpus
        assert engine["resources"]["limits"]["memory"] == "48Gi"
        assert f"--tensor-parallel-size={gpus}" in engine["args"]
        assert engine["startupProbe"]["periodSeconds"] * engine["startupProbe"]["failureThreshold"] == 1800
        assert by_name[name]["progressDeadlineSeconds"] > 1800
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        assert volumes["shm"]["emptyDir"]["medium"] == "Memory"
        assert volumes["cache"]["persistentVolumeClaim"]["claimName"].endswith(name)
        assert {"name": "shm", "mountPath": "/dev/shm"} in engine["volumeMounts"]
        assert spec["tolerations"][0]["key"] == "nvidia.com/gpu"


def test_an_upgrade_changes_no_selector(tmp_path: Path) -> None:
    """Selectors are immutable: a changed one makes every upgrade fail."""
    helm("package", CHART, "--version", "9.9.9", "--app-version", "9.9.9", "--destination", tmp_path)
    newer = tmp_path / "seedmill-9.9.9.tgz"
    text = helm("template", RELEASE, newer, "--namespace", NAMESPACE, "--values", CASES["full"][0])
    assert "9.9.9" in text
    changed = {
        "execution": {"podLabels": {"a": "b"}, "replicas": 5},
        "image": {"tag": "v9"},
        "s3": {"image": {"tag": "v9"}},
    }
    assert selectors(rendered(values=changed)) == selectors(case("default"))
    assert selectors([each for each in yaml.safe_load_all(text) if each]) == selectors(case("full"))


def selectors(objects: list[Manifest]) -> dict[str, Any]:
    return {full_name(each): each["spec"]["selector"] for each in of_kind(objects, "Deployment", "Service")}


def test_a_user_cannot_replace_the_labels_that_selectors_name() -> None:
    with pytest.raises(
        RenderError, match=r"seeding\.podLabels: app\.kubernetes\.io/component is the chart's own label"
    ):
        rendered(values={"seeding": {"podLabels": {"app.kubernetes.io/component": "x"}}})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("default", ["There is no store", "There is no teacher", f"helm test {RELEASE} --namespace {NAMESPACE}"]),
        ("full", ["kubectl --namespace team-a apply"]),
        ("trying-out", ["a server for trying out", "run WITHOUT a sandbox", f"the Secret {RELEASE}-seedmill-tls-run"]),
        ("services-only", ["there are no network policies", "There is no operator"]),
    ],
)
def test_the_notes_are_about_these_values(name: str, said: list[str]) -> None:
    values = [argument for path in CASES[name] for argument in ("--values", path)]
    notes = notes_of(*values)
    assert all(words in notes for words in said), notes
    assert ("There is no store" in notes) == (name == "default")
    assert "tls.enabled" not in notes


def test_the_notes_warn_of_open_connections() -> None:
    assert "WARNING: tls.enabled is false" in notes_of("--set=tls.enabled=false")


def notes_of(*values: str | Path) -> str:
    """What an installation would end with."""
    said = helm("install", RELEASE, CHART, "--dry-run=client", "--namespace", NAMESPACE, *values)
    return said.partition("NOTES:")[2]
