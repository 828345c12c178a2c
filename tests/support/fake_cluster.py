"""A small Kubernetes for the operator's tests: objects in memory, a Job controller, pods that a test plays.

The contract with the real one, in what the operator uses: uids and resource versions; `generation` moves with the spec
alone; a status write under an old version is a Conflict; a Job that is deleted in the foreground stays, marked, until
its pods are gone, and one deleted in the background goes at once while its pods still end; a Job makes one pod at a
time, and the next only when the one before has ended; exit status 0 completes it, 2 and 5 fail it, all others make a
new pod; a finished Job goes when its time to live is over. tests/cluster drives the operator against a real API server.

`crash_in` lets the operator die: so many calls later one raises Killed, before or after it has taken effect.
"""

import copy
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from seedmill.operator.cluster import Conflict, Key
from seedmill.operator.conditions import Event
from seedmill.operator.observation import Observed, Other, RunProgress, observed_job, observed_pod
from seedmill.records.ledger import Ledger

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = Key("team-a", "mine")

Object = dict[str, Any]


class Killed(BaseException):
    """The operator's process has ended here."""


def spec(**changes: Any) -> Object:
    """A spec that parses, as an API server would hold it."""
    plain: Object = {
        "recipe": {"commentFunction": {}},
        "seeds": {"corpus": {"uri": "installed:stdlib"}},
        "target": {"acceptedSamples": 100},
        "suspend": False,
    }
    return {**plain, **changes}


def last_words(reason: str = "TargetReached", exit_code: int = 0, rows: int = 100, tokens: int = 0) -> str:
    """What `seedmill dispatch` leaves."""
    dataset = {"uri": f"s3://datasets/runs/{rows}", "digest": f"{rows:064x}", "rows": rows} if exit_code == 0 else None
    words = {"reason": reason, "message": f"{reason}.", "exitCode": exit_code, "tokens": tokens, "dataset": dataset}
    return json.dumps({**words, "ledger": Ledger(accepted=rows).to_json(), "run": "runs/team-a/mine-01234567"})


