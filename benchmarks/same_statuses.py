"""Whether load changes verdicts: the same programs one at a time and 32 at once must have the same statuses.

    .venv/bin/python benchmarks/same_statuses.py [--items 2000] [--workers N]

The mix of `mixed_programs.py`, one in twenty hostile, through the service's pool. A hostile program that races against
several limits at once (memory against processes) may meet either first; such kinds are named, and honest ones that
differ are listed. Exit status 1 when an honest program's status differs.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter

from mixed_programs import KINDS, kind_of, mixed
from seedmill.execution.pool import Pool
from seedmill.records.verdict import Program, Verdict
from seedmill.serving.logs import LogFormat, LogLevel, configure_logs

WIDTHS = (1, 32)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--workers", type=int, help="sandboxes; default: one for each CPU")
    options = parser.parse_args()
    configure_logs(LogFormat.AUTO, LogLevel.WARNING)
    programs = mixed(options.items, 0.05, "same statuses")
    found = {width: asyncio.run(judge(programs, options.workers, width)) for width in WIDTHS}
    one, many = (found[width] for width in WIDTHS)
    differing = [(a, b) for a, b in zip(one, many, strict=True) if a.status is not b.status]
    hostile = Counter(kind_of(a.id) for a, _ in differing if KINDS[kind_of(a.id)].hostile)
    honest = [(a, b) for a, b in differing if not KINDS[kind_of(a.id)].hostile]
    print(f"{len(programs)} programs: {len(differing)} have another status with {WIDTHS[1]} at once")
    print(f"hostile, by kind: {dict(hostile)}")
    for a, b in honest:
        print(f"  {a.id}: {a.status} ({a.reason}), then {b.status} ({b.reason})")
    return 1 if honest else 0


async def judge(programs: list[Program], workers: int | None, width: int) -> list[Verdict]:
    pool = Pool(slots=workers, cache_bytes=0)
    await pool.start()
    places = asyncio.Semaphore(width)

    async def one(program: Program) -> Verdict:
        async with places:
            return await pool.run(program)

    started = time.monotonic()
    try:
        return await asyncio.gather(*map(one, programs))
    finally:
        await pool.close()
        print(f"{width} at once: {len(programs) / (time.monotonic() - started):.1f} programs/s")


if __name__ == "__main__":
    sys.exit(main())
