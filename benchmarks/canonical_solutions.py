"""How often right programs pass: the canonical solutions of HumanEval and MBPP, with their own tests, in the sandbox.

    .venv/bin/python benchmarks/canonical_solutions.py FOLDER

FOLDER holds humaneval.jsonl.gz and mbpp.jsonl.gz as their authors publish them. Whatever does not pass is a fault of
the sandbox or of the data, and what is judged by token only is what the strict protocol cannot host; both are listed.
Exit status 1 when a program does not pass.
"""

import argparse
import asyncio
import gzip
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedmill.execution.client import ExecutionClient
from seedmill.execution.server import service
from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind
from seedmill.serving.channel import Channels
from seedmill.serving.logs import LogFormat, LogLevel, configure_logs
from seedmill.serving.server import running_server

IN_FLIGHT = 64


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds humaneval.jsonl.gz and mbpp.jsonl.gz")
    parser.add_argument("--verdict", type=str.capitalize, default="Auto", choices=[*VerdictKind])
    parser.add_argument("--isolation", type=str.capitalize, default="Pooled", choices=[*Isolation])
    parser.add_argument("--workers", type=int, help="programs at the same time; default: one for each CPU")
    options = parser.parse_args()
    configure_logs(LogFormat.AUTO, LogLevel.WARNING)
    kind, isolation = VerdictKind(options.verdict), Isolation(options.isolation)
    sets = {"HumanEval": list(humaneval(options.folder)), "MBPP": list(mbpp(options.folder))}
    programs = [replace(each, verdict=kind, isolation=isolation) for each in (*sets["HumanEval"], *sets["MBPP"])]
    started = time.monotonic()
    verdicts = asyncio.run(execute(programs, options.workers, native=isolation is Isolation.PROCESS))
    seconds = time.monotonic() - started
    by_id = {verdict.id: verdict for verdict in verdicts}
    print(f"verdict {kind}, isolation {isolation}: {verdicts[0].sandbox}, environment {verdicts[0].environment}\n")
    print(f"{'':<10}{'programs':>9}{'pass':>7}{'pass %':>8}{'by token':>10}{'by token %':>12}")
    for name, members in sets.items():
        print(row(name, [by_id[program.id] for program in members]))
    print(row("both", verdicts))
    print(f"\n{seconds:.1f} s, {len(verdicts) / seconds:.1f} programs/s with the start of the service")
    describe(verdicts)
    return 0 if all(verdict.status is Status.PASS for verdict in verdicts) else 1


def humaneval(folder: Path) -> Iterator[Program]:
    for task in lines(folder / "humaneval.jsonl.gz"):
        solution = task["prompt"] + task["canonical_solution"]
        yield Program(task["task_id"], "python", solution, f"{task['test']}\n\ncheck({task['entry_point']})\n")


def mbpp(folder: Path) -> Iterator[Program]:
    for task in lines(folder / "mbpp.jsonl.gz"):
        tests = [task["test_setup_code"], *task["test_list"], *task["challenge_test_list"]]
        yield Program(f"MBPP/{task['task_id']}", "python", task["code"], "\n".join(tests) + "\n")


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            yield json.loads(line)


async def execute(programs: list[Program], workers: int | None, *, native: bool) -> list[Verdict]:
    """Through the service and its client, as a run does it."""
    served = service(isolation="process" if native else "gvisor", workers=workers)
    with tempfile.TemporaryDirectory() as folder:
        async with running_server([served], f"unix:{folder}/execution.sock") as address:
            channels = Channels([address], "execution")
            client = ExecutionClient(channels, "canonical-solutions")
            places = asyncio.Semaphore(IN_FLIGHT)

            async def one(program: Program) -> Verdict:
                async with places:
                    return await client.execute(program)

            try:
                return await asyncio.gather(*map(one, programs))
            finally:
                await client.close()
                await channels.close()


def row(name: str, verdicts: list[Verdict]) -> str:
    total = len(verdicts)
    passed = sum(verdict.status is Status.PASS for verdict in verdicts)
    token = sum(verdict.kind is VerdictKind.TOKEN for verdict in verdicts)
    return f"{name:<10}{total:>9}{passed:>7}{passed / total:>8.1%}{token:>10}{token / total:>12.1%}"


def describe(verdicts: list[Verdict]) -> None:
    reasons = Counter(verdict.downgrade.partition(" (line")[0] for verdict in verdicts if verdict.downgrade)
    if reasons:
        print("\nby token, because")
    for reason, count in reasons.most_common():
        print(f"{count:>6}  {reason}")
    failed = [verdict for verdict in verdicts if verdict.status is not Status.PASS]
    if failed:
        print("\nno pass")
    for verdict in failed:
        print(f"  {verdict.id:<14} {verdict.kind} {verdict.status}: {verdict.reason}")


if __name__ == "__main__":
    sys.exit(main())
