"""The API server, through `kubernetes.aio`: JSON in and out, our own budget of writes, errors as two classes.

The generated models are left aside: a run needs a dozen fields of three kinds of objects, and a model for each object
of each list would cost more than the rest of a pass.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException

from seedmill.operator import metrics
from seedmill.operator.cluster import ApiError, Conflict, Key
from seedmill.operator.conditions import Event
from seedmill.operator.job import FIELD_MANAGER
from seedmill.operator.observation import RUN_LABEL, Json
from seedmill.operator.plan import MANAGER
from seedmill.operator.write_budget import WriteBudget
from seedmill.serving.errors import Misconfigured
from seedmill.spec.crd import GROUP, PLURAL, VERSION
from seedmill.spec.model import API_VERSION, KIND

REQUEST_SECONDS = 30.0
MOST_TRIES = 3
LONGEST_RETRY_AFTER_SECONDS = 10.0
PAGE = 500
NOTE_BYTES = 1000
ERROR_CHARACTERS = 300
_NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


async def configuration() -> Configuration:
    """How to reach the API server: the pod's service account, else the kubeconfig. Raises Misconfigured."""
    made, config = Configuration(), cast("Any", kube_config)
    try:
        config.load_incluster_config(client_configuration=made)
    except ConfigException:
        try:
            await config.load_kube_config(client_configuration=made)
        except (ConfigException, OSError) as error:
            raise Misconfigured(
                "NoCluster", f"no cluster: this is no pod with a service account, and there is no kubeconfig ({error})"
            ) from error
    return made