@dataclass(slots=True)
class FakeCluster:
    """All calls of `seedmill.operator.cluster.Cluster`, and what a test does behind the operator's back."""

    now: datetime = START
    runs: dict[Key, Object] = field(default_factory=dict[Key, Object])
    job_objects: list[Object] = field(default_factory=list[Object])
    pod_objects: list[Object] = field(default_factory=list[Object])
    events: list[Event] = field(default_factory=list[Event])
    writes: list[str] = field(default_factory=list[str])
    jobs_made: int = 0
    crash_in: int | None = None
    crash_after: bool = False
    answer: RunProgress | None = None
    _counter: Iterator[int] = field(default_factory=itertools.count)

    # What the operator calls.

    async def run(self, key: Key) -> Object | None:
        self._call()
        return copy.deepcopy(self.runs.get(key))

    async def jobs(self, key: Key) -> list[Object]:
        self._call()
        return copy.deepcopy(self.labelled(self.job_objects, key))

    async def pods(self, key: Key) -> list[Object]:
        self._call()
        return copy.deepcopy(self.labelled(self.pod_objects, key))

    async def apply_job(self, namespace: str, manifest: Object) -> None:
        with_crash = self._write("apply job")
        if not any(job["metadata"]["name"] == manifest["metadata"]["name"] for job in self.job_objects):
            job = copy.deepcopy(manifest)
            job["metadata"] |= {"uid": self._new("job")}
            job["status"] = {}
            self.job_objects.append(job)
            self.jobs_made += 1
        self._end_call(with_crash)

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        with_crash = self._write("delete job")
        for job in self.job_objects:
            if job["metadata"]["uid"] == uid:
                job["metadata"]["deletionTimestamp"] = self.time()
        self._end_call(with_crash)

    async def delete_run(self, resource: Object) -> None:
        with_crash = self._write("delete run")
        self._current(resource)
        del self.runs[KEY]
        self._end_call(with_crash)

    async def write_status(self, resource: Object, status: Object) -> None:
        with_crash = self._write("status")
        current = self._current(resource)
        current["status"] = copy.deepcopy(status)
        current["metadata"]["resourceVersion"] = self._new("")
        self._end_call(with_crash)

    async def post_event(self, resource: Object, event: Event) -> None:
        with_crash = self._write("event")
        self.events.append(event)
        self._end_call(with_crash)

    async def progress(self, address: str) -> RunProgress | None:
        return self.answer

    # What people and controllers do.

    def create(self, given: Object | None = None, key: Key = KEY, **metadata: Any) -> Object:
        names = {"name": key.name, "namespace": key.namespace, "uid": self._new("run"), "generation": 1}
        resource = {"metadata": {**names, "resourceVersion": self._new(""), **metadata}, "spec": given or spec()}
        self.runs[key] = resource
        return resource

    def edit(self, key: Key = KEY, **changes: Any) -> None:
        resource = self.runs[key]
        resource["spec"] = {**resource["spec"], **changes}
        resource["metadata"]["generation"] += 1
        resource["metadata"]["resourceVersion"] = self._new("")

    def delete(self, key: Key = KEY) -> None:
        """With the garbage collector: Jobs that it owned are deleted in the background."""
        uid = self.runs.pop(key)["metadata"]["uid"]
        for job in list(self.job_objects):
            if job["metadata"]["ownerReferences"][0]["uid"] == uid:
                self.delete_in_background(job)

    def delete_in_background(self, job: Object) -> None:
        self.job_objects.remove(job)

    def settle(self) -> None:
        """One round of the Job controller and the garbage collector."""
        for job in list(self.job_objects):
            pods = self.pods_of(job)
            if "deletionTimestamp" in job["metadata"]:
                self.pod_objects = [pod for pod in self.pod_objects if pod not in pods or is_alive(pod)]
                if not any(map(is_alive, pods)):
                    self.job_objects.remove(job)
            elif ended := _end_of(job):
                at = datetime.fromisoformat(ended["lastTransitionTime"])
                if self.now - at > timedelta(seconds=job["spec"]["ttlSecondsAfterFinished"]):
                    self.job_objects.remove(job)
            else:
                self._next_step(job, pods)
        uids = {job["metadata"]["uid"] for job in self.job_objects}
        self.pod_objects = [pod for pod in self.pod_objects if _owner(pod) in uids or is_alive(pod)]

    def _next_step(self, job: Object, pods: list[Object]) -> None:
        codes = [_terminated(pod).get("exitCode") for pod in pods]
        if 0 in codes:
            self._finish(job, "Complete", "")
        elif final := next((code for code in codes if code in (2, 5)), None):
            words = (
                f"Container dispatch for pod team-a/x failed with exit code {final} matching FailJob rule at index 0"
            )
            self._finish(job, "Failed", words)
        else:
            job["status"]["failed"] = len([code for code in codes if code is not None])
            if not job["spec"].get("suspend") and not any(map(is_alive, pods)):
                name = f"{job['metadata']['name']}-{self._new('')}"
                owner = {"uid": job["metadata"]["uid"], "controller": True}
                labels = job["spec"]["template"]["metadata"]["labels"]
                metadata = {"name": name, "namespace": "team-a", "labels": labels, "ownerReferences": [owner]}
                self.pod_objects.append({"metadata": metadata, "status": {"phase": "Pending"}})

    def start_pods(self) -> None:
        for pod in self.pod_objects:
            if pod["status"]["phase"] == "Pending":
                state = {"running": {"startedAt": self.time()}}
                pod["status"] = {
                    "phase": "Running",
                    "podIP": "10.0.0.1",
                    "containerStatuses": [{"name": "dispatch", "state": state}],
                }

    def end_pods(self, exit_code: int, message: str = "") -> None:
        """Every pod that runs ends like this."""
        for pod in self.pod_objects:
            if pod["status"]["phase"] == "Running":
                terminated = {"exitCode": exit_code, "message": message, "finishedAt": self.time()}
                pod["status"]["containerStatuses"][0]["state"] = {"terminated": terminated}
                pod["status"]["phase"] = "Failed" if exit_code else "Succeeded"

    def end_leaving_pods(self, exit_code: int = 143) -> None:
        """Pods whose Job is being deleted, or is gone, hear SIGTERM and end."""
        staying = {job["metadata"]["uid"] for job in self.job_objects if "deletionTimestamp" not in job["metadata"]}
        for pod in self.pod_objects:
            if _owner(pod) not in staying and is_alive(pod):
                pod["status"] = {"phase": "Failed", "containerStatuses": [_ended(exit_code, "", self.time())]}

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # What tests look at.

    def observed(self, key: Key = KEY, **others: Other) -> Observed:
        jobs, pods = self.labelled(self.job_objects, key), self.labelled(self.pod_objects, key)
        return Observed(
            copy.deepcopy(self.runs[key]), self.now, [*map(observed_job, jobs)], [*map(observed_pod, pods)], others
        )

    def conditions(self, key: Key = KEY) -> dict[str, tuple[str, str]]:
        """(status, reason) by type."""
        conditions = self.runs[key].get("status", {}).get("conditions", [])
        return {each["type"]: (each["status"], each["reason"]) for each in conditions}

    def pods_of(self, job: Object) -> list[Object]:
        return [pod for pod in self.pod_objects if _owner(pod) == job["metadata"]["uid"]]

    def living_pods(self) -> list[Object]:
        return [pod for pod in self.pod_objects if is_alive(pod)]

    def staying_jobs(self) -> list[Object]:
        return [job for job in self.job_objects if "deletionTimestamp" not in job["metadata"]]

    def labelled(self, objects: list[Object], key: Key) -> list[Object]:
        return [each for each in objects if each["metadata"]["labels"].get("seedmill.dev/run") == key.name]

    def time(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _finish(self, job: Object, how: str, message: str) -> None:
        condition = {"type": how, "status": "True", "message": message, "lastTransitionTime": self.time()}
        job["status"]["conditions"] = [condition]

    def _current(self, resource: Object) -> Object:
        current = self.runs.get(Key(resource["metadata"]["namespace"], resource["metadata"]["name"]))
        if current is None or current["metadata"]["resourceVersion"] != resource["metadata"]["resourceVersion"]:
            raise Conflict(409, "write", "the object has been modified")
        return current

    def _call(self) -> bool:
        """Die here, if it is time; True: die when the call has taken effect."""
        if self.crash_in is None:
            return False
        self.crash_in -= 1
        if self.crash_in >= 0:
            return False
        self.crash_in = None
        if self.crash_after:
            return True
        raise Killed

    def _write(self, what: str) -> bool:
        self.writes.append(what)
        return self._call()

    def _end_call(self, crash: bool) -> None:
        if crash:
            raise Killed

    def _new(self, prefix: str) -> str:
        return f"{prefix}{next(self._counter)}"


def is_alive(pod: Object) -> bool:
    return pod["status"]["phase"] in ("Pending", "Running")


def _owner(pod: Object) -> str:
    return pod["metadata"]["ownerReferences"][0]["uid"]


def _terminated(pod: Object) -> Object:
    statuses = pod["status"].get("containerStatuses", [])
    return statuses[0]["state"].get("terminated", {}) if statuses else {}


def _ended(exit_code: int, message: str, at: str) -> Object:
    terminated = {"exitCode": exit_code, "message": message, "finishedAt": at}
    return {"name": "dispatch", "state": {"terminated": terminated}}


def _end_of(job: Object) -> Object | None:
    return next(iter(job["status"].get("conditions", [])), None)
