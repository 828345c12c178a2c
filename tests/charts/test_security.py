"""Pods are restricted, all but execution; secrets are only named; the operator may do little."""

import copy
from typing import Any

import pytest

from seedmill.execution.sandboxes.bundle import CAPABILITIES
from support.charts import CASES, RenderError, case, component, containers, deployment, of_kind, pods, rendered
from support.pod_security import restricted_violations

every_case = pytest.mark.parametrize("name", CASES)

GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "c",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "ports": [{"containerPort": 1}],
            "livenessProbe": {"httpGet": {"port": 1}, "periodSeconds": 1},
        }
    ],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}


@pytest.mark.parametrize(
    ("where", "what", "found"),
    [
        ((), {"hostNetwork": True}, "hostNetwork is true"),
        (("volumes", 0), {"hostPath": {"path": "/"}}, "volume tmp is a hostPath"),
        (("securityContext",), {"runAsNonRoot": False}, "c: runAsNonRoot is not true"),
        (("securityContext",), {"runAsUser": 0}, "c: runAsUser is 0"),
        (("securityContext",), {"seccompProfile": {"type": "Unconfined"}}, "c: no seccompProfile"),
        (("securityContext",), {"sysctls": ["kernel.msgmax"]}, "sysctls are set"),
        (("containers", 0, "securityContext"), {"privileged": True}, "c: privileged"),
        (
            ("containers", 0, "securityContext"),
            {"allowPrivilegeEscalation": None},
            "c: allowPrivilegeEscalation is not false",
        ),
        (("containers", 0, "securityContext"), {"capabilities": {}}, "c: capabilities are not dropped"),
        (("containers", 0, "securityContext", "capabilities"), {"add": ["KILL"]}, "c: adds KILL"),
        (("containers", 0, "securityContext"), {"procMount": "Unmasked"}, "c: procMount is not Default"),
        (("containers", 0, "ports", 0), {"hostPort": 1}, "c: hostPort 1"),
        (("containers", 0, "livenessProbe", "httpGet"), {"host": "x"}, "c: livenessProbe names a host"),
    ],
)
def test_the_restricted_standard_refuses(where: tuple[str | int, ...], what: dict[str, Any], found: str) -> None:
    assert restricted_violations(GOOD) == []
    bad: Any = copy.deepcopy(GOOD)
    target = bad
    for step in where:
        target = target[step]
    target.update(what)
    assert restricted_violations(bad) == [found]


@every_case
def test_every_pod_but_execution_is_restricted(name: str) -> None:
    for metadata, spec in pods(case(name)):
        if component(metadata) != "execution" or "runtimeClassName" not in spec:
            assert restricted_violations(spec) == [], component(metadata)
            assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in containers(spec))


def test_execution_has_what_it_needs_in_its_sandbox_and_nothing_else() -> None:
    ((_, spec),) = [(metadata, spec) for metadata, spec in pods(case("default")) if component(metadata) == "execution"]
    assert spec["runtimeClassName"] == "gvisor"
    added = {capability.removeprefix("CAP_") for capability in CAPABILITIES}
    assert set(restricted_violations(spec)) == {
        "execution: allowPrivilegeEscalation is not false",
        "execution: runAsNonRoot is not true",
        "execution: runAsUser is 0",
        *(f"execution: adds {capability}" for capability in added),
    }
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert "ephemeral-storage" in container["resources"]["limits"]
    assert not [variable for variable in container["env"] if "valueFrom" in variable]
    assert "--isolation" in container["args"]
    assert container["args"][container["args"].index("--isolation") + 1] == "pod"


def test_without_a_sandbox_execution_is_restricted_and_says_process() -> None:
    spec = deployment(case("trying-out"), "execution")["spec"]["template"]["spec"]
    assert restricted_violations(spec) == []
    assert "runtimeClassName" not in spec
    args = spec["containers"][0]["args"]
    assert args[args.index("--isolation") + 1] == "process"


def test_an_empty_runtime_class_is_refused_unless_in_so_many_words() -> None:
    with pytest.raises(RenderError, match=r"execution\.runtimeClassName is empty.*execution\.insecureNoSandbox=true"):
        rendered(values={"execution": {"runtimeClassName": ""}})
    with pytest.raises(RenderError, match="set one of the two"):
        rendered(values={"execution": {"insecureNoSandbox": True}})


