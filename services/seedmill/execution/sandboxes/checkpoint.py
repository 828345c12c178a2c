"""Starts sandboxes: the first of a kind from nothing, all others as copies of it.

A warden that has imported what it needs and waits for its first program is written to a folder (gVisor's checkpoint,
about 60 ms and 7 MB), and others are restored from there in half the time of a start. The folder is private and goes
with this process: a checkpoint refers to files of the machine (the interpreter, its libraries), so one that was kept
while those were replaced would come back broken.

Copies share what the first one had drawn by then, the seed of Python's `hash` and of `random` if it was imported: no
more than what programs in one pooled sandbox share, and nothing rests on it. What must differ comes from the kernel
(`os.urandom`: nonces), whose state is new in each copy. `tests/integration/test_execution_pool.py` looks at both.

Where restoring fails (an older runsc, a machine that does not let this user) sandboxes are started from nothing.
"""

import asyncio
import time
from collections import defaultdict
from pathlib import Path

import structlog

from seedmill.execution import metrics
from seedmill.execution.sandboxes.folder import IMAGE_PREFIX, SandboxFolder
from seedmill.execution.sandboxes.sandbox import Sandbox, SandboxKind
from seedmill.serving.errors import Unavailable

MOST_FAILURES = 2
"""Of one environment: after these its sandboxes are started from nothing for good."""

log = structlog.get_logger("seedmill.execution")


class Starter:
    """Starts sandboxes of any kinds; keeps one checkpoint for each environment."""

    def __init__(self) -> None:
        self._images: dict[str, SandboxFolder] = {}
        self._failures: dict[str, int] = defaultdict(int)
        self._first: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self, kind: SandboxKind, number: int) -> Sandbox:
        """A ready sandbox that has run nothing. Raises Unavailable."""
        digest = kind.environment.digest
        if kind.runsc is None or self._failures[digest] >= MOST_FAILURES:
            return await _timed(kind, number, None)
        async with self._first[digest]:  # who comes while there is no checkpoint yet waits for it: that is sooner
            if digest not in self._images:
                sandbox = await _timed(kind, number, None)
                await self._keep(sandbox)
                return sandbox
            image = self._images[digest]
        try:
            return await _timed(kind, number, image.path)
        except Unavailable as error:
            await self._failed(digest, "restored", error)
            return await _timed(kind, number, None)

    async def close(self) -> None:
        """Remove the checkpoints. Sandboxes that run do not need them."""
        images, self._images = self._images, {}
        for image in images.values():
            await asyncio.to_thread(image.remove)

    async def _keep(self, sandbox: Sandbox) -> None:
        digest = sandbox.kind.environment.digest
        folder: SandboxFolder | None = None
        try:
            folder = SandboxFolder(IMAGE_PREFIX)
            await sandbox.checkpoint(folder.path)
        except (OSError, Unavailable) as error:
            if folder is not None:
                await asyncio.to_thread(folder.remove)
            await self._failed(digest, "checkpointed", error)
        except BaseException:
            if folder is not None:
                folder.remove()
            await asyncio.shield(sandbox.close())
            raise
        else:
            self._images[digest] = folder

    async def _failed(self, digest: str, what: str, error: Exception) -> None:
        self._failures[digest] += 1
        if self._failures[digest] == 1:
            log.warning(f"a sandbox could not be {what}; it is started from nothing", reason=str(error))
        image = self._images.pop(digest, None)
        if image is not None:
            await asyncio.to_thread(image.remove)


async def _timed(kind: SandboxKind, number: int, image: Path | None) -> Sandbox:
    began = time.monotonic()
    sandbox = await Sandbox.start(kind, number, image)
    metrics.start_seconds.labels("start" if image is None else "restore").observe(time.monotonic() - began)
    return sandbox
