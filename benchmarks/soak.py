"""Many programs while sandboxes are killed at random: no verdict may differ from a calm run's, no memory may be lost.

    .venv/bin/python benchmarks/soak.py [--items 20000] [--workers N] [--kill-every 5] [--report benchmarks/soak.md]

The service is a process of its own (`seedmill serve execution`). First every kind of program is judged three times in
peace. Then the mix is judged, one program in twenty hostile, while a process of a sandbox - runsc's own, the sandbox,
its file server - is killed every few seconds. A program whose sandbox was lost twice is `infra`, which says nothing
about the program; a run of a recipe tries it again, so does this. Exit status 1 when a verdict differs, an answer is
missing, or the service's memory has grown by more than a tenth since program 2,000.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mixed_programs import KINDS, kind_of, mixed, once_each
from seedmill.execution.client import ExecutionClient
from seedmill.records.verdict import Program, Status, Verdict
from seedmill.serving.channel import Channels
from seedmill.serving.errors import Unavailable
from seedmill.serving.logs import LogFormat, LogLevel, configure_logs

HOSTILE_SHARE = 0.05
WARM_ITEMS = 2_000
IN_FLIGHT = 64
CALM_ROUNDS = 3
TRIES_OF_INFRA = 5
GROWTH = 1.1


@dataclass(slots=True)
class Soak:
    """What was seen."""

    calm: dict[int, set[Status]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    flips: list[Verdict] = field(default_factory=list)
    statuses: Counter[Status] = field(default_factory=Counter)
    infra: int = 0
    killed: int = 0
    seconds: float = 0.0
    warm_bytes: int = 0
    end_bytes: int = 0
    sandbox: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kill-every", type=float, default=5.0, help="seconds, on average; 0: never")
    parser.add_argument("--report", type=Path, help="write the result there, as Markdown")
    options = parser.parse_args()
    configure_logs(LogFormat.AUTO, LogLevel.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/execution.sock"
        command = [
            sys.executable,
            "-m",
            "seedmill.cli",
            "serve",
            "execution",
            "--cache-mebibytes",
            "0",
            "--address",
            address,
        ]
        with subprocess.Popen([*command, "--workers", str(options.workers)]) as service:
            try:
                soak = asyncio.run(run(address, service.pid, options.items, options.kill_every))
            finally:
                service.terminate()
    text = "\n".join(report(soak, options)) + "\n"
    print(text)
    if options.report:
        options.report.write_text(text)
    return 0 if good(soak, options.items) else 1


async def run(address: str, pid: int, items: int, kill_every: float) -> Soak:
    """The calm run, then the other one."""
    soak = Soak()
    channels = Channels([address], "execution")
    client = ExecutionClient(channels, "soak")
    try:
        await channels.ready(120)
        for verdict in await asyncio.gather(*(client.execute(each) for each in once_each(CALM_ROUNDS))):
            soak.calm.setdefault(kind_of(verdict.id), set()).add(verdict.status)
            soak.sandbox = verdict.sandbox or soak.sandbox
        killer = asyncio.create_task(kill(soak, pid, kill_every))
        started = time.monotonic()
        await judge(soak, client, pid, mixed(items, HOSTILE_SHARE, "soak"))
        soak.seconds = time.monotonic() - started
        killer.cancel()
        soak.end_bytes = resident_bytes(pid)
    finally:
        await client.close()
        await channels.close()
    return soak


async def judge(soak: Soak, client: ExecutionClient, pid: int, programs: list[Program]) -> None:
    places = asyncio.Semaphore(IN_FLIGHT)

    async def one(program: Program) -> None:
        async with places:
            verdict = await answered(client, program)
            for _ in range(TRIES_OF_INFRA):
                if verdict.status is not Status.INFRA:
                    break
                soak.infra += 1
                verdict = await answered(client, program)
        soak.answers[verdict.id] += 1
        soak.statuses[verdict.status] += 1
        if verdict.status not in soak.calm[kind_of(program.id)]:
            soak.flips.append(verdict)
            print(f"flip: {verdict}", file=sys.stderr, flush=True)
        if len(soak.answers) == min(WARM_ITEMS, len(programs)):
            soak.warm_bytes = resident_bytes(pid)
        if len(soak.answers) % 1000 == 0:
            print(f"{len(soak.answers)} answers, {soak.killed} killed", file=sys.stderr, flush=True)

    await asyncio.gather(*map(one, programs))


async def answered(client: ExecutionClient, program: Program) -> Verdict:
    """The verdict; a service that cannot start a sandbox just now is asked again, as a run does."""
    while True:
        try:
            return await client.execute(program)
        except Unavailable:
            await asyncio.sleep(0.5)


async def kill(soak: Soak, pid: int, every: float) -> None:
    """End a process of the service's sandboxes now and then. Only descendants of the service's process are taken."""
    choice = random.Random("kill")
    while every:
        await asyncio.sleep(choice.uniform(0.5, 1.5) * every)
        if victims := descendants(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(choice.choice(victims), signal.SIGKILL)
                soak.killed += 1


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    new = children.get(pid, [])
    while new:
        found += new
        new = [each for parent in new for each in children.get(parent, [])]
    return sorted(found)


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def good(soak: Soak, items: int) -> bool:
    once = len(soak.answers) == items and set(soak.answers.values()) == {1}
    return once and not soak.flips and not unsteady(soak) and soak.end_bytes <= GROWTH * soak.warm_bytes


def unsteady(soak: Soak) -> list[int]:
    """Kinds that have more than one status in peace; a hostile one may: which limit it meets first is chance."""
    return [number for number, found in soak.calm.items() if len(found) > 1 and not KINDS[number].hostile]


def report(soak: Soak, options: argparse.Namespace) -> Iterator[str]:
    yield "# Soak: many programs while sandboxes are killed"
    yield ""
    yield f"Written by `benchmarks/soak.py --items {options.items} --kill-every {options.kill_every:g}`:"
    yield f"{soak.sandbox},"
    yield f"{options.workers} workers, `timeout_seconds` 1, {HOSTILE_SHARE:.0%} hostile."
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| programs, answered once each | {len(soak.answers)}, {set(soak.answers.values()) == {1}} |"
    yield f"| programs/s | {len(soak.answers) / soak.seconds:.1f} |"
    yield f"| processes of sandboxes killed | {soak.killed} |"
    yield f"| verdicts that differ from the calm run | {len(soak.flips)} |"
    yield f"| `infra` (lost twice), tried again | {soak.infra} |"
    yield f"| memory of the service after {WARM_ITEMS} programs | {soak.warm_bytes / (1 << 20):.1f} MiB |"
    yield f"| at the end | {soak.end_bytes / (1 << 20):.1f} MiB ({soak.end_bytes / max(1, soak.warm_bytes):.2f}x) |"
    yield ""
    yield "Statuses: " + ", ".join(f"{status} {count}" for status, count in sorted(soak.statuses.items())) + "."
    if unsteady(soak):
        yield f"Of several statuses in peace: {unsteady(soak)}."
    for verdict in soak.flips:
        yield f"* {verdict.id}: {verdict.status} ({verdict.reason}), in peace {sorted(soak.calm[kind_of(verdict.id)])}"


if __name__ == "__main__":
    sys.exit(main())
