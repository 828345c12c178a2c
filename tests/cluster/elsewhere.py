"""What a run needs that is not seedmill: S3 servers and a teacher, as pods of the whole node."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cluster.api import NAMESPACES, SECRETS, Api, Kind, Object
from cluster.images import reference, write_image
from cluster.waiting import wait_until
from support.requirements import ROOT
from support.s3_server import S3Server

NAMESPACE = "elsewhere"
TEACHER_PORT, S3_PORT = 8000, 7070
VERSITYGW = "localhost/versitygw:test"
DEPLOYMENTS = Kind("apps/v1", "deployments")
SERVICES = Kind("v1", "services")

_RESTRICTED: Object = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def versitygw_image(program: Path, archive: Path) -> None:
    """The S3 server as an image."""
    write_image(archive, VERSITYGW, {"/versitygw": program}, ["/versitygw"])


def make_namespace(api: Api, name: str = NAMESPACE) -> None:
    """Its level of pod security is not set: data folders are those of the machine."""
    api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def start_s3(api: Api, name: str, folder: Path, secret_key: str) -> S3Server:
    """An S3 server of the name whose objects lie in a folder of the machine, so that they outlive its pod."""
    folder.mkdir(parents=True)
    access_key = f"{name}-access"
    container = {
        "name": "s3",
        "image": VERSITYGW,
        "args": ["--port", f":{S3_PORT}", "--access", access_key, "--secret", secret_key, "posix", "/data"],
        "ports": [{"containerPort": S3_PORT}],
        "readinessProbe": {"tcpSocket": {"port": S3_PORT}, "periodSeconds": 1},
        "securityContext": _RESTRICTED,
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    volumes = [{"name": "data", "hostPath": {"path": str(folder)}}]
    address = _deploy(api, name, container, volumes, S3_PORT)
    return S3Server(f"{address}:{S3_PORT}", access_key, secret_key)


def start_teacher(api: Api) -> str:
    """The scripted teacher of the tests; its URL by its Service's address."""
    container = {
        "name": "teacher",
        "image": reference("seedmill"),
        "command": ["python", "/checkout/tests/support/teacher.py"],
        "args": ["--host", "0.0.0.0", "--port", str(TEACHER_PORT)],
        "ports": [{"containerPort": TEACHER_PORT}],
        "readinessProbe": {"tcpSocket": {"port": TEACHER_PORT}, "periodSeconds": 1},
        "securityContext": _RESTRICTED,
        "volumeMounts": [{"name": "tests", "mountPath": "/checkout/tests", "readOnly": True}],
    }
    volumes = [{"name": "tests", "hostPath": {"path": str(ROOT / "tests")}}]
    return f"http://{_deploy(api, 'teacher', container, volumes, TEACHER_PORT)}:{TEACHER_PORT}/v1"


def url_inside(name: str, port: int) -> str:
    """Of one of these, as pods know it."""
    return f"http://{name}.{NAMESPACE}.svc:{port}"


def scale(api: Api, namespace: str, name: str, replicas: int) -> None:
    """Ask a Deployment for this many pods."""
    api.merge(DEPLOYMENTS, namespace, name, {"spec": {"replicas": replicas}})


def make_secret(
    api: Api, namespace: str, name: str, server: S3Server, more: Mapping[str, str] = MappingProxyType({})
) -> None:
    """The keys of a store, as seedmill reads them."""
    data = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key, **more}
    secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
    api.create(SECRETS, secret, namespace=namespace)


def _deploy(api: Api, name: str, container: Object, volumes: list[Any], port: int) -> str:
    """A Deployment of one pod and its Service, once it is ready. The Service's address."""
    labels = {"app": name}
    metadata: Object = {"name": name, "namespace": NAMESPACE}
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": volumes,
    }
    spec = {
        "selector": {"matchLabels": labels},
        "strategy": {"type": "Recreate"},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    deployment: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    api.create(DEPLOYMENTS, deployment, namespace=NAMESPACE)
    service: Object = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
    made = api.create(
        SERVICES, service | {"spec": {"selector": labels, "ports": [{"port": port}]}}, namespace=NAMESPACE
    )
    wait_until(lambda: bool(api.get(DEPLOYMENTS, NAMESPACE, name).get("status", {}).get("readyReplicas")), name, 60)
    return made["spec"]["clusterIP"]
