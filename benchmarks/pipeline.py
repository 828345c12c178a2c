"""What a row costs beside the model: CPU of `seedmill run`, beside two peers over the same prompts and engine.

    .venv/bin/python benchmarks/pipeline.py [--rounds 5] [--peers curator,datatrove] [--output benchmarks/pipeline.md]

One row is one LLM step: OSS-Instruct as it is by default, with its gates (sections, syntax, decontamination, exact and
near-duplicates), the journal, gRPC between the run and its services, and the dataset with its card at the end. Nothing
is executed, as the recipe has no such step. The engine takes gauss(0.25, 0.1) s and answers 64 tokens; 256 requests are
in flight. Each tool makes 500 rows and 3,500 rows; what a row costs is the slope between them, so starting (imports,
collecting seeds, opening the journal) is no part of it. CPU is user and system time of the tool's process and of all
that it started and waited for: for seedmill the run, the gateway, seeding and aggregation. The limit is a bare HTTP
client (`aiohttp_driver.py`), which asks the same prompts and drops the answers.

Client and engine have a core each. A round measures every tool once, one after the other, so that a busy machine
disturbs all alike; figures are the median of the rounds, and ratios the median of ratios within a round.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seedmill.chaos.peers import PACKAGES, install
from seedmill.chaos.processes import Engine, Started, running_engine
from seedmill.chaos.script import Script
from seedmill.chaos.tools import Job, Peer, Seedmill, Tool

FEW, MANY = 500, 3_500
LIMIT = "aiohttp"
AT_ONCE = 256
LONGEST_SECONDS = 300.0
CPU_TARGET_MS, RATIO_TARGET = 0.5, 0.25


@dataclass(frozen=True, slots=True)
class Figure:
    """One tool in one round: milliseconds of CPU a row, and what it costs to start, in seconds."""

    row_ms: float
    start_seconds: float
    rows: int


def measure(tool: Tool, engine: Engine, folder: Path, shared: Path, number: int) -> Figure:
    """Make few rows, then many, from nothing each time."""
    cpu: list[float] = []
    rows = 0
    for count in (FEW, MANY):
        name = f"r{number}-{count}"
        at = shared if tool.name == "seedmill" else folder / f"{tool.name}-{name}"
        at.mkdir(exist_ok=True)
        job = Job(at, engine.url, count, AT_ONCE, name=name, state=at)
        engine.play(Script())
        tool.prepare(job)
        started = Started(tool, job)
        ended = started.wait(LONGEST_SECONDS)
        if ended is None or ended.status:
            started.kill()
            print((at / "stderr").read_text(errors="replace")[-2000:], file=sys.stderr)
            raise RuntimeError(f"{tool.name} made no {count} rows")
        rows = tool.rows_made(ended.stdout) or 0
        if rows < 0.99 * count:
            raise RuntimeError(f"{tool.name} made {rows} of {count} rows")
        cpu.append(ended.cpu_seconds)
    row_ms = 1000 * (cpu[1] - cpu[0]) / (MANY - FEW)
    return Figure(row_ms, cpu[0] - FEW * row_ms / 1000, rows)


def collect_seeds(engine: Engine, shared: Path) -> None:
    """A corpus with as many snippets as the larger run needs, and a first run, so that no measured one collects it."""
    Seedmill().prepare(Job(shared, engine.url, MANY, AT_ONCE, name="corpus", state=shared))
    first = Job(shared, engine.url, 16, AT_ONCE, name="first", state=shared)
    Seedmill().prepare(first)
    ended = Started(Seedmill(), first).wait(LONGEST_SECONDS)
    if ended is None or ended.status:
        raise RuntimeError((shared / "stderr").read_text(errors="replace")[-2000:])


def report(figures: dict[str, list[Figure]], rounds: int, seconds: float) -> str:
    """The page, without the words about where the time goes."""
    of_what = f"{os.cpu_count()} CPUs, median of {rounds} rounds, {seconds / 60:.0f} minutes"
    lines = [
        "# What a row costs beside the model",
        "",
        f"Written by `benchmarks/pipeline.py`, which says what is measured. {of_what}.",
        "",
        "| tool | CPU ms a row | rows/s a core | seedmill's as a multiple | CPU s to start | every round, ms |",
        "|---|---|---|---|---|---|",
    ]
    ours = [figure.row_ms for figure in figures["seedmill"]]
    for name, found in figures.items():
        each = [figure.row_ms for figure in found]
        ratio = statistics.median(own / other for own, other in zip(ours, each, strict=True))
        median = statistics.median(each)
        start = statistics.median(figure.start_seconds for figure in found)
        all_of_them = ", ".join(f"{one:.2f}" for one in each)
        shown = f"{name} alone, a limit" if name == LIMIT else name
        lines.append(f"| {shown} | {median:.2f} | {1000 / median:,.0f} | {ratio:.2f} | {start:.1f} | {all_of_them} |")
    peers = [found for name, found in figures.items() if name not in ("seedmill", LIMIT)]
    if peers:
        bests = [min(found[at].row_ms for found in peers) for at in range(rounds)]
        ratio = statistics.median(own / other for own, other in zip(ours, bests, strict=True))
        lines += [
            "",
            "| | measured | target |",
            "|---|---|---|",
            f"| seedmill, CPU ms a row | {statistics.median(ours):.2f} | <= {CPU_TARGET_MS} |",
            f"| of the best peer of the same round | {ratio:.2f} | <= {RATIO_TARGET} |",
        ]
    return "\n".join(lines) + "\n"


def write(page: str, output: Path) -> None:
    """Replace the figures; what stands behind `## Where the time goes` is written by hand and stays."""
    old = output.read_text() if output.exists() else ""
    _, found, words = old.partition("\n## Where the time goes")
    output.write_text(page + found + words)


def tools(names: Sequence[str], core: Sequence[str]) -> list[tuple[str, Tool]]:
    """seedmill, the peers and the limit, each on the client's core."""
    peers = [Peer(name, install(name), tuple(core)) for name in names]
    limit = Peer(LIMIT, Path(sys.executable), tuple(core), drivers=Path(__file__).parent)
    return [(tool.name, tool) for tool in (Seedmill(prefix=tuple(core)), *peers, limit)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default="curator,datatrove", help="of " + ", ".join(PACKAGES))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    client, server = (["taskset", "-c", str(cores[0])], ["taskset", "-c", str(cores[-1])])
    contenders = tools([name for name in options.peers.split(",") if name], client)
    figures: dict[str, list[Figure]] = {name: [] for name, _ in contenders}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pipeline-") as scratch, running_engine(Script(), server) as engine:
        folder = Path(scratch)
        shared = folder / "seedmill"
        shared.mkdir()
        collect_seeds(engine, shared)
        for number in range(options.rounds):
            order = contenders[number % len(contenders) :] + contenders[: number % len(contenders)]
            for name, tool in order:
                figure = measure(tool, engine, folder, shared, number)
                figures[name].append(figure)
                print(f"round {number + 1}, {name}: {figure.row_ms:.2f} ms a row, {figure.rows} rows", flush=True)
    page = report(figures, options.rounds, time.monotonic() - began)
    print(page)
    if options.output:
        write(page, options.output)


if __name__ == "__main__":
    main()
