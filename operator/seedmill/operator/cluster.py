"""What the operator needs of Kubernetes, as a protocol: `api.py` speaks to a real API server, tests have a small one.

Objects are JSON as the API server gives it. All of these may raise ApiError, which means: try again later.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from seedmill.operator.conditions import Event
from seedmill.operator.observation import Json


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """A DatasetGeneration."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class ApiError(Exception):
    """The API server refused, or did not answer (status 0)."""

    def __init__(self, status: int, what: str, message: str) -> None:
        super().__init__(f"{what}: {message} ({status})" if status else f"{what}: {message}")
        self.status = status
        self.message = message


class Conflict(ApiError):
    """The object is not the one that was looked at any more: look again."""


class Cluster(Protocol):
    """Calls of one reconcile."""

    async def run(self, key: Key) -> Json | None:
        """The DatasetGeneration, or None."""
        ...

    async def jobs(self, key: Key) -> list[Json]:
        """Jobs that carry the run's label."""
        ...

    async def pods(self, key: Key) -> list[Json]:
        """Pods that carry the run's label."""
        ...

    async def apply_job(self, namespace: str, manifest: dict[str, Any]) -> None:
        """Make it, by server-side apply; that it is there is fine."""
        ...

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """In the foreground, this very one; that it is gone is fine."""
        ...

    async def delete_run(self, resource: Json) -> None:
        """This very one, unchanged. Raises Conflict when it has changed."""
        ...

    async def write_status(self, resource: Json, status: dict[str, Any]) -> None:
        """Replace the status of the resource as it was looked at. Raises Conflict when it has changed."""
        ...

    async def post_event(self, resource: Json, event: Event) -> None:
        """Tell of it; the same event of the same generation a second time is none."""
        ...
