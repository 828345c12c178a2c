"""What docs/kubernetes.md shows works with the chart."""

import re
from typing import Any

import typer.main
import yaml

from seedmill.cli.main import app
from support.charts import CHART, SERVICES, component, helm, of_kind, rendered
from support.network_policies import Pod, allowed
from support.pod_security import restricted_violations
from support.requirements import ROOT

BLOCKS = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "kubernetes.md").read_text(), re.MULTILINE | re.DOTALL)
VALUES, JOB = (yaml.safe_load(block) for block in BLOCKS)


def installed() -> list[dict[str, Any]]:
    """The release that the page installs."""
    text = helm("template", "mill", CHART, "--namespace", "seedmill", "--values", "-", stdin=yaml.safe_dump(VALUES))
    return [each for each in yaml.safe_load_all(text) if each]


def job_parameters() -> dict[str, Any]:
    (container,) = JOB["spec"]["template"]["spec"]["containers"]
    command: Any = typer.main.get_command(app)
    name, *rest = container["args"]
    return command.commands[name].make_context(name, rest).params


def test_the_first_values_are_taken() -> None:
    assert rendered(values=VALUES)


def test_the_job_is_restricted() -> None:
    assert restricted_violations(JOB["spec"]["template"]["spec"]) == []


def test_the_job_calls_the_services_where_they_are_and_may() -> None:
    objects, parameters = installed(), job_parameters()
    job = Pod(JOB["metadata"]["namespace"], JOB["spec"]["template"]["metadata"]["labels"])
    for service in of_kind(objects, "Service"):
        name, namespace = component(service), service["metadata"]["namespace"]
        port = service["spec"]["ports"][0]["port"]
        assert parameters[name] == [f"{service['metadata']['name']}.{namespace}.svc:{port}"]
        called = Pod(namespace, service["spec"]["selector"])
        assert allowed(of_kind(objects, "NetworkPolicy"), job, called, port)
    assert {component(service) for service in of_kind(objects, "Service")} == set(SERVICES)


def test_the_job_uses_the_store_of_the_values() -> None:
    (container,) = JOB["spec"]["template"]["spec"]["containers"]
    assert job_parameters()["store"] == VALUES["store"]["uri"]
    assert {"name": "SEEDMILL_S3_ENDPOINT", "value": VALUES["store"]["endpoint"]} in container["env"]
    assert container["envFrom"] == [{"secretRef": {"name": VALUES["store"]["existingSecret"]}}]
