"""The work of `seedmill execute`: lines to a service, here or elsewhere, and verdicts into the file."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from seedmill.cli.scratch import scratch_folder
from seedmill.cli.verdicts_file import VerdictsFile, listed
from seedmill.execution.client import Capabilities, ExecutionClient
from seedmill.execution.program_lines import Defaults, ProgramLine, problem_line, read_lines, verdict_line
from seedmill.execution.server import service
from seedmill.pipeline.patience import Dependency, Patience
from seedmill.records.verdict import Isolation
from seedmill.serving.certificates import Certificates
from seedmill.serving.channel import Channels
from seedmill.serving.errors import InvalidRequest, Misconfigured
from seedmill.serving.server import running_server

IN_FLIGHT_PER_SLOT = 4
MOST_BYTES_IN_FLIGHT = 32 << 20
"""Of input lines: what is under way may share one message, which has its limit (`serving/options.py`)."""

LOOK_SECONDS = 0.5
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Here:
    """A service in this process."""

    isolation: Isolation
    workers: int | None

    @property
    def replicas(self) -> int:
        return 1

    def __str__(self) -> str:
        return "a sandbox"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Replicas of a service, and the folder with certificates for them."""

    addresses: tuple[str, ...]
    tls: Path | None

    @property
    def replicas(self) -> int:
        return len(self.addresses)

    def __str__(self) -> str:
        return f"the execution service at {', '.join(self.addresses)}"


async def judge_lines(
    where: Here | Elsewhere, source: BinaryIO, output: VerdictsFile, defaults: Defaults, console: Console
) -> None:
    """A verdict in `output` for each line of `source` that has none there yet.

    Raises OSError, and Misconfigured where the service cannot do what the options (not single lines) ask for.
    """
    async with _channels(where) as channels:
        client = ExecutionClient(channels, "execute")
        patience = Patience()
        watch = asyncio.create_task(_say_what_is_waited_for(patience, str(where), console))
        try:
            able = await patience.call(Dependency.SANDBOX, client.capabilities)
            _refuse_what_it_cannot_do(defaults, able)
            lines = (_checked(line, able) for line in read_lines(source, defaults) if not output.has(line))
            in_flight = max(1, able.slots) * where.replicas * IN_FLIGHT_PER_SLOT
            await _Judging(client, patience, output, in_flight).all(lines, _count(source), console)
        finally:
            watch.cancel()
            await client.close()


@asynccontextmanager
async def _channels(where: Here | Elsewhere) -> AsyncGenerator[Channels]:
    match where:
        case Elsewhere(addresses, tls):
            channels = Channels(addresses, "execution", Certificates(tls) if tls else None)
            try:
                yield channels
            finally:
                await channels.close()
        case Here(isolation, workers):
            level = "process" if isolation is Isolation.PROCESS else "gvisor"
            with scratch_folder("execute") as folder:
                served = service(isolation=level, workers=workers)
                async with running_server([served], f"unix:{folder}/execution.sock") as address:
                    channels = Channels([address], "execution")
                    try:
                        yield channels
                    finally:
                        await channels.close()


class _Judging:
    """Lines under way, as many as keep the service busy."""

    def __init__(self, client: ExecutionClient, patience: Patience, output: VerdictsFile, in_flight: int) -> None:
        self._client = client
        self._patience = patience
        self._output = output
        self._in_flight = in_flight
        self._running: set[asyncio.Task[None]] = set()
        self._bytes_in_flight = 0

    async def all(self, lines: Iterable[ProgramLine], total: int | None, console: Console) -> None:
        """Each line; the terminal sees how far they are. `total` counts those of the whole file."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        began = asyncio.get_running_loop().time()
        before = self._output.totals.statuses.total()
        with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
            shown = progress.add_task("executing", total=total, completed=before, rate="")
            try:
                for line in lines:
                    while self._is_full_for(line):
                        await self._some()
                        self._show(progress, shown, began, before)
                    self._bytes_in_flight += line.size_bytes
                    self._running.add(asyncio.create_task(self._one(line)))
                while self._running:
                    await self._some()
                    self._show(progress, shown, began, before)
            finally:
                for task in self._running:
                    task.cancel()
                await asyncio.gather(*self._running, return_exceptions=True)

    def _is_full_for(self, line: ProgramLine) -> bool:
        too_large = self._bytes_in_flight + line.size_bytes > MOST_BYTES_IN_FLIGHT
        return bool(self._running) and (too_large or len(self._running) >= self._in_flight)

    async def _some(self) -> None:
        done, self._running = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*done)

    async def _one(self, line: ProgramLine) -> None:
        try:
            await self._judge(line)
        finally:
            self._bytes_in_flight -= line.size_bytes

    async def _judge(self, line: ProgramLine) -> None:
        program = line.program
        if program is None:
            self._output.write(line, problem_line(line))
            return
        try:
            verdict = await self._patience.call(Dependency.SANDBOX, lambda: self._client.execute(program))
        except InvalidRequest as error:
            self._output.write(line, problem_line(replace(line, program=None, problem=error.message)))
        else:
            self._output.write(line, verdict_line(line, verdict))

    def _show(self, progress: Progress, shown: TaskID, began: float, before: int) -> None:
        statuses = self._output.totals.statuses
        done = statuses.total()
        rate = (done - before) / max(0.001, asyncio.get_running_loop().time() - began)
        said = f"executing ({listed(statuses, 3) or 'nothing yet'})"
        progress.update(shown, completed=done, description=said, rate=f"{rate:.1f}/s")


async def _say_what_is_waited_for(patience: Patience, name: str, console: Console) -> None:
    """A line when the wait begins and one when it ends, however its reason changes meanwhile."""
    waits = False
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        reason = patience.waiting.get(Dependency.SANDBOX)
        if reason is not None and not waits:
            text = f"waiting for {name}: {reason}; Ctrl-C ends it, and what is done is kept"
            console.print(text, markup=False, highlight=False, soft_wrap=True)
        elif reason is None and waits:
            console.print("it is there again", markup=False, highlight=False)
        waits = reason is not None


def _refuse_what_it_cannot_do(defaults: Defaults, able: Capabilities) -> None:
    if defaults.isolation not in able.isolations:
        raise Misconfigured(
            "IsolationNotAllowed",
            f"isolation {defaults.isolation} is not offered by this service, which has {', '.join(able.isolations)}",
        )
    able.check_environment(defaults.environment)


def _checked(line: ProgramLine, able: Capabilities) -> ProgramLine:
    """The line, or what is wrong with it for this service: one line must not fail those it is sent along with."""
    program = line.program
    if program is not None and program.isolation not in able.isolations:
        problem = f"isolation {program.isolation} is not offered by this service: {', '.join(able.isolations)}"
        return replace(line, program=None, problem=problem)
    return line


def _count(source: BinaryIO) -> int | None:
    """Lines of a regular file; None for a pipe. The place in it stays."""
    if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        return None
    lines, last, at = 0, b"\n", 0
    while chunk := os.pread(source.fileno(), CHUNK_BYTES, at):
        lines, last, at = lines + chunk.count(b"\n"), chunk[-1:], at + len(chunk)
    return lines + (last != b"\n")
