"""What docs/kubernetes.md shows works with the chart, up to the Job that the operator makes of the run on it."""

import json
import re
from typing import Any

import typer.main
import yaml

from seedmill.cli.main import app
from seedmill.operator.job import job_manifest
from seedmill.operator.settings import PodSettings, StoreSettings
from seedmill.spec.model import DatasetGeneration
from support.charts import CHART, SERVICES, component, deployment, helm, of_kind, rendered
from support.network_policies import Pod, allowed
from support.pod_security import restricted_violations
from support.requirements import ROOT

BLOCKS = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "kubernetes.md").read_text(), re.MULTILINE | re.DOTALL)
VALUES, RUN = (yaml.safe_load(block) for block in BLOCKS)


def installed() -> list[dict[str, Any]]:
    """The release that the page installs."""
    text = helm("template", "mill", CHART, "--namespace", "seedmill", "--values", "-", stdin=yaml.safe_dump(VALUES))
    return [each for each in yaml.safe_load_all(text) if each]


def parsed(args: list[str]) -> dict[str, Any]:
    """What the real command line finds in the arguments after `seedmill`."""
    command: Any = typer.main.get_command(app)
    name, *rest = args
    return command.commands[name].make_context(name, rest).params


def job(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """What the release's operator makes of the page's run."""
    (container,) = deployment(objects, "operator")["spec"]["template"]["spec"]["containers"]
    told = parsed(container["args"])
    store = StoreSettings(told["store"], told["store_endpoint"], told["store_region"], told["store_secret"])
    services = {name: told[name] for name in SERVICES}
    settings = PodSettings(told["image"], store, services, tls_secret=told["tls_secret"])
    resource = RUN | {"metadata": RUN["metadata"] | {"uid": "0"}}
    generation = DatasetGeneration.model_validate_json(json.dumps(RUN))
    return job_manifest("python-pairs-0", generation, resource, settings)


def test_the_first_values_are_taken() -> None:
    assert rendered(values=VALUES)


def test_the_pod_of_the_run_is_restricted() -> None:
    assert restricted_violations(job(installed())["spec"]["template"]["spec"]) == []


def test_the_run_calls_the_services_where_they_are_and_may() -> None:
    objects = installed()
    made = job(objects)
    template = made["spec"]["template"]
    called_as = parsed(template["spec"]["containers"][0]["args"])
    run = Pod(made["metadata"]["namespace"], template["metadata"]["labels"])
    policies = of_kind(objects, "NetworkPolicy")
    for service in of_kind(objects, "Service"):
        name, namespace = component(service), service["metadata"]["namespace"]
        port = service["spec"]["ports"][0]["port"]
        assert called_as[name] == [f"{service['metadata']['name']}.{namespace}.svc:{port}"]
        assert allowed(policies, run, Pod(namespace, service["spec"]["selector"]), port)
    assert {component(service) for service in of_kind(objects, "Service")} == set(SERVICES)


def test_the_operator_may_ask_the_run_where_it_answers() -> None:
    objects = installed()
    made, operator = job(objects), deployment(objects, "operator")
    template = made["spec"]["template"]
    run = Pod(made["metadata"]["namespace"], template["metadata"]["labels"])
    asking = Pod(operator["metadata"]["namespace"], operator["spec"]["template"]["metadata"]["labels"])
    ports = {each["name"]: each["containerPort"] for each in template["spec"]["containers"][0]["ports"]}
    assert allowed(of_kind(objects, "NetworkPolicy"), asking, run, ports["progress"])
    assert not allowed(of_kind(objects, "NetworkPolicy"), asking, run, ports["metrics"])


def test_the_run_has_the_store_of_the_values_and_a_certificate_that_is_there() -> None:
    objects = installed()
    spec = job(objects)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert parsed(container["args"])["store"] == VALUES["store"]["uri"]
    assert {"name": "SEEDMILL_S3_ENDPOINT", "value": VALUES["store"]["endpoint"]} in container["env"]
    keys = [variable["valueFrom"]["secretKeyRef"] for variable in container["env"] if "valueFrom" in variable]
    assert {key["name"] for key in keys} == {VALUES["store"]["existingSecret"]}
    (mounted,) = [volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume]
    made = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in of_kind(objects, "Secret")}
    assert (RUN["metadata"]["namespace"], mounted) in made
