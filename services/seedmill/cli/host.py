"""The laptop's host: the four services as child processes on Unix sockets, and clients to them.

They are the same servers that a cluster runs; here their sockets lie in a private folder and they end with this
process. A service that dies is started again, and the run waits for it as for any dependency that is away.

Whoever waits for `seedmill run` waits for its services first. So they are started by little code, and what this process
needs to talk to them is imported while they begin.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from seedmill.cli.refusal import PREFIX
from seedmill.cli.scratch import scratch_folder
from seedmill.serving.errors import Misconfigured

if TYPE_CHECKING:
    from seedmill.pipeline.run import Services
    from seedmill.serving.channel import Channels

SERVICES = ("seeding", "inference", "execution", "aggregation")
START_SECONDS = 90.0
LOAD_SECONDS = 3600.0
"""Where a large model is loaded. What cannot be loaded ends its process, and with it the wait."""
RESTART_PAUSE_SECONDS = 1.0
STOP_SECONDS = 10.0
LAST_WORDS_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What to start.

    `endpoints` are inference endpoints (`openai:URL`, `embedded:`), empty when the recipe needs no teacher; then the
    inference service is not started, nor is execution where `needs_sandbox` is false.
    `gpus` work behind the endpoints, 0 where nobody says.
    `process_isolation` lets programs run without gVisor; `replicas` maps service names to how many are started.
    """

    logs: Path
    endpoints: Sequence[str] = ()
    needs_sandbox: bool = True
    process_isolation: bool = False
    replicas: dict[str, int] = field(default_factory=dict[str, int])
    gpus: float = 0.0


@dataclass(slots=True)
class _Child:
    """One service process, restarted when it dies."""

    service: str
    command: list[str]
    log: Path
    process: asyncio.subprocess.Process | None = None
    stopping: bool = False
    patience_seconds: float = 0.0
    """How long it may take to end: nothing while it starts, for then it hears no signal and has nothing to finish."""

    async def keep_running(self) -> None:
        while not self.stopping:
            with _appending(self.log) as output:
                self.process = await asyncio.create_subprocess_exec(
                    *self.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            await self.process.wait()
            if not self.stopping:
                await asyncio.sleep(RESTART_PAUSE_SECONDS)

    async def stop(self) -> None:
        self.stopping = True
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), self.patience_seconds)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def last_words(self) -> str:
        """Why the service did not come up: its own error line, or else the last line of its log and where that is."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
        if last.startswith(PREFIX):
            return last.removeprefix(PREFIX)
        return f"the {self.service} service did not start: {last[:LAST_WORDS_CHARACTERS]} (its log: {self.log})"


@asynccontextmanager
async def services(options: HostOptions, run_name: str) -> AsyncGenerator["Services"]:
    """Start the services, wait until they answer, and stop them at the end.

    Raises Misconfigured when one of them exits instead of answering, with its last words.
    """
    options.logs.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        sockets = stack.enter_context(scratch_folder("run"))
        addresses = {
            name: [f"unix:{sockets}/{name}-{n}.sock" for n in range(options.replicas.get(name, 1))]
            for name in _needed(options)
        }
        tasks: list[asyncio.Task[None]] = []
        children: list[_Child] = []
        stack.push_async_callback(_stop_all, children, tasks)
        for name, of_service in addresses.items():
            for number, address in enumerate(of_service):
                child = _Child(name, _command(name, address, options), options.logs / f"{name}-{number}.log")
                child.log.unlink(missing_ok=True)
                children.append(child)
                tasks.append(asyncio.create_task(child.keep_running()))
        await asyncio.to_thread(import_module, "seedmill.cli.clients")
        from seedmill.cli.clients import clients
        from seedmill.serving.channel import Channels

        channels = {name: Channels(of_service, name) for name, of_service in addresses.items()}
        for each in channels.values():
            stack.push_async_callback(each.close)
        loads = any(endpoint.lower().startswith("vllm:") for endpoint in options.endpoints)
        await _wait_until_ready(channels, children, LOAD_SECONDS if loads else START_SECONDS)
        for child in children:
            child.patience_seconds = STOP_SECONDS
        yield clients(channels, run_name, weight=1)


def _appending(log: Path) -> BinaryIO:
    """The log, or nowhere where it cannot be written: on a full disk services must still be started again."""
    try:
        return log.open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


def _needed(options: HostOptions) -> list[str]:
    optional = {"inference": bool(options.endpoints), "execution": options.needs_sandbox}
    return [name for name in SERVICES if optional.get(name, True)]


async def _wait_until_ready(channels: "dict[str, Channels]", children: Sequence[_Child], seconds: float) -> None:
    ready = asyncio.gather(*(each.ready(seconds) for each in channels.values()))
    try:
        while not ready.done():
            await asyncio.wait([ready], timeout=0.2)
            for child in children:
                if child.process is not None and child.process.returncode not in (None, 0):
                    raise Misconfigured("ServiceDidNotStart", child.last_words())
        await ready
    finally:
        # Also at Ctrl-C: what nobody waits for any more would end in a traceback on the terminal.
        ready.cancel()
        await asyncio.gather(ready, return_exceptions=True)


async def _stop_all(children: Sequence[_Child], tasks: Sequence["asyncio.Task[None]"]) -> None:
    await asyncio.gather(*(child.stop() for child in children))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _command(name: str, address: str, options: HostOptions) -> list[str]:
    command = [sys.executable, "-m", "seedmill.cli", "serve", name, "--address", address]
    command += ["--exit-with-parent", str(os.getpid())]
    match name:
        case "inference":
            for endpoint in options.endpoints:
                command += ["--endpoint", endpoint]
            command += ["--gpus", str(options.gpus)]
        case "execution":
            if options.process_isolation:
                command += ["--isolation", "process"]
            if (replicas := options.replicas.get(name, 1)) > 1:
                command += ["--workers", str(max(1, (os.cpu_count() or 1) // replicas))]
        case _:
            pass
    return command
