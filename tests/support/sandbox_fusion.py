"""The real SandboxFusion, from its own sources, for tests that compare with it; skipped where it is not given.

SEEDMILL_SANDBOX_FUSION names a clone of it, SEEDMILL_SANDBOX_FUSION_PYTHON an interpreter with its packages (without it
the one that runs the tests). Its server runs as it comes: without isolation, programs see this machine.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

SOURCES, PYTHON = "SEEDMILL_SANDBOX_FUSION", "SEEDMILL_SANDBOX_FUSION_PYTHON"
START_SECONDS = 60.0

# Its data sets need more packages than its runners; without them there is no /submit.
APP = """
import sys
import uvicorn
from fastapi import FastAPI
from sandbox.server.sandbox_api import sandbox_router

app = FastAPI()
app.include_router(sandbox_router)
try:
    from sandbox.server.online_judge_api import oj_router
    app.include_router(oj_router)
except ImportError:
    pass
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


@asynccontextmanager
async def running_sandbox_fusion(folder: Path) -> AsyncGenerator[str]:
    """Its URL; `folder` is for its log. Skips the test where it is not given."""
    sources = os.environ.get(SOURCES)
    if not sources:
        pytest.skip(f"{SOURCES} does not name a clone of SandboxFusion")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    paths = os.pathsep.join(filter(None, (sources, os.environ.get("PYTHONPATH"))))
    with (folder / "sandbox-fusion.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(os.environ.get(PYTHON, sys.executable), "-c", APP, str(port)),
            cwd=sources,
            env={**os.environ, "PYTHONPATH": paths, "SANDBOX_CONFIG": "local"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        await _answering(f"http://127.0.0.1:{port}", process, folder / "sandbox-fusion.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answering(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    async with aiohttp.ClientSession() as session:
        while process.returncode is None and asyncio.get_running_loop().time() < deadline:
            try:
                async with session.get(f"{url}/docs"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    said = await asyncio.to_thread(log.read_text, errors="replace")
    pytest.fail(f"SandboxFusion does not start: {said[-1000:]}", pytrace=False)
