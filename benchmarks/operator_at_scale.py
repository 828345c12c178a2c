"""What the operator needs for a thousand runs at a time: memory, what it asks of the API server, how long a pass takes.

    PYTHONPATH=tests .venv/bin/python benchmarks/operator_at_scale.py [--runs 1000] [--output FILE.md]

etcd, API server and Job controller are real, and so is the operator, a process with the chart's rights. Pods are played
(tests/cluster/pod_player.py): each runs as soon as its Job has made it, answers the operator's questions with numbers
that grow, and ends well once all have run together for a while. Writes and reads are counted in the API server's audit
log, passes in the operator's own metrics, memory is the process's high-water mark (VmHWM).
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

import grpc

from cluster.api import GENERATIONS, NAMESPACES, PODS, SERVICE_ACCOUNTS, Api, Object
from cluster.control_plane import ControlPlane, condition_of, running_control_plane
from cluster.ends import published
from cluster.generations import generation
from cluster.operator_process import ACCOUNT, arguments, let_in
from cluster.pod_player import PodPlayer
from cluster.program import running_program
from cluster.waiting import wait_until
from seedmill.v1alpha1 import run_pb2 as pb
from seedmill.v1alpha1 import run_pb2_grpc as pb_grpc
from support.requirements import ROOT, built

NAMESPACE = "runs"
METRICS_PORT = 19095
PROGRESS_PORT = 9095
"""Where the operator asks a pod; all pods are played at one address."""
TOGETHER_SECONDS = 120.0
LOOK_SECONDS = 1.0
LONGEST_SECONDS = 3 * 3600.0
SUSTAINED_SECONDS = 60

RSS_TARGET_MIB = 200
WRITES_TARGET = 10.0
WRITING = {"create", "update", "patch", "delete", "deletecollection"}


class Run(pb_grpc.RunServiceServicer):
    """Any run: each answer has made more."""

    def __init__(self) -> None:
        self._answers = count(1)

    def GetProgress(self, request: pb.GetProgressRequest, context: object) -> pb.GetProgressResponse:  # noqa: N802
        rows = next(self._answers)
        ledger = pb.Ledger(requested=rows * 2, accepted=rows, rejected={"tests_failed": rows})
        counted = pb.TokenCount(prompt=rows * 100, completion=rows * 200)
        return pb.GetProgressResponse(phase="generating", ledger=ledger, counted=counted, rows_per_second=1.5)


@dataclass(slots=True)
class Times:
    """Seconds since the first run was made."""

    began: float
    all_running: float = 0.0
    done: float = 0.0
    problems: list[str] = field(default_factory=list[str])

    def now(self) -> float:
        return time.monotonic() - self.began


@contextmanager
def answering_pods() -> Generator[None]:
    server = grpc.server(ThreadPoolExecutor(4))
    pb_grpc.add_RunServiceServicer_to_server(Run(), server)
    server.add_insecure_port(f"127.0.0.1:{PROGRESS_PORT}")
    server.start()
    try:
        yield
    finally:
        server.stop(0).wait()


def play(api: Api, runs: int, times: Times) -> None:
    """Start pods as they come; once all run, let them work together for a while, then end them."""
    player = PodPlayer(api, NAMESPACE)
    running: set[str] = set()
    while len(running) < runs:
        for name in phase(api, "Pending"):
            player.start(name, "127.0.0.1")
            running.add(name)
        time.sleep(LOOK_SECONDS)
    times.all_running = times.now()
    print(f"all run after {times.all_running:.0f} s", flush=True)
    time.sleep(TOGETHER_SECONDS)
    for name in running:
        player.end(name, published())


def phase(api: Api, name: str) -> list[str]:
    """Names of pods in this phase."""
    query = {"fieldSelector": f"status.phase={name}"}
    return [each["metadata"]["name"] for each in api.call("GET", PODS.path(NAMESPACE), query=query)["items"]]


def succeeded(api: Api) -> int:
    return sum(condition_of(each, "Succeeded") == "True" for each in api.items(GENERATIONS, NAMESPACE))


def high_water_mib(pid: int) -> float:
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def requests(plane: ControlPlane) -> list[tuple[float, str, str]]:
    """When, verb and resource of each request of the operator."""
    user = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
    found: list[tuple[float, str, str]] = []
    for line in plane.audit.read_text().splitlines():
        event = json.loads(line)
        of: Object = event.get("objectRef") or {}
        if event["user"]["username"] == user and event["stage"] == "ResponseComplete":
            resource = "/".join(part for part in (of.get("resource", ""), of.get("subresource")) if part)
            at = datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
            found.append((at, event["verb"], resource))
    return sorted(found)


def highest_rate(times: Sequence[float], seconds: float) -> float:
    """The most in any stretch of so many seconds, as a rate."""
    most, first = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most / seconds


def quantile(buckets: Iterable[tuple[float, float]], part: float) -> str:
    """Of a histogram's cumulative buckets (upper bound, count), as between which bounds it lies, in milliseconds."""
    steps = sorted(buckets)
    wanted, below = part * steps[-1][1], 0.0
    for bound, seen in steps:
        if seen >= wanted:
            return f"{below * 1000:.0f}-{bound * 1000:.0f}"
        below = bound
    raise AssertionError(steps)


