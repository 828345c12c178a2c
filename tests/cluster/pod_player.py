"""Plays scheduler and kubelet: takes pods through their phases by writing what those two would write.

What the Job controller and the operator do with a pod depends on its status alone, so a pod that is played ends in
milliseconds, with any exit code and termination message, at the moment that a test wants.
"""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cluster.api import NODES, PODS, Api, ApiError, Object

NODE = "played"
MAX_MESSAGE_BYTES = 4096
"""Of a termination message: what the kubelet keeps."""

NOWHERE = "192.0.2.1"
"""An address of documentation (RFC 5737): who asks the pod something gets no answer."""

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class End:
    """How a pod's container ends, and how long after it began."""

    exit_code: int = 0
    message: str = ""
    after_seconds: float = 0.0


class PodPlayer:
    """Plays the pods of one namespace, one call at a time, or all of them as they come (`playing`)."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        try:
            api.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
        except ApiError as error:
            if error.status != 409:
                raise

    def pods(self, labels: str = "") -> list[Object]:
        """Those there are, oldest first, those that are being deleted included."""
        return sorted(
            self._api.items(PODS, self._namespace, labels), key=lambda pod: pod["metadata"]["creationTimestamp"]
        )

    def wait_for_pod(self, labels: str = "", *, but: frozenset[str] = frozenset(), seconds: float = 20) -> Object:
        """The first pod whose name is not in `but`. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for pod in self.pods(labels):
                if pod["metadata"]["name"] not in but:
                    return pod
            time.sleep(_POLL_SECONDS)
        raise TimeoutError(f"no pod {labels} came in {seconds} s")

    def start(self, name: str, address: str = NOWHERE) -> None:
        """Pending to Running: bind it to a node, and say that its container runs, reached at this IP."""
        target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        self._api.call("POST", PODS.path(self._namespace, name, "binding"), binding)
        self._patch(name, "Running", {"running": {"startedAt": _now()}}, address)

    def end(self, name: str, end: End) -> None:
        """To Succeeded or Failed, by the exit code of its container."""
        message = end.message.encode()[:MAX_MESSAGE_BYTES].decode(errors="ignore")
        terminated = {
            "exitCode": end.exit_code,
            "reason": "Completed" if end.exit_code == 0 else "Error",
            "message": message,
            "finishedAt": _now(),
        }
        self._patch(name, "Failed" if end.exit_code else "Succeeded", {"terminated": terminated})

    def delete(self, name: str) -> None:
        """As a drain does it: ask for its deletion, end its container by SIGTERM, let it go."""
        self._api.delete(PODS, self._namespace, name)
        self.let_go(name)

    def let_go(self, name: str) -> None:
        """What a kubelet does with a pod whose deletion was asked for: end its container, confirm that it is gone."""
        pod = self._api.find(PODS, self._namespace, name)
        if pod is None:
            return
        if pod.get("status", {}).get("phase") == "Running":
            self.end(name, End(143))
        self._api.delete(PODS, self._namespace, name, gracePeriodSeconds=0)

    def _patch(self, name: str, phase: str, state: Object, address: str | None = None) -> None:
        """`address` is that of a pod which begins to run."""
        ready = address is not None
        pod = self._api.get(PODS, self._namespace, name)
        (container,) = pod["spec"]["containers"]
        status: Object = {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": ready,
            "restartCount": 0,
            "state": state,
        }
        truth = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
        conditions = [{"type": kind, "status": str(holds)} for kind, holds in truth.items()]
        patch: Object = {"phase": phase, "containerStatuses": [status], "conditions": conditions}
        if ready:
            patch |= {"startTime": _now(), "podIP": address, "podIPs": [{"ip": address}]}
        self._api.merge(PODS, self._namespace, name, {"status": patch}, subresource="status")

    @contextmanager
    def playing(self, script: Callable[[Object], End], *, leave_seconds: float = 0) -> "Generator[Played]":
        """Play all pods as they come, in a thread: `script` says of each pod, as it starts, how it will end.

        One whose deletion was asked for is let go `leave_seconds` later, as one that finishes what is in flight.
        """
        played = Played()
        stop = threading.Event()

        def play() -> None:
            while not stop.wait(_POLL_SECONDS):
                try:
                    for pod in self.pods():
                        self._step(pod, script, played, leave_seconds)
                except Exception as error:
                    played.error = error
                    return

        thread = threading.Thread(target=play, name="pod-player")
        thread.start()
        try:
            yield played
        finally:
            stop.set()
            thread.join()
        if played.error is not None:
            raise played.error

    def _step(self, pod: Object, script: Callable[[Object], End], played: "Played", leave_seconds: float) -> None:
        name = pod["metadata"]["name"]
        phase = pod.get("status", {}).get("phase", "Pending")
        try:
            if pod["metadata"].get("deletionTimestamp"):
                if time.monotonic() >= played.leaving.setdefault(name, time.monotonic() + leave_seconds):
                    self.let_go(name)
                    played.running.pop(name, None)
            elif phase == "Pending" and name not in played.running:
                end = script(pod)
                self.start(name)
                played.starts.append(pod)
                played.running[name] = (end, time.monotonic() + end.after_seconds)
            elif phase == "Running" and (played.hurried or time.monotonic() >= played.running[name][1]):
                self.end(name, played.running.pop(name)[0])
        except ApiError as error:
            if error.status not in (404, 409):  # it was deleted, or changed, while we looked: the next look tells
                raise


@dataclass(slots=True)
class Played:
    """What `playing` did."""

    starts: list[Object] = field(default_factory=list[Object])
    """Each pod as it was when it was started."""
    running: dict[str, tuple[End, float]] = field(default_factory=dict[str, tuple[End, float]])
    """By name: how a pod that runs will end, and when by the monotonic clock."""
    hurried: bool = False
    """Set by a test: from now on pods end as soon as they run."""
    leaving: dict[str, float] = field(default_factory=dict[str, float])
    """By name: when a pod whose deletion was asked for is let go."""
    error: Exception | None = None


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
