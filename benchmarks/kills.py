"""What a SIGKILL costs, and what an engine's troubles do to rows: seedmill on a directory and on S3, beside peers.

    .venv/bin/python benchmarks/kills.py [--peers curator,datatrove] [--rows 3500] [--output benchmarks/kills.md]

`kill`: SIGKILL to the tool when the engine has given 55 % of the answers, then the same command again. `ten kills`: at
5, 15, … 95 %. `paid twice` are answers to a prompt that had one before, `not durable` the answered prompts that the
journal did not hold when the process was dead. The rule is paid twice <= not durable <= window, for each kill (what the
engine answers to a gateway that has not yet noticed its run's death is counted as not durable too). On a directory the
journal is flushed after 50 ms, on S3 (versitygw over a folder) after 1 s.

Then 2 % HTTP 400, 20 % HTTP 500, and 429 from an engine that takes 64 at once of 256: who makes how many rows of those
that can be made. The same program as `seedmill chaos`, with more rows and a larger window.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from seedmill.chaos.peers import PACKAGES, install
from seedmill.chaos.play import Size, play
from seedmill.chaos.processes import Engine, Started, running_engine
from seedmill.chaos.scenarios import scenarios_named
from seedmill.chaos.script import Script
from seedmill.chaos.store import BUCKET, find_versitygw, running_s3_server
from seedmill.chaos.tools import Job, Peer, Seedmill, Tool
from seedmill.records.journal import StepRecord
from seedmill.storage import open_store
from seedmill.storage.journal import list_journal, read_segments

AT_ONCE = 256
LIMIT_SECONDS = 240.0
ONCE, TEN_TIMES = (0.55,), tuple(0.05 + 0.1 * n for n in range(10))
NOTICE_SECONDS = 2.0
"""In which the services of a killed run have ended."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What kills cost. `not_durable` is None of a tool whose state cannot be read."""

    made: int | None
    paid_twice: int
    not_durable: int | None
    seconds: float


def kill_it(tool: Tool, job: Job, engine: Engine, shares: Sequence[float]) -> Cost:
    """Start it, kill it at each share of the rows, and let the last one finish."""
    engine.play(Script())
    tool.prepare(job)
    began = time.monotonic()
    not_durable = 0
    for share in shares:
        started = Started(tool, job)
        deadline = time.monotonic() + LIMIT_SECONDS
        while engine.stats()["paid"] < share * job.rows:
            if started.poll() is not None or time.monotonic() > deadline:
                started.kill()
                return Cost(None, engine.stats()["paid_twice"], None, time.monotonic() - began)
            time.sleep(0.02)
        started.kill()
        time.sleep(NOTICE_SECONDS)
        stats = engine.stats()
        if tool.name == "seedmill":
            not_durable += stats["paid"] - stats["paid_twice"] - durable(job)
    last = Started(tool, job)
    ended = last.wait(LIMIT_SECONDS)
    last.kill()
    made = None if ended is None else tool.rows_made(ended.stdout)
    told = not_durable if tool.name == "seedmill" else None
    return Cost(made, engine.stats()["paid_twice"], told, time.monotonic() - began)


def durable(job: Job) -> int:
    """Samples whose completion the journal holds."""
    store = open_store(job.workdir or str(job.state / "work"))
    prefix = next(
        entry.key.removesuffix("/run.json") for entry in store.list("runs/") if entry.key.endswith("run.json")
    )
    segments = read_segments(store, list_journal(store, prefix).segments)
    return len({record.sample for each in segments for record in each.records if isinstance(record, StepRecord)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=3_500)
    parser.add_argument("--peers", default="curator,datatrove", help="of " + ", ".join(PACKAGES))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    peers: list[Tool] = [Peer(name, install(name)) for name in options.peers.split(",") if name]
    kills = [
        "| tool, where it keeps its state | kills | rows made | paid twice | not durable | most allowed | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    faults = [
        "| trouble | tool | rows made of | lost | paid twice | requests a row | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    with running_engine(Script()) as engine:
        for tool, where, shares in _kills(peers):
            cost = _one(tool, where, shares, engine, options.rows)
            if cost is None:
                continue
            held = "?" if cost.not_durable is None else cost.not_durable
            most = AT_ONCE * len(shares)
            row = f"| {tool.name}, {where} | {len(shares)} | {cost.made} | {cost.paid_twice} | {held} | {most} "
            kills.append(f"{row}| {cost.seconds:.0f} |")
            print(kills[-1], flush=True)
        size = Size(options.rows, AT_ONCE, LIMIT_SECONDS)
        for scenario in scenarios_named("400,500,429"):
            for tool in (Seedmill(), *peers):
                with tempfile.TemporaryDirectory(prefix="kills-", ignore_cleanup_errors=True) as folder:
                    came = play(tool, scenario, engine, Path(folder), size)
                    asked = engine.stats()["requests"] / options.rows
                of = f"{came.made} of {came.rows - came.refused}"
                row = f"| {scenario.title} | {tool.name} | {of} | {came.lost} | {came.paid_twice} | {asked:.2f} "
                faults.append(f"{row}| {came.seconds:.0f} |")
                print(faults[-1], flush=True)
    head = f"Written by `benchmarks/kills.py`, which says what is measured. {options.rows:,} rows, {AT_ONCE} in flight."
    page = "\n".join(["# What a kill costs", "", head, "", *kills, "", *faults]) + "\n"
    if options.output:
        options.output.write_text(page)


def _kills(peers: Sequence[Tool]) -> list[tuple[Tool, str, Sequence[float]]]:
    ours: list[tuple[Tool, str, Sequence[float]]] = [
        (Seedmill(), "a directory", ONCE),
        (Seedmill(), "S3", ONCE),
        (Seedmill(), "a directory", TEN_TIMES),
        (Seedmill(), "S3", TEN_TIMES),
    ]
    return [*ours, *((peer, "a directory", ONCE) for peer in peers)]


def _one(tool: Tool, where: str, shares: Sequence[float], engine: Engine, rows: int) -> Cost | None:
    with tempfile.TemporaryDirectory(prefix="kills-", ignore_cleanup_errors=True) as scratch, ExitStack() as stack:
        folder = Path(scratch)
        job = Job(folder, engine.url, rows, AT_ONCE, state=folder / "state", variables={"DATATROVE_REMOTE": "1"})
        job.state.mkdir()
        if where == "S3":
            binary = find_versitygw()
            if binary is None:
                print("S3: skipped, no versitygw is here (make s3-server)")
                return None
            server = stack.enter_context(running_s3_server(binary, folder / "s3"))
            os.environ.update(server.environment)
            job = Job(folder, engine.url, rows, AT_ONCE, state=job.state, workdir=f"s3://{BUCKET}/work")
        return kill_it(tool, job, engine, shares)


if __name__ == "__main__":
    main()
