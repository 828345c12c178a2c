"""A client of the API server that shows tests everything it says: objects as maps, refusals with their causes.

Paths are those of the API (`/api/v1/namespaces`); `Kind` makes them. It is not the operator's client: a test must be
able to send what that one would never send.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import urllib3

Object = dict[str, Any]

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server refused: its status code, reason and words."""

    def __init__(self, request: str, status: int, body: Object) -> None:
        self.status = status
        self.reason = str(body.get("reason", ""))
        self.message = str(body.get("message", body))
        super().__init__(f"{request}: {status} {self.reason}: {self.message}")


@dataclass(frozen=True, slots=True)
class Kind:
    """Where objects of a kind are: `Kind("batch/v1", "jobs")`."""

    api_version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        place = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return "/".join(part for part in (f"{root}{place}/{self.plural}", name, subresource) if part)


CONFIG_MAPS = Kind("v1", "configmaps")
CRDS = Kind("apiextensions.k8s.io/v1", "customresourcedefinitions", namespaced=False)
EVENTS = Kind("events.k8s.io/v1", "events")
GENERATIONS = Kind("seedmill.dev/v1alpha1", "datasetgenerations")
JOBS = Kind("batch/v1", "jobs")
NAMESPACES = Kind("v1", "namespaces", namespaced=False)
NETWORK_POLICIES = Kind("networking.k8s.io/v1", "networkpolicies")
NODES = Kind("v1", "nodes", namespaced=False)
PODS = Kind("v1", "pods")
RUNTIME_CLASSES = Kind("node.k8s.io/v1", "runtimeclasses", namespaced=False)
SECRETS = Kind("v1", "secrets")
SERVICE_ACCOUNTS = Kind("v1", "serviceaccounts")


class Api:
    """Calls an API server as one user: by certificate, or by token. Close it, or use it as a context."""

    def __init__(
        self, server: str, authority: Path, *, certificate: Path | None = None, key: Path | None = None, token: str = ""
    ) -> None:
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = urllib3.PoolManager(
            maxsize=4,
            retries=False,
            timeout=urllib3.Timeout(connect=5, read=30),
            ca_certs=str(authority),
            cert_file=str(certificate) if certificate else None,
            key_file=str(key) if key else None,
        )

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._pool.clear()

    def call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        """One request. Raises ApiError for every answer but 2xx; a server that is away raises urllib3's errors."""
        headers = {**self._headers, "Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        url = f"{self._server}{path}" + (f"?{urlencode(query)}" if query else "")
        answer = self._pool.request(method, url, body=None if body is None else json.dumps(body), headers=headers)
        try:
            said: Object = json.loads(answer.data)
        except ValueError:
            said = {"message": answer.data.decode(errors="replace")}
        if not 200 <= answer.status < 300:
            raise ApiError(f"{method} {path}", answer.status, said)
        return said

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        return self.call("GET", kind.path(namespace, name))

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, or None when there is none of that name."""
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, kind: Kind, namespace: str = "", labels: str = "") -> list[Object]:
        return self.call("GET", kind.path(namespace), query={"labelSelector": labels} if labels else None)["items"]

    def create(self, kind: Kind, manifest: Object, *, namespace: str = "", dry_run: bool = False) -> Object:
        """POST under strict validation: fields that the API server does not know are refused."""
        query = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        return self.call("POST", kind.path(namespace), manifest, query=query)

    def apply(self, kind: Kind, manifest: Object, *, namespace: str = "") -> Object:
        """Server-side apply under strict validation, as `kubectl apply --server-side` does it."""
        query = {"fieldManager": "test", "fieldValidation": "Strict", "force": "true"}
        path = kind.path(namespace, manifest["metadata"]["name"])
        return self.call("PATCH", path, manifest, query=query, content_type=APPLY)

    def merge(self, kind: Kind, namespace: str, name: str, patch: Object, *, subresource: str = "") -> Object:
        """JSON merge patch, under strict validation."""
        path = kind.path(namespace, name, subresource)
        return self.call("PATCH", path, patch, query={"fieldValidation": "Strict"}, content_type=MERGE)

    def delete(self, kind: Kind, namespace: str, name: str, **options: Any) -> None:
        """DELETE with DeleteOptions, such as `propagationPolicy="Foreground"`; gone already is fine."""
        try:
            self.call("DELETE", kind.path(namespace, name), options or None)
        except ApiError as error:
            if error.status != 404:
                raise

    def table(self, kind: Kind, namespace: str) -> tuple[list[Object], list[Object]]:
        """Columns and rows, as kubectl asks for them."""
        said = self.call("GET", kind.path(namespace), accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        return said["columnDefinitions"], said["rows"]

    def each(self, kind: Kind, namespace: str) -> Iterator[tuple[str, Object]]:
        """Name and object of each."""
        for each in self.items(kind, namespace):
            yield each["metadata"]["name"], each
