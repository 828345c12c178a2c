"""What is asked of the execution service: programs that are cancelled, refused, run alone, and sent over gRPC."""

import asyncio
import time

import pytest

from seedmill.execution.client import ExecutionClient
from seedmill.execution.pool import Pool
from seedmill.execution.server import service
from seedmill.records.verdict import Isolation, Program, Status
from seedmill.serving.channel import Channels
from seedmill.serving.errors import Misconfigured
from seedmill.serving.server import running_server
from support.python_bench import ADD, USES_ADD, Bench
from support.requirements import require


async def test_a_cancelled_program_is_killed_and_the_place_is_free_again(bench: Bench):
    running = asyncio.create_task(bench.run("import time\ndef f():\n    time.sleep(60)\n", "assert f()", seconds=20))
    await asyncio.sleep(0.5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    started = time.monotonic()
    assert (await bench.run(ADD, USES_ADD)).status is Status.PASS
    assert time.monotonic() - started < 10


async def test_other_levels_languages_and_environments_are_refused_in_words(bench: Bench):
    other = Isolation.PROCESS if bench.isolation is not Isolation.PROCESS else Isolation.POOLED
    with pytest.raises(Misconfigured, match="not offered"):
        await bench.run(ADD, USES_ADD, isolation=other)
    verdict = await bench.pool.run(Program("x", "cobol", ADD, USES_ADD, isolation=bench.isolation))
    assert (verdict.status, verdict.reason.split(":")[0]) == (Status.ERROR, "LanguageUnknown")
    verdict = await bench.run(ADD, USES_ADD, environment="python-huge")
    assert verdict.reason.startswith("EnvironmentUnknown")


async def test_without_gvisor_nothing_runs_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("SEEDMILL_CACHE", str(tmp_path))
    monkeypatch.delenv("SEEDMILL_RUNSC", raising=False)
    with pytest.raises(Misconfigured, match=r"seedmill setup sandbox.*--isolation=process"):
        await Pool().start()


async def test_a_fresh_sandbox_serves_one_test():
    require("runsc")
    pool = Pool(slots=1)
    await pool.start()
    try:
        for _ in range(2):
            verdict = await Bench(pool).run(ADD, USES_ADD, isolation=Isolation.FRESH)
            assert verdict.status is Status.PASS
    finally:
        await pool.close()


async def test_over_grpc_every_program_gets_its_own_verdict(tmp_path):
    require("runsc")
    async with running_server([service()], f"unix:{tmp_path}/execution.sock") as address:
        channels = Channels([address], "execution")
        client = ExecutionClient(channels, "test")
        programs = [
            Program(str(n), "python", ADD, f"assert add({n}, 1) == {n + (2 if n % 3 == 0 else 1)}") for n in range(30)
        ]
        verdicts = await asyncio.gather(*(client.execute(program) for program in programs))
        await client.close()
        await channels.close()
    assert [verdict.id for verdict in verdicts] == [str(n) for n in range(30)]
    assert [verdict.status for verdict in verdicts] == [Status.FAIL if n % 3 == 0 else Status.PASS for n in range(30)]
