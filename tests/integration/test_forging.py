"""No wrong solution has a pass, however it tries; no right one is refused for its style. In gVisor, and natively."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from integration.forging.right import RIGHT, STRICT_CANNOT
from integration.forging.wrong import RAW, SIMPLE, TESTS, WITH_TESTS
from seedmill.execution.pool import Pool
from seedmill.records.verdict import Program, Status, Verdict, VerdictKind
from support.levels import level_named

WRONG = {name: (solution, TESTS) for name, solution in SIMPLE.items()} | WITH_TESTS | RAW
HONEST = ("def f(x):\n    return 2 * x\n", TESTS)


@pytest.fixture(params=["gvisor", "process"])
async def pool(request: pytest.FixtureRequest) -> AsyncIterator[Pool]:
    started = Pool(level_named(request.param), slots=2, cache_bytes=0)
    await started.start()
    try:
        yield started
    finally:
        await started.close()


async def judged(
    pool: Pool, programs: dict[str, tuple[str, str]], kind: VerdictKind, seconds: float = 0.3
) -> dict[str, Verdict]:
    """The verdict on each."""
    isolation = pool.isolations[0]

    async def one(name: str) -> Verdict:
        solution, tests = programs[name]
        return await pool.run(
            Program(name, "python", solution, tests, seconds, 128 << 20, verdict=kind, isolation=isolation)
        )

    return dict(zip(programs, await asyncio.gather(*map(one, programs)), strict=True))


@pytest.mark.parametrize("kind", [VerdictKind.STRICT, VerdictKind.AUTO])
async def test_no_wrong_solution_has_a_pass(pool: Pool, kind: VerdictKind):
    verdicts = await judged(pool, WRONG, kind)
    assert {name: verdict for name, verdict in verdicts.items() if verdict.status is Status.PASS} == {}
    lost = {name: verdict for name, verdict in verdicts.items() if verdict.status is Status.INFRA}
    assert lost == {}, "nothing a solution does may cost a sandbox"
    assert (await judged(pool, {"honest": HONEST}, kind))["honest"].status is Status.PASS


async def test_auto_is_never_talked_down_by_a_wrong_solution(pool: Pool):
    verdicts = await judged(pool, WRONG, VerdictKind.AUTO)
    assert {name: verdict.downgrade for name, verdict in verdicts.items() if verdict.downgrade} == {}


async def test_right_solutions_in_unusual_style_pass(pool: Pool):
    verdicts = await judged(pool, RIGHT | STRICT_CANNOT, VerdictKind.AUTO, 5.0)
    wrong = {name: v for name, v in verdicts.items() if v.status is not Status.PASS and name in RIGHT}
    assert wrong == {}


async def test_what_strict_cannot_host_is_an_error_and_never_a_fail(pool: Pool):
    for kind in (VerdictKind.STRICT, VerdictKind.AUTO):
        verdicts = await judged(pool, RIGHT | STRICT_CANNOT, kind, 5.0)
        wrong = {
            name: verdict
            for name, verdict in verdicts.items()
            if verdict.status is not Status.PASS and not verdict.reason.startswith("StrictUnsupported: ")
        }
        assert wrong == {}
