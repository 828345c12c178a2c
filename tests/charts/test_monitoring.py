"""Alerts and dashboards ask for metrics that the services serve, and for labels that those have."""

import asyncio
import json
import re
import socket
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from seedmill.inference import metrics as inference
from seedmill.operator import metrics as operator
from seedmill.operator.job import LABELS
from seedmill.pipeline.metrics import RunMetrics
from seedmill.pipeline.progress import Progress
from seedmill.serving import metrics as build
from seedmill.serving.interceptors import metrics as calls
from support.charts import CASES, NAMESPACE, SERVICES, case, component, of_kind, pods, rendered

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(r"\b[a-z_][a-z0-9_]*(?::[a-z0-9_]+)*\b")
_WORDS = {"and", "or", "unless", "on", "ignoring", "group_left", "group_right", "by", "without", "offset", "bool"}
_GROUPED = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right) *\(([^)]*)\)")
_MATCHERS = re.compile(r"\{([^}]*)\}")
_MATCHED = re.compile(r"([a-z_]+) *[=!]~?")
TARGET_LABELS = {"namespace", "pod", "container", "job", "instance", "endpoint", "le"}
"""What Prometheus and a PodMonitor add, and histograms have."""


def metrics_of(expression: str) -> set[str]:
    """Names of the metrics in a PromQL expression."""
    bare = _GROUPED.sub(" ", _MATCHERS.sub(" ", _STRING.sub('""', expression)))
    bare = re.sub(r"\[[^\]]*\]", " ", bare)
    functions = set(re.findall(r"([a-z_0-9]+) *\(", bare))
    return {name for name in _NAME.findall(bare) if name not in _WORDS | functions and not name.isdigit()}


def labels_of(expression: str) -> set[str]:
    """Names of the labels in it."""
    bare = _STRING.sub('""', expression)
    matched = {name for matchers in _MATCHERS.findall(bare) for name in _MATCHED.findall(matchers)}
    grouped = {name.strip() for names in _GROUPED.findall(bare) for name in names.split(",")}
    return matched | grouped


def alerts() -> Iterator[dict[str, Any]]:
    (rule,) = of_kind(case("full"), "PrometheusRule")
    for group in rule["spec"]["groups"]:
        yield from group["rules"]


def dashboards() -> list[dict[str, Any]]:
    maps = [
        each for each in of_kind(case("full"), "ConfigMap") if "grafana_dashboard" in each["metadata"].get("labels", {})
    ]
    return [json.loads(text) for each in maps for text in each["data"].values()]


def expressions() -> list[str]:
    """Of all alerts and panels."""
    panels = [panel for dashboard in dashboards() for panel in dashboard["panels"]]
    variables = [each["query"] for dashboard in dashboards() for each in dashboard["templating"]["list"][1:]]
    names = [re.sub(r"label_values\((\S+), (\w+)\)", r"sum by (\2) (\1)", query) for query in variables]
    return [*(alert["expr"] for alert in alerts()), *(t["expr"] for panel in panels for t in panel["targets"]), *names]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def page_of(service: str) -> str:
    """What a service, started as in its pod, serves at /metrics."""
    metrics = free_port()
    command = ["serve", service, "--address", "127.0.0.1:0", "--metrics-address", f"127.0.0.1:{metrics}"]
    if service == "execution":
        command += ["--isolation", "process", "--workers", "1"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "seedmill.cli", *command, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b"ready" not in (line := await process.stderr.readline()):
                assert line, f"{service} ended before it was ready"
        return await asyncio.to_thread(get, f"http://127.0.0.1:{metrics}/metrics")
    finally:
        process.terminate()
        await process.communicate()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def series(page: str) -> set[str]:
    """Names of all series that the page's families have or will have."""
    names: set[str] = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE):
        names |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return names


def of_a_run() -> CollectorRegistry:
    """What the pod of a run serves of its own."""
    registry, metrics = CollectorRegistry(), RunMetrics()
    registry.register(metrics)
    metrics.note(Progress(target=1).snapshot())
    return registry


async def test_every_metric_that_is_asked_for_is_served() -> None:
    pages = await asyncio.gather(*(page_of(service) for service in SERVICES))
    pages += [generate_latest(registry).decode() for registry in (REGISTRY, of_a_run())]
    served = set[str]().union(*(series(page) for page in pages))
    asked = set[str]().union(*(metrics_of(expression) for expression in expressions()))
    assert {"grpc_server_handled_total", "seedmill_inference_request_seconds_bucket", "seedmill_build_info"} <= asked
    assert {"seedmill_operator_reconcile_total", "seedmill_dispatch_paid_tokens_total"} <= asked
    assert asked - served == set()


