"""A pool that judges Python programs, and a right program to judge."""

from seedmill.execution.pool import Pool
from seedmill.records.verdict import Program, Verdict, VerdictKind

ADD = "def add(a, b):\n    return a + b\n"
USES_ADD = "assert add(1, 2) == 3\nassert add('a', 'b') == 'ab'\n"
STRICT, TOKEN, AUTO = VerdictKind.STRICT, VerdictKind.TOKEN, VerdictKind.AUTO


class Bench:
    """A pool and the isolation it offers."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.isolation = pool.isolations[0]

    async def run(
        self, solution: str, tests: str, kind: VerdictKind = AUTO, seconds: float = 2.0, megabytes: int = 256, **options
    ) -> Verdict:
        program = Program(
            "x",
            "python",
            solution,
            tests,
            seconds,
            megabytes << 20,
            verdict=kind,
            isolation=options.pop("isolation", self.isolation),
            **options,
        )
        return await self.pool.run(program)