def passes() -> tuple[list[tuple[float, float]], dict[str, float]]:
    """The histogram of a pass, and how many there were by result."""
    with urllib.request.urlopen(f"http://127.0.0.1:{METRICS_PORT}/metrics") as answer:
        text = answer.read().decode()
    name = "seedmill_operator_reconcile_duration_seconds_bucket"
    buckets = [(float(le), float(seen)) for le, seen in re.findall(rf'^{name}{{le="([^"]+)"}} (\S+)', text, re.M)]
    results = re.findall(r'^seedmill_operator_reconcile_total{result="(\w+)"} (\S+)', text, re.M)
    return buckets, {result: float(seen) for result, seen in results}


def measure(runs: int, folder: Path) -> str:
    with (
        running_control_plane(built("kubernetes"), folder / "plane") as plane,
        plane.api() as api,
        plane.api() as other,
    ):
        api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        wait_until(lambda: api.find(SERVICE_ACCOUNTS, NAMESPACE, "default"), "the ServiceAccount")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "KUBECONFIG": str(let_in(plane, api, NAMESPACE, folder)),
            "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in ("services", "operator")),
        }
        command = [sys.executable, "-m", "seedmill.cli", *arguments(NAMESPACE)]
        command += [f"--metrics-address=127.0.0.1:{METRICS_PORT}"]
        log = folder / "operator.log"
        with (
            answering_pods(),
            running_program(command, log, environment) as process,
            ThreadPoolExecutor(1) as thread,
        ):
            wait_until(lambda: '"ready"' in log.read_text(), "the operator's start", 60)
            idle = high_water_mib(process.pid)
            times = Times(time.monotonic())
            playing = thread.submit(play, other, runs, times)
            for number in range(runs):
                api.create(GENERATIONS, generation(f"run-{number}"), namespace=NAMESPACE)
            made = times.now()
            print(f"{runs} runs made in {made:.0f} s", flush=True)
            while (done := succeeded(api)) < runs:
                assert process.poll() is None, log.read_text()[-2000:]
                assert not (playing.done() and playing.exception()), playing.exception()
                assert times.now() < LONGEST_SECONDS, f"{done} of {runs} are done"
                time.sleep(5)
            times.done = times.now()
            playing.result()
            memory, (buckets, results) = high_water_mib(process.pid), passes()
        return page(runs, made, times, (idle, memory), requests(plane), buckets, results)


def page(
    runs: int,
    made: float,
    times: Times,
    memory: tuple[float, float],
    asked: Sequence[tuple[float, str, str]],
    buckets: Sequence[tuple[float, float]],
    results: dict[str, float],
) -> str:
    writes = [at for at, verb, _ in asked if verb in WRITING]
    reads = [at for at, verb, _ in asked if verb not in WRITING]
    by_kind = Counter(f"{verb} {resource}" for _, verb, resource in asked if verb in WRITING)
    length = writes[-1] - writes[0]
    sustained = highest_rate(writes, SUSTAINED_SECONDS)
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    shape = f"{os.cpu_count()} CPUs and {gib:.0f} GiB, load average {os.getloadavg()[2]:.0f} over the last 15 minutes"
    figures = [
        ("peak memory (VmHWM)", f"{memory[1]:.0f} MiB", f"<= {RSS_TARGET_MIB} MiB"),
        ("memory before the first run", f"{memory[0]:.0f} MiB", "-"),
        (f"writes/s, the most in {SUSTAINED_SECONDS} s", f"{sustained:.1f}", f"<= {WRITES_TARGET:.0f}"),
        ("writes/s, mean", f"{len(writes) / length:.1f}", f"<= {WRITES_TARGET:.0f}"),
        ("reads/s, mean", f"{len(reads) / length:.1f}", "-"),
        ("writes for a run", f"{len(writes) / runs:.1f}", "-"),
        ("status writes for a run", f"{by_kind['patch datasetgenerations/status'] / runs:.1f}", "-"),
        ("a pass, p50, ms", quantile(buckets, 0.5), "-"),
        ("a pass, p99, ms", quantile(buckets, 0.99), "-"),
        ("passes", f"{sum(results.values()):.0f}", "-"),
        ("of them in vain (conflict, error)", f"{sum(results.values()) - results.get('ok', 0):.0f}", "-"),
        ("runs made after", f"{made:.0f} s", "-"),
        ("all running after", f"{times.all_running:.0f} s", "-"),
        ("all done after", f"{times.done:.0f} s", "-"),
    ]
    return "\n".join(
        [
            f"# The operator with {runs:,} runs at a time\n",
            f"Written by `benchmarks/operator_at_scale.py --runs {runs}`, which says what is measured.",
            f"Machine: {shape}; API server, etcd, Job controller and the player of pods run on it, too.\n",
            "| what | measured | target |",
            "|---|---|---|",
            *(f"| {what} | {measured} | {target} |" for what, measured, target in figures),
            "\n| write | for a run |",
            "|---|---|",
            *(f"| {what} | {times_ / runs:.2f} |" for what, times_ in by_kind.most_common()),
            "",
            "The operator may write 10 times a second, and 50 times at once after a pause (`--writes-per-second`): 650",
            "in the busiest minute. A pass waits for its turn, most of its time while many begin or end at once, and",
            "the times at which all run and all are done follow from that.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = measure(options.runs, Path(folder))
    print(text)
    if options.output is not None:
        options.output.write_text(text)


if __name__ == "__main__":
    main()