def test_every_label_that_is_asked_for_is_a_label_of_what_is_served() -> None:
    # prometheus_client has no public way to a metric's labels.
    metrics = [each for module in (inference, calls, build, operator) for each in vars(module).values()]
    known: set[str] = {label for metric in metrics for label in getattr(metric, "_labelnames", ())}
    known |= {label for metric in of_a_run().collect() for sample in metric.samples for label in sample.labels}
    assert {"grpc_code", "outcome", "version", "dependency"} <= known
    asked = set[str]().union(*(labels_of(expression) for expression in expressions()))
    assert asked - known - TARGET_LABELS == set()
    shown = re.findall(r"\$labels\.(\w+)|\{\{(\w+)\}\}", json.dumps([list(alerts()), dashboards()]))
    assert {name for pair in shown for name in pair if name} <= known | TARGET_LABELS


@pytest.mark.parametrize(
    ("expression", "metrics", "labels"),
    [
        ('sum by (a, b) (rate(x_total{c=~"OK|NO", d!="e"}[5m])) / 2 > 0.01', {"x_total"}, {"a", "b", "c", "d"}),
        (
            "histogram_quantile(0.9, sum by (le) (rate(y_bucket[$__rate_interval]))) or absent(z)",
            {"y_bucket", "z"},
            {"le"},
        ),
        ("x and on (k) y unless z", {"x", "y", "z"}, {"k"}),
    ],
)
def test_names_are_found_in_promql(expression: str, metrics: set[str], labels: set[str]) -> None:
    assert metrics_of(expression) == metrics
    assert labels_of(expression) == labels


def test_alerts_say_how_bad_it_is_and_what_to_do() -> None:
    names = [alert["alert"] for alert in alerts()]
    assert len(names) == len(set(names)) > 3
    for alert in alerts():
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert alert["annotations"].keys() == {"summary", "description"}


def test_only_services_that_are_installed_are_missed() -> None:
    values = {"execution": {"enabled": False}, "monitoring": {"prometheusRule": {"enabled": True}}}
    (rule,) = of_kind(rendered(values=values), "PrometheusRule")
    expression = rule["spec"]["groups"][0]["rules"][0]["expr"]
    missed = re.findall(r'namespace="(\w+)", container="(\w+)"', expression)
    assert missed == [(NAMESPACE, name) for name in (*SERVICES, "operator") if name != "execution"]


def test_panels_ask_the_data_source_that_the_user_picks() -> None:
    assert dashboards()
    for dashboard in dashboards():
        assert set(re.findall(r'"uid": "([^"]*)"', json.dumps(dashboard))) == {dashboard["uid"], "${datasource}"}
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(ids) == len(set(ids))
        assert "__inputs" not in dashboard


def test_the_pod_monitor_reads_every_service_and_engine() -> None:
    (spec,) = [each["spec"] for each in of_kind(case("full"), "PodMonitor") if component(each) != "run"]
    ports = {endpoint["port"] for endpoint in spec["podMetricsEndpoints"]}
    read = {
        component(metadata)
        for metadata, pod in pods(case("full"))
        if metadata["namespace"] in spec["namespaceSelector"]["matchNames"]
        and spec["selector"]["matchLabels"].items() <= metadata["labels"].items()
        and ports & {port["name"] for container in pod["containers"] for port in container.get("ports", [])}
    }
    assert read == {*SERVICES, "operator", "engine"}


@pytest.mark.parametrize(
    ("name", "where"), [("full", {"matchNames": ["team-a", "team-b"]}), ("trying-out", {"any": True})]
)
def test_the_pod_monitor_of_runs_reads_them_where_they_are(name: str, where: dict[str, Any]) -> None:
    objects = rendered(CASES[name], {"monitoring": {"podMonitor": {"enabled": True}}})
    (spec,) = [each["spec"] for each in of_kind(objects, "PodMonitor") if component(each) == "run"]
    assert spec["namespaceSelector"] == where
    assert spec["selector"]["matchLabels"].items() <= LABELS.items()
    assert [endpoint["port"] for endpoint in spec["podMetricsEndpoints"]] == ["metrics"]


def test_none_of_it_is_there_unless_it_was_asked_for() -> None:
    assert of_kind(case("default"), "PodMonitor", "PrometheusRule", "ConfigMap") == []
