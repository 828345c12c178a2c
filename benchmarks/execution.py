"""How many programs the execution service judges in a second, and how long one takes, beside what it could be at best.

    .venv/bin/python benchmarks/execution.py [--output benchmarks/execution.md]
        [--sandbox-fusion FOLDER --sandbox-fusion-python PYTHON]

Each round measures every line once, in an order that is drawn anew; a figure is the median of the rounds and a ratio
is the median of ratios within one round, so that a machine that is busy for a while disturbs all lines alike. No two
programs are alike, so none is answered from the cache.

* `service`: over gRPC on a Unix socket, as a run uses it. One program after the other, some at a time, or all at once.
* `pool`: the same pool without gRPC: what the service could reach.
* `native pool`: without gVisor, as root with users and namespaces.
* `fork`: `python -c program` as a child process, without sandbox, limits or a verdict that means anything.
* `python file.py`: a file in a new folder, run by a new Python: what SandboxFusion does without isolation, WITHOUT its
  HTTP server.
* `SandboxFusion`: `POST /run_code` of its server without isolation (`sandbox_fusion.py`), where its sources are given.
* `restore + kill`: a sandbox that is restored, asked whether it is there, and killed: what Fresh costs at least.
* `start + kill`: the same, started from nothing.
* `recycle`: a sandbox ends its service; until its successor is handed out.
* `walls`, `no walls`: one warm sandbox, the same warden; in the second its children keep their user and namespaces and
  have no scratch folders, limits of their own or seccomp filter. Output, memory and time are watched in both.
"""

import argparse
import asyncio
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bare_sandboxes import recycling, restore_and_kill, start_and_kill, warm_sandbox
from sandbox_fusion import running_sandbox_fusion
from seedmill.execution.client import ExecutionClient
from seedmill.execution.level import Level
from seedmill.execution.pool import Pool
from seedmill.execution.sandboxes.bundle import guest_python
from seedmill.execution.server import service
from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind
from seedmill.serving.channel import Channels
from seedmill.serving.logs import LogFormat, LogLevel, configure_logs
from seedmill.serving.server import running_server

