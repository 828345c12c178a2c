"""Who is who: certificates, where they lie, and who may read them."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.charts import (
    CASES,
    NAMESPACE,
    SERVICES,
    Manifest,
    RenderError,
    case,
    component,
    deployment,
    of_kind,
    pods,
    rendered,
)

PARTS = {*SERVICES, "operator", "test", "run"}
ISSUER = {"tls": {"certManager": {"issuerRef": {"name": "ca", "kind": "ClusterIssuer"}}}}


def secrets_of(objects: list[Manifest]) -> dict[str, list[Manifest]]:
    """The certificates' Secrets by component."""
    found: dict[str, list[Manifest]] = {}
    for each in of_kind(objects, "Secret"):
        found.setdefault(each["metadata"]["labels"].get("app.kubernetes.io/component", "ca"), []).append(each)
    return found


def file(folder: Path, secret: Manifest, name: str) -> Path:
    path = folder / f"{secret['metadata']['namespace']}-{secret['metadata']['name']}-{name}"
    path.write_bytes(base64.b64decode(secret["data"][name]))
    return path


def openssl(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True).stdout


def test_the_chart_makes_one_authority_and_a_certificate_for_each(tmp_path: Path) -> None:
    found = secrets_of(case("full"))
    assert found.keys() == {*PARTS, "ca"}
    assert {each["metadata"]["namespace"] for each in found["run"]} == {"team-a", "team-b"}
    (authority,) = found.pop("ca")
    for name, each in ((name, each) for name, secrets in found.items() for each in secrets):
        assert each["data"].keys() == {"tls.crt", "tls.key", "ca.crt"}
        assert each["data"]["ca.crt"] == authority["data"]["tls.crt"]
        certificate = file(tmp_path, each, "tls.crt")
        openssl("verify", "-CAfile", file(tmp_path, each, "ca.crt"), certificate)
        said = openssl("x509", "-in", certificate, "-noout", "-ext", "subjectAltName,extendedKeyUsage")
        assert f"DNS:{name}.seedmill.internal" in said
        assert "Server Authentication" in said
        assert "Client Authentication" in said


def test_cert_manager_makes_them_where_an_issuer_is_named() -> None:
    objects = rendered(CASES["full"], ISSUER)
    assert of_kind(objects, "Secret") == []
    certificates = of_kind(objects, "Certificate")
    assert {component(each["metadata"]) for each in certificates} == PARTS
    for each in certificates:
        assert each["spec"]["dnsNames"] == [f"{component(each['metadata'])}.seedmill.internal"]
        assert each["spec"]["issuerRef"] == {"name": "ca", "kind": "ClusterIssuer"}


def test_secrets_of_yours_are_used_and_not_made() -> None:
    yours = {name: f"my-{name}" for name in PARTS}
    objects = rendered(CASES["full"], {"tls": {"existingSecrets": yours}})
    assert secrets_of(objects) == {}
    assert {mounted(spec) for metadata, spec in pods(objects) if component(metadata) in PARTS} == {
        f"my-{name}" for name in PARTS - {"run"}
    }


@pytest.mark.parametrize("name", list(CASES))
def test_each_mounts_its_own_and_no_other(name: str) -> None:
    objects = case(name)
    made = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in of_kind(objects, "Secret")}
    for metadata, spec in pods(objects):
        if component(metadata) not in PARTS:
            assert mounted(spec) is None
            continue
        secret = mounted(spec)
        assert secret is not None
        assert secret.endswith(f"-tls-{component(metadata)}")
        assert (metadata["namespace"], secret) in made
        (container,) = spec["containers"]
        assert {"name": "SEEDMILL_TLS", "value": "/run/seedmill/tls"} in container["env"]


def test_programs_in_the_sandbox_cannot_read_the_key_of_the_service() -> None:
    for metadata, spec in pods(case("default")):
        (volume,) = [each for each in spec["volumes"] if each["name"] == "tls"]
        mode = volume["secret"]["defaultMode"]
        assert mode == (0o400 if component(metadata) == "execution" else 0o440)


def test_the_kubelet_asks_where_no_certificate_is_needed() -> None:
    paths = {"startup": "/readyz", "readiness": "/readyz", "liveness": "/healthz"}
    for name in SERVICES:
        (container,) = deployment(case("default"), name)["spec"]["template"]["spec"]["containers"]
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in paths}
        assert {kind: get["path"] for kind, get in asked.items()} == paths
        assert {ports[get["port"]] for get in asked.values()} == {9090}


def test_switched_off_there_is_none_of_it() -> None:
    objects = rendered(values={"tls": {"enabled": False}})
    assert of_kind(objects, "Secret", "Certificate") == []
    assert all(mounted(spec) is None for _, spec in pods(objects))
    assert not [each for _, spec in pods(objects) for each in spec["containers"][0]["env"] if "TLS" in each["name"]]
    assert "--tls" not in str(objects)
    assert "kubernetes.io/h2c" in str(objects)
    assert "kubernetes.io/h2c" not in str(case("default"))


def test_the_operator_gives_runs_the_secret_that_is_theirs() -> None:
    (secret,) = secrets_of(case("default"))["run"]
    args = deployment(case("default"), "operator")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args[args.index("--tls-secret") + 1] == secret["metadata"]["name"]
    assert args[args.index("--tls") + 1] == "/run/seedmill/tls"


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"existingSecrets": {"runs": "x"}}, "at '/tls/existingSecrets'"),
        ({"certManager": {"issuerRef": {"names": "x"}}}, "at '/tls/certManager/issuerRef'"),
        ({"certManager": {"issuerRef": {"kind": "Issuer"}}}, "missing property 'name'"),
    ],
)
def test_a_mistake_is_refused(tls: dict[str, Any], said: str) -> None:
    with pytest.raises(RenderError) as refused:
        rendered(values={"tls": tls})
    assert said in str(refused.value)


def mounted(spec: Any) -> str | None:
    """The Secret of certificates that a pod mounts."""
    return next((each["secret"]["secretName"] for each in spec["volumes"] if each["name"] == "tls"), None)


def test_namespaces_of_runs_have_one_each() -> None:
    objects = rendered(values={"operator": {"watchNamespaces": ["b", "a"]}})
    assert [each["metadata"]["namespace"] for each in secrets_of(objects)["run"]] == ["a", "b"]
    assert [each["metadata"]["namespace"] for each in secrets_of(case("default"))["run"]] == [NAMESPACE]