class Api:
    """A connection to the API server. Made inside the event loop that uses it, closed with `close`."""

    def __init__(self, of: Configuration, writes: WriteBudget) -> None:
        self._client: Any = ApiClient(of)
        self._writes = writes
        self._instance = socket.gethostname()[:128]
        self.answered_at = 0.0
        """When the API server answered last, by the loop's clock; 0 before it ever did."""

    async def close(self) -> None:
        await self._client.close()

    async def run(self, key: Key) -> Json | None:
        try:
            return await self._call("GET", PLURAL, _runs_path(key.namespace, key.name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def run_keys(self, namespace: str | None) -> AsyncIterator[Key]:
        """All runs of a namespace, or of all of them, by name alone."""
        token = ""
        while True:
            query = {"limit": str(PAGE), **({"continue": token} if token else {})}
            page = await self._call("GET", PLURAL, _runs_path(namespace), query, accept=_NAMES_ONLY)
            for item in page["items"]:
                yield Key(item["metadata"]["namespace"], item["metadata"]["name"])
            token = page["metadata"].get("continue", "")
            if not token:
                return

    async def ask(self, namespace: str | None) -> None:
        """The cheapest question that needs our own rights. Raises ApiError."""
        await self._call("GET", PLURAL, _runs_path(namespace), {"limit": "1"}, accept=_NAMES_ONLY)

    async def jobs(self, key: Key) -> list[Json]:
        return await self._labelled("jobs", f"/apis/batch/v1/namespaces/{key.namespace}/jobs", key)

    async def pods(self, key: Key) -> list[Json]:
        return await self._labelled("pods", f"/api/v1/namespaces/{key.namespace}/pods", key)

    async def apply_job(self, namespace: str, manifest: dict[str, Any]) -> None:
        name: str = manifest["metadata"]["name"]
        path = f"{_jobs_path(namespace)}/{name}"
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        try:
            await self._call("PATCH", "jobs", path, query, manifest, "application/apply-patch+yaml")
        except ApiError as error:
            # 422: it is there already, made by an operator with other settings; a Job's template cannot be changed.
            if error.status != 422 or not await self._is_there(namespace, name):
                raise

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        options = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
        try:
            await self._call("DELETE", "jobs", f"{_jobs_path(namespace)}/{name}", body=options)
        except ApiError as error:
            if error.status not in (404, 409):  # 409: another one has that name now
                raise

    async def delete_run(self, resource: Json) -> None:
        metadata = resource["metadata"]
        same = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        await self._call("DELETE", PLURAL, _run_path(resource), body={"preconditions": same})

    async def write_status(self, resource: Json, status: dict[str, Any]) -> None:
        patch = {
            "metadata": {"resourceVersion": resource["metadata"]["resourceVersion"]},
            "status": merge_patch(resource.get("status") or {}, status),
        }
        path = f"{_run_path(resource)}/status"
        query = {"fieldManager": FIELD_MANAGER}
        await self._call("PATCH", f"{PLURAL}/status", path, query, patch, "application/merge-patch+json")

    async def post_event(self, resource: Json, event: Event) -> None:
        metadata = resource["metadata"]
        # One name for one piece of news, so that a second operator, or a second try, tells nobody twice.
        news = [metadata["uid"], metadata["resourceVersion"], event.reason, event.message]
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name']}.{sha256(json.dumps(news).encode()).hexdigest()[:16]}",
                "namespace": metadata["namespace"],
            },
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": event.type,
            "reason": event.reason[:128],
            "note": event.message.encode()[:NOTE_BYTES].decode(errors="ignore"),
            "action": "Reconcile",
            "reportingController": MANAGER,
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
        }
        path = f"/apis/events.k8s.io/v1/namespaces/{metadata['namespace']}/events"
        with suppress(Conflict):
            await self._call("POST", "events", path, {"fieldManager": FIELD_MANAGER}, body)

    async def _labelled(self, resource: str, path: str, key: Key) -> list[Json]:
        return (await self._call("GET", resource, path, {"labelSelector": f"{RUN_LABEL}={key.name}"}))["items"]

    async def _is_there(self, namespace: str, name: str) -> bool:
        """Asked as a list, which the operator may ask for anyway."""
        try:
            found = await self._call("GET", "jobs", _jobs_path(namespace), {"fieldSelector": f"metadata.name={name}"})
        except ApiError:
            return False
        return bool(found["items"])

    async def _call(
        self,
        method: str,
        resource: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        """The answer as JSON. Raises Conflict and ApiError. A server that asks us to come back is obeyed."""
        if method != "GET":
            await self._writes.take()
        for attempt in range(1, MOST_TRIES + 1):
            status, headers, data = await self._send(method, path, query, body, content_type, accept)
            metrics.api_requests.labels(method, resource, str(status)).inc()
            if status == 429 and attempt < MOST_TRIES:
                await asyncio.sleep(_retry_after(headers))
                continue
            if 200 <= status < 300:
                return json.loads(data)
            what = f"{method} {path}"
            raise (Conflict if status == 409 else ApiError)(status, what, _words(data))
        raise AssertionError("the last try returns or raises")

    async def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Any, content_type: str, accept: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        headers = {"Content-Type": content_type, "Accept": accept}
        try:
            method, url, headers, body, _ = await self._client.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = await self._client.call_api(method, url, headers, body, _request_timeout=REQUEST_SECONDS)
            data = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            metrics.api_requests.labels(method, "", "0").inc()
            words = str(error) or type(error).__name__
            raise ApiError(0, f"{method} {path}", f"the API server does not answer: {words}") from error
        self.answered_at = asyncio.get_running_loop().time()
        return answer.status, answer.headers, data


def merge_patch(before: Json, after: Json) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) that makes the one of the other."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            if old != value:
                patch[name] = merge_patch(cast("Json", old), cast("Json", value))
        elif old != value:
            patch[name] = value
    return patch


def _runs_path(namespace: str | None, name: str = "") -> str:
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{where}/{PLURAL}" + (f"/{name}" if name else "")


def _run_path(resource: Json) -> str:
    return _runs_path(resource["metadata"]["namespace"], resource["metadata"]["name"])


def _jobs_path(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def _retry_after(headers: Mapping[str, str]) -> float:
    try:
        return min(LONGEST_RETRY_AFTER_SECONDS, max(0.1, float(headers.get("Retry-After", "1"))))
    except ValueError:
        return 1.0


def _words(data: bytes) -> str:
    """The API server's own, if it said something."""
    try:
        return str(json.loads(data)["message"])[:ERROR_CHARACTERS]
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace")[:ERROR_CHARACTERS]