@pytest.mark.parametrize(("name", "level"), [("full", "privileged"), (None, "restricted")])
def test_the_namespace_of_execution_allows_no_more_than_its_pods_need(name: str | None, level: str) -> None:
    own = {"namespace": {"name": "x", "create": True}, "runtimeClassName": "", "insecureNoSandbox": True}
    objects = case(name) if name else rendered(values={"execution": own})
    (namespace,) = of_kind(objects, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == level


@every_case
def test_only_the_operator_has_a_token_of_the_api_server(name: str) -> None:
    for metadata, spec in pods(case(name)):
        assert spec["automountServiceAccountToken"] is (component(metadata) == "operator")
        assert spec["enableServiceLinks"] is False
    assert not [each for each in of_kind(case(name), "ServiceAccount") if each["automountServiceAccountToken"]]


@every_case
def test_only_certificates_are_made_and_only_who_needs_a_secret_names_it(name: str) -> None:
    assert {each["type"] for each in of_kind(case(name), "Secret")} == {"kubernetes.io/tls"}
    for metadata, spec in pods(case(name)):
        named = {
            variable["name"]
            for container in containers(spec)
            for variable in container.get("env", [])
            if "secretKeyRef" in variable.get("valueFrom", {})
        }
        allowed = {
            "seeding": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
            "aggregation": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"},
            "inference": {"SEEDMILL_TEACHER_KEY"},
            "engine": {"HF_TOKEN"},
            "s3": {"ROOT_ACCESS_KEY", "ROOT_SECRET_KEY"},
        }
        assert named <= allowed.get(component(metadata), set()), component(metadata)
    if name != "default":
        assert "AWS_ACCESS_KEY_ID" in str(deployment(case(name), "seeding"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"store": {"secretAccessKey": "x"}}, "at '/store': additional properties 'secretAccessKey' not allowed"),
        ({"inference": {"teacherKey": {"value": "x"}}}, "'/inference/teacherKey': additional properties 'value'"),
        ({"inference": {"endpoints": ["https://me:key@host/v1"]}}, "at '/inference/endpoints/0'"),
        (
            {"seeding": {"extraEnv": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}]}},
            "at '/seeding/extraEnv/0/value'",
        ),
        ({"store": {"endpoint": "https://s3.example.org"}}, "store.existingSecret is empty"),
    ],
)
def test_a_secret_in_the_values_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(RenderError) as refused:
        rendered(values=values)
    assert said in str(refused.value)


@every_case
def test_roles_have_no_wildcard_and_nothing_on_secrets_or_roles(name: str) -> None:
    roles = of_kind(case(name), "Role", "ClusterRole")
    for rule in (rule for role in roles for rule in role["rules"]):
        assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert not {"secrets", "roles", "clusterroles", "rolebindings"} & set(rule["resources"])


def test_the_operator_may_act_where_it_looks_and_nowhere_else() -> None:
    alone = case("default")
    assert {role["metadata"]["namespace"] for role in of_kind(alone, "Role")} == {"mill"}
    assert of_kind(alone, "ClusterRole", "ClusterRoleBinding") == []
    assert {role["metadata"]["namespace"] for role in of_kind(case("full"), "Role")} == {"team-a", "team-b"}
    assert of_kind(case("full"), "ClusterRoleBinding") == []
    assert of_kind(case("trying-out"), "Role") == []
    (role,) = of_kind(case("trying-out"), "ClusterRole")
    assert role["rules"] == of_kind(alone, "Role")[0]["rules"]


@every_case
def test_bindings_bind_a_role_that_is_there_to_the_operator(name: str) -> None:
    objects = case(name)
    roles = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects}
    for binding in of_kind(objects, "RoleBinding", "ClusterRoleBinding"):
        reference, (subject,) = binding["roleRef"], binding["subjects"]
        assert (reference["kind"], binding["metadata"].get("namespace"), reference["name"]) in roles
        assert ("ServiceAccount", subject["namespace"], subject["name"]) in roles
        assert subject["name"] == deployment(objects, "operator")["spec"]["template"]["spec"]["serviceAccountName"]
