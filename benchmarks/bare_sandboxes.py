"""Sandboxes without a pool: what `execution.py` measures the service beside."""

import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from seedmill.execution.environments import standard_environment
from seedmill.execution.judging import RUNS
from seedmill.execution.place import Ending
from seedmill.execution.sandboxes import bundle
from seedmill.execution.sandboxes.bundle import guest_python
from seedmill.execution.sandboxes.checkpoint import Starter
from seedmill.execution.sandboxes.runsc_build import find_runsc
from seedmill.execution.sandboxes.sandbox import Sandbox, SandboxKind
from seedmill.execution.stock import Stock
from seedmill.records.verdict import Program

NO_WALLS = "import inside.child; inside.child._confine = lambda *_: None; "
Run = Callable[[Program], Awaitable[None]]


def bare_kind() -> SandboxKind:
    python = guest_python()
    return SandboxKind(python, standard_environment(python), find_runsc(), "bare")


async def start_and_kill(_each: Program) -> None:
    """A sandbox that is started and ended."""
    sandbox = await Sandbox.start(bare_kind(), 0)
    await sandbox.close()


async def restore_and_kill(stack: AsyncExitStack) -> Run:
    """A sandbox that is restored and ended."""
    kind, image = bare_kind(), Path(stack.enter_context(tempfile.TemporaryDirectory()))
    first = await Sandbox.start(kind, 0)
    await first.checkpoint(image)
    await first.close()

    async def run(_each: Program) -> None:
        sandbox = await Sandbox.start(kind, 0, image)
        await sandbox.close()

    return run


async def recycling(stack: AsyncExitStack) -> Run:
    """A sandbox that ends its service, until the next one is there."""
    kind, stock = bare_kind(), Stock(1, Starter())
    await stock.open(kind)
    stack.push_async_callback(stock.close)

    async def run(_each: Program) -> None:
        stock.end(await stock.take(kind, fresh=False), Ending.AGE)
        stock.give_back(await stock.take(kind, fresh=False))

    return run


async def warm_sandbox(stack: AsyncExitStack, *, walls: bool) -> Run:
    """One sandbox and its warden, by token, without a pool."""
    command = bundle.guest_command

    def without(*given: Any, **more: Any) -> list[str]:
        *before, code = command(*given, **more)
        return [*before, code.replace("from inside.warden", NO_WALLS + "from inside.warden")]

    bundle.guest_command = command if walls else without
    try:
        sandbox = await Sandbox.start(bare_kind(), 0)
    finally:
        bundle.guest_command = command
    stack.push_async_callback(sandbox.close)

    async def run(each: Program) -> None:
        request = {
            "id": each.id,
            "solution": each.solution,
            "tests": each.tests,
            "verdict": "Token",
            "cpu_seconds": each.timeout_seconds,
            "memory_bytes": each.memory_bytes,
        }
        reply = await sandbox.judge(request, RUNS * (3 * each.timeout_seconds + 1) + 5)
        if reply["status"] != "pass":
            raise SystemExit(f"{each.id}: {reply}")

    return run