CONCURRENCY = (1, 2, 8)
NUMBERS = itertools.count()
Run = Callable[[Program], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: who runs programs, which kind, so many at a time (0 = all at once), how many in all."""

    name: str
    run: Run
    program: Program
    at_once: int
    count: int

    @property
    def title(self) -> str:
        return f"{self.name}, {'batch' if self.at_once == 0 else self.at_once}"


@dataclass(frozen=True, slots=True)
class Figure:
    """Programs in a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


def program(number: int) -> Program:
    """A small function with three assertions, of which no two are alike."""
    name = f"spread_{number}"
    solution = (
        f"def {name}(values, step={number % 7 + 1}):\n"
        '    """Differences of neighbours, in multiples of a step."""\n'
        "    ordered = sorted(values)\n"
        "    return [(b - a) // step for a, b in zip(ordered, ordered[1:])]\n"
    )
    gap = number % 7 + 1
    tests = (
        f"assert {name}([]) == []\nassert {name}([{2 * gap}, 0]) == [2]\nassert {name}([0, {gap}, {gap}]) == [1, 0]\n"
    )
    return Program(f"p{number}", "python", solution, tests)


async def measure(line: Line) -> Figure:
    """Run a line's programs."""
    places = asyncio.Semaphore(line.at_once or line.count)
    latencies: list[float] = []

    async def one(_: int) -> None:
        made = program(next(NUMBERS))
        async with places:
            began = time.perf_counter()
            await line.run(
                replace(made, verdict=line.program.verdict, isolation=line.program.isolation, timeout_seconds=10.0)
            )
            latencies.append(1000 * (time.perf_counter() - began))

    began = time.perf_counter()
    await asyncio.gather(*map(one, range(line.count)))
    seconds = time.perf_counter() - began
    latencies.sort()
    return Figure(line.count / seconds, latencies[len(latencies) // 2], latencies[int(0.99 * (len(latencies) - 1))])


def checked(execute: Callable[[Program], Awaitable[Verdict]]) -> Run:
    """Fails the benchmark when a right program does not pass: what is fast and wrong is no figure."""

    async def run(each: Program) -> None:
        verdict = await execute(each)
        if verdict.status is not Status.PASS:
            raise SystemExit(f"{each.id}: {verdict.status} {verdict.reason}")

    return run


async def fork(each: Program) -> None:
    """Without any sandbox."""
    process = await asyncio.create_subprocess_exec(
        guest_python().path, "-I", "-S", "-c", each.solution + each.tests, stdin=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise SystemExit(f"{each.id} ended with {process.returncode}")


async def python_file(each: Program) -> None:
    """As SandboxFusion's method without isolation does it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file.py"
        file.write_text(f"{each.solution}\n{each.tests}")
        process = await asyncio.create_subprocess_exec(
            guest_python().path,
            str(file),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await process.communicate()
        if process.returncode:
            raise SystemExit(f"{each.id} ended with {process.returncode}")


async def pool_at(stack: AsyncExitStack, level: Level) -> Pool:
    pool = Pool(level, cache_bytes=0)
    await pool.start()
    stack.push_async_callback(pool.close)
    return pool


def service_lines(served: Run, pooled: Run, count: int, few: int) -> list[Line]:
    """The service and its pool, by level and kind of verdict."""
    found: list[Line] = []
    for isolation, kind, many in (
        (Isolation.POOLED, VerdictKind.STRICT, count),
        (Isolation.POOLED, VerdictKind.TOKEN, count),
        (Isolation.FRESH, VerdictKind.STRICT, few),
        (Isolation.FRESH, VerdictKind.TOKEN, few),
    ):
        asked = replace(program(0), isolation=isolation, verdict=kind)
        words = f"{isolation.lower()} {kind.lower()}"
        found += [Line(f"service {words}", served, asked, at_once, many) for at_once in (*CONCURRENCY, 0)]
        found.append(Line(f"pool {words}", pooled, asked, 8, many))
    return found


async def lines(stack: AsyncExitStack, count: int, fusion: tuple[Path, Path] | None) -> list[Line]:
    """What is measured."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    address = await stack.enter_async_context(running_server([service(cache_bytes=0)], f"unix:{folder}/execution.sock"))
    channels = Channels([address], "execution")
    stack.push_async_callback(channels.close)
    client = ExecutionClient(channels, "benchmark")
    stack.push_async_callback(client.close)
    few = max(8, count // 6)
    pool = await pool_at(stack, Level.GVISOR)
    found = service_lines(checked(client.execute), checked(pool.run), count, few)
    if os.geteuid() == 0:
        native = await pool_at(stack, Level.PROCESS)
        for kind in (VerdictKind.STRICT, VerdictKind.TOKEN):
            asked = replace(program(0), isolation=Isolation.PROCESS, verdict=kind)
            found.append(Line(f"native pool {kind.lower()}", checked(native.run), asked, 2, count))
    found += [Line("fork", fork, program(0), 2, count)]
    found += [Line("python file.py", python_file, program(0), at_once, count) for at_once in (1, 2, 8)]
    if fusion:
        theirs = await stack.enter_async_context(running_sandbox_fusion(*fusion))
        found += [Line("SandboxFusion", theirs, program(0), at_once, count) for at_once in CONCURRENCY]
    found.append(Line("restore + kill", await restore_and_kill(stack), program(0), 2, few))
    found.append(Line("start + kill", start_and_kill, program(0), 2, few))
    found.append(Line("recycle", await recycling(stack), program(0), 1, few))
    found.append(Line("walls", await warm_sandbox(stack, walls=True), program(0), 1, count))
    found.append(Line("no walls", await warm_sandbox(stack, walls=False), program(0), 1, count))
    return found


async def rounds(count: int, programs: int, fusion: tuple[Path, Path] | None) -> dict[str, list[Figure]]:
    """All figures of all rounds, by line."""
    results: dict[str, list[Figure]] = {}
    async with AsyncExitStack() as stack:
        measured = await lines(stack, programs, fusion)
        for number in range(count):
            for line in random.sample(measured, len(measured)):
                results.setdefault(line.title, []).append(await measure(line))
            print(f"round {number + 1} of {count}", file=sys.stderr)
    return {line.title: results[line.title] for line in measured}


def report(results: dict[str, list[Figure]]) -> str:
    """The page."""
    out = [
        "| what, how many at a time | programs/s | p50 ms | p99 ms |",
        "|---|---|---|---|",
        *(
            f"| {title} | {_median(f.rate for f in figures):.1f} | {_median(f.p50 for f in figures):.0f} "
            f"| {_median(f.p99 for f in figures):.0f} |"
            for title, figures in results.items()
        ),
        "",
        "| ratio | measured | target |",
        "|---|---|---|",
    ]
    for above, below, target in (
        ("service pooled strict, 8", "pool pooled strict, 8", ">= 0.9"),
        ("service pooled token, 8", "pool pooled token, 8", ">= 0.9"),
        ("service pooled strict, 8", "service pooled token, 8", ">= 0.5"),
        ("service fresh token, 2", "restore + kill, 2", ">= 0.8"),
        ("service fresh strict, 2", "restore + kill, 2", "-"),
        ("walls, 1", "no walls, 1", ">= 0.9"),
        ("service pooled token, 8", "SandboxFusion, 8", ">= 1.5"),
        ("service pooled strict, 8", "SandboxFusion, 8", "-"),
        ("service pooled token, 8", "python file.py, 8", "-"),
        ("service pooled token, 2", "fork, 2", "-"),
    ):
        if above in results and below in results:
            ratio = _median(a.rate / b.rate for a, b in zip(results[above], results[below], strict=True))
            out.append(f"| {above} / {below} | {ratio:.2f} | {target} |")
    out.append(f"| recycle, p50 ms | {_median(f.p50 for f in results['recycle, 1']):.0f} | <= 300 |")
    return "\n".join(out)


def _median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--programs", type=int, default=100, help="of each line, in each round")
    parser.add_argument(
        "--sandbox-fusion", metavar="FOLDER", type=Path, help="SandboxFusion's sources, to measure beside"
    )
    parser.add_argument("--sandbox-fusion-python", metavar="PYTHON", type=Path, help="that has the packages it needs")
    parser.add_argument("--output", type=Path, help="write the page there too")
    options = parser.parse_args()
    if (options.sandbox_fusion is None) != (options.sandbox_fusion_python is None):
        parser.error("--sandbox-fusion and --sandbox-fusion-python are given together")
    fusion = None
    if options.sandbox_fusion is not None:
        # Not resolved: the interpreter of a virtual environment is known by where its link lies.
        fusion = (options.sandbox_fusion.absolute(), options.sandbox_fusion_python.absolute())
    configure_logs(LogFormat.AUTO, LogLevel.WARNING)
    results = asyncio.run(rounds(options.rounds, options.programs, fusion))
    page = (
        "# Execution: programs a second\n\n"
        "Written by `benchmarks/execution.py`, which says what the lines are. "
        f"{os.cpu_count()} CPUs, median of {options.rounds} rounds of {options.programs} programs.\n\n"
        f"{report(results)}\n"
    )
    print(page)
    if options.output:
        options.output.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
