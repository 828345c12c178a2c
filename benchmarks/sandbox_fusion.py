"""SandboxFusion's server without isolation, started beside ours from its own sources, and one program run by it.

Its router is served by uvicorn in one process, as it comes: its method `none`, its logging, its limits. It finds the
interpreter that our sandboxes use as `python`, and is reached over a Unix socket as ours is, so that neither an
interpreter that starts slowly nor TCP counts against it.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from seedmill.execution.sandboxes.bundle import guest_python
from seedmill.records.verdict import Program

START_SECONDS = 60.0

APP = """
import sys
import uvicorn
from fastapi import FastAPI
from sandbox.server.sandbox_api import sandbox_router

app = FastAPI()
app.include_router(sandbox_router)
uvicorn.run(app, uds=sys.argv[1], log_level="warning")
"""


@asynccontextmanager
async def running_sandbox_fusion(sources: Path, python: Path) -> AsyncIterator[Callable[[Program], Awaitable[None]]]:
    """What runs a program there. `sources` is a clone, `python` an interpreter with its packages; both are absolute."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "python").symlink_to(guest_python().path)
        environment = {
            **os.environ,
            "PATH": f"{folder}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "PYTHONPATH": str(sources),
            "SANDBOX_CONFIG": "local",
        }
        socket, log = place / "http.sock", place / "log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(str(python), "-c", APP, str(socket)),
                cwd=sources,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as session:
                await _answering(session, process, log)
                yield lambda program: _run(session, program)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _answering(session: aiohttp.ClientSession, process: asyncio.subprocess.Process, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        if process.returncode is not None:
            break
        try:
            await _run(session, Program("probe", "python", "", "print(1)"))
        except aiohttp.ClientError:
            await asyncio.sleep(0.1)
        else:
            return
    words = await asyncio.to_thread(log.read_text, errors="replace")
    raise SystemExit(f"SandboxFusion's server does not start: {words[-1000:]}")


async def _run(session: aiohttp.ClientSession, program: Program) -> None:
    body = {"code": f"{program.solution}\n{program.tests}", "language": "python"}
    async with session.post("http://sandbox-fusion/run_code", json=body) as response:
        answer = await response.json()
    if answer.get("status") != "Success":
        raise SystemExit(f"{program.id}: {answer}")
