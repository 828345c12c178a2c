"""What a program in each language costs in gVisor, beside the same commands natively: compiling and running apart.

    PYTHONPATH=tests .venv/bin/python benchmarks/languages.py [--output benchmarks/languages.md]

Both sides use the same tricks (precompiled headers, compiled standard library, archives of classes), the same harness
and the same limits; one is a pool at level `gvisor`, the other at level `process`: what differs is the sandbox alone.
Root is needed, or the native side would have no limits. Rounds are interleaved; a figure is the median of the rounds, a
ratio the median of the ratios within one round.
"""

import argparse
import asyncio
import os
import statistics
import sys
from pathlib import Path

from seedmill.execution.languages import PYTHON
from seedmill.execution.level import Level
from seedmill.execution.pool import Pool
from seedmill.records.verdict import Program, Status, Verdict
from support.language_programs import PROGRAMS

ADD = ("def add(a, b):\n    return a + b\n", "assert add(1, 2) == 3\nassert add(2, 2) == 4\n")
COMPILED = ("cpp", "go", "java", "rust", "typescript")
TARGETS = {"cpp": 2.0, "java": 2.0, "rust": 2.0, "go": 2.5, "typescript": 2.5}

Round = dict[str, tuple[Verdict, Verdict]]
"""By language: natively, and in gVisor."""


async def measure(rounds: int) -> list[Round]:
    pools = Pool(Level.PROCESS, slots=1, cache_bytes=0), Pool(Level.GVISOR, slots=1, cache_bytes=0)
    for pool in pools:
        await pool.start()
    try:
        languages = [name for name in pools[0].languages.available if name == PYTHON or name in PROGRAMS]
        found: list[Round] = []
        for number in range(rounds + 1):
            judged: Round = {}
            for language in languages:
                native, sandboxed = [await judge(pool, language) for pool in pools]
                judged[language] = (native, sandboxed)
            if number:  # the first prepares what is not there, and fills caches
                found.append(judged)
                print(f"round {number} of {rounds}", file=sys.stderr)
        return found
    finally:
        for pool in pools:
            await pool.close()


async def judge(pool: Pool, language: str) -> Verdict:
    solution, tests = ADD if language == PYTHON else (PROGRAMS[language].add, PROGRAMS[language].tests)
    verdict = await pool.run(Program("x", language, solution, tests, isolation=pool.isolations[0]))
    if verdict.status is not Status.PASS:
        raise SystemExit(f"{language}: {verdict}")
    return verdict


def seconds(verdict: Verdict) -> float:
    return verdict.compile_seconds + verdict.seconds


def table(rounds: list[Round]) -> str:
    lines = [
        "| language | native: compile | run | gVisor: compile | run | ratio of the sums | target |",
        "|---|---|---|---|---|---|---|",
    ]
    for language in rounds[0]:
        pairs = [judged[language] for judged in rounds]
        cells: list[str] = []
        for side in (0, 1):
            for part in ("compile_seconds", "seconds"):
                value = 1000 * statistics.median(getattr(pair[side], part) for pair in pairs)
                cells.append(f"{value:.0f}" if part == "seconds" or language in COMPILED else "-")
        ratio = statistics.median(seconds(sandboxed) / seconds(native) for native, sandboxed in pairs)
        cells += [f"{ratio:.2f}", f"{TARGETS[language]:.1f}" if language in TARGETS else "-"]
        lines.append(f"| {language} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("root is needed: without it the native side has no limits, and says nothing")
    rounds = asyncio.run(measure(arguments.rounds))
    text = (
        "# Languages: milliseconds for a program with two assertions\n\n"
        f"Written by `benchmarks/languages.py`, which says what is compared. {os.cpu_count()} CPUs, median of "
        f"{arguments.rounds} rounds, load average {os.getloadavg()[0]:.0f} at the end.\n\n{table(rounds)}\n"
    )
    print(text)
    if arguments.output is not None:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
