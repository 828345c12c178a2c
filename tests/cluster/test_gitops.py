"""examples/gitops: overlays render and apply, charts render with the values there, and commands of the page work."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from cluster.control_plane import ControlPlane
from cluster.kubectl import Kubectl, kubectl_in
from seedmill.cli.spec_checks import spec_checks
from seedmill.spec.parse import parse
from support.charts import full_name, of_kind, rendered, rendered_text
from support.requirements import ROOT

GITOPS = ROOT / "examples" / "gitops"
OVERLAYS = sorted(path.parent for path in GITOPS.glob("runs/overlays/*/kustomization.yaml"))
PAGE = (ROOT / "docs" / "gitops.md").read_text()
RUN_NAMESPACES = ["team-a"]

Object = dict[str, Any]


def documents(folder: str) -> list[Object]:
    return [each for path in sorted((GITOPS / folder).glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())]


def of_tool(folder: str, kind: str) -> list[Object]:
    return [each for each in documents(folder) if each["kind"] == kind]


def values_of(tool: str) -> Object:
    """What the tool gives to the chart of the services."""
    if tool == "argocd":
        sources = of_tool("argocd", "Application")[1]["spec"]["sources"]
        return next(each["helm"]["valuesObject"] for each in sources if each["path"] == "charts/seedmill")
    releases = of_tool("flux", "HelmRelease")
    return next(
        each["spec"]["values"] for each in releases if each["spec"]["chart"]["spec"]["chart"] == "charts/seedmill"
    )


@pytest.fixture
def kubectl(control_plane: ControlPlane) -> Kubectl:
    kubectl = kubectl_in(control_plane, "default")
    for name in (*RUN_NAMESPACES, "argocd"):
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        kubectl.call("apply", "--filename=-", stdin=json.dumps(manifest))
    return kubectl


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_an_overlay_renders_to_runs_that_the_api_server_takes(kubectl: Kubectl, overlay: Any) -> None:
    text = kubectl.call("kustomize", str(overlay))
    (run,) = parse(text.encode(), overlay.name, spec_checks())
    assert run.metadata.namespace == overlay.name
    assert (run.spec.target.accepted_samples, run.spec.budget.max_tokens) == (50_000, 2_000_000_000)
    apply = ("apply", "--server-side", "--validate=strict", "--filename=-", "--output=json")
    there = replace(kubectl, namespace=overlay.name)
    checked = json.loads(there.call(*apply, "--dry-run=server", stdin=text))
    assert checked["metadata"]["namespace"] == overlay.name
    first, second = (json.loads(there.call(*apply, stdin=text))["metadata"] for _ in range(2))
    assert first["resourceVersion"] == second["resourceVersion"], "what is unchanged is seen as a change"
    there.call("delete", "dsg", run.metadata.name)


def test_both_tools_install_the_same() -> None:
    assert values_of("argocd") == values_of("flux")
    (_, application) = of_tool("argocd", "Application")
    releases = of_tool("flux", "HelmRelease")
    charts = [each["path"] for each in application["spec"]["sources"]]
    assert charts == [each["spec"]["chart"]["spec"]["chart"] for each in releases]
    for chart in charts:
        assert (ROOT / chart / "Chart.yaml").is_file()
    assert application["spec"]["sources"][1]["helm"]["releaseName"] == releases[1]["metadata"]["name"]
    namespaces = {each["metadata"]["namespace"] for each in releases}
    assert namespaces == {application["spec"]["destination"]["namespace"]}
    assert releases[1]["spec"]["dependsOn"] == [{"name": releases[0]["metadata"]["name"]}]


def test_what_argo_cd_renders_is_the_same_each_time() -> None:
    """The chart's own certificates would not be; an issuer's are made in the cluster."""
    values = values_of("argocd")
    assert rendered_text(values=values) == rendered_text(values=values)
    objects = rendered(values=values)
    assert of_kind(objects, "Certificate")
    assert not of_kind(objects, "Secret")
    roles = [full_name(each) for each in of_kind(objects, "Role")]
    for namespace in RUN_NAMESPACES:
        assert any(each.startswith(f"Role {namespace}/") for each in roles)


@pytest.mark.parametrize(("tool", "kind"), [("argocd", "Application"), ("flux", "Kustomization")])
def test_runs_come_from_an_overlay_that_is_there(tool: str, kind: str) -> None:
    spec = of_tool(tool, kind)[0]["spec"]
    path = spec["source"]["path"] if tool == "argocd" else spec["path"]
    assert (ROOT / path) in OVERLAYS


def test_the_health_check_is_merged_into_what_argo_cd_has(kubectl: Kubectl) -> None:
    command = next(line for line in PAGE.splitlines() if line.startswith("$ kubectl patch configmap argocd-cm"))
    there = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": {"url": "https://a"}}
    kubectl.call("apply", "--namespace=argocd", "--filename=-", stdin=json.dumps(there))
    *words, option, file = command.split()[2:]
    assert option == "--patch-file"
    kubectl.call(*words, f"--patch-file={ROOT / file}")
    data = json.loads(kubectl.call("get", "configmap", "argocd-cm", "--namespace=argocd", "--output=json"))["data"]
    assert data.keys() == {"url", "resource.customizations.health.seedmill.dev_DatasetGeneration"}
