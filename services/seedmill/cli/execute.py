"""`seedmill execute`: run programs and their tests in the sandbox, one JSON line in, one verdict out."""

import asyncio
import json as json_module
import os
import stat
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from seedmill.cli.guarding import TlsOption
from seedmill.cli.loading import IsolationOption
from seedmill.cli.refusal import os_error_words
from seedmill.cli.verdict_file import VerdictFile, listed
from seedmill.serving.errors import Misconfigured
from seedmill.serving.logs import LogFormat, LogLevel, configure_logs

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from seedmill.execution.client import Capabilities, ExecutionClient
    from seedmill.execution.program_lines import Defaults, ProgramLine
    from seedmill.pipeline.patience import Patience
    from seedmill.records.verdict import Program

IN_FLIGHT_PER_WORKER = 4
SHOWN_EVERY_SECONDS = 0.5
COUNTED_BYTES = 1 << 20


class VerdictOption(StrEnum):
    """How `--verdict` is spelled."""

    AUTO = "auto"
    STRICT = "strict"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class Where:
    """Who runs the programs: services at `addresses`, or with none one of this process's own, with `workers`."""

    addresses: tuple[str, ...]
    tls: Path | None
    workers: int


def execute(
    input_file: Annotated[
        Path,
        typer.Option(
            "--input",
            "-i",
            help="JSON lines: id, language, program, tests; timeout_seconds, memory_bytes, environment, isolation "
            "where the line has its own.",
        ),
    ],
    output_file: Annotated[Path, typer.Option("--output", "-o", help="Verdicts, one line for each input line.")],
    isolation: Annotated[
        IsolationOption, typer.Option(help="`process` runs programs WITHOUT a sandbox, on this machine.")
    ] = IsolationOption.POOLED,
    verdict: Annotated[
        VerdictOption, typer.Option(help="strict: solution and tests in two processes; auto: strict where it fits.")
    ] = VerdictOption.AUTO,
    workers: Annotated[int, typer.Option(min=0, help="Programs at the same time; 0: one for each CPU.")] = 0,
    execution: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="A service that runs elsewhere: unix:/path, host:port or dns:///host:port; may be repeated.",
            show_default=False,
        ),
    ] = None,
    tls: TlsOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON on stdout.")] = False,
) -> None:
    """Run programs and their tests in the sandbox. Run again with the same files to go on where it stopped.

    Verdicts come in any order, exactly one for each line, whatever the line says; what is done stays at Ctrl-C. A
    service that is away is waited for. Exit status: 0 when all lines have a verdict, 2 when the files cannot be used or
    there is no sandbox.
    """
    from rich.console import Console

    from seedmill.execution.program_lines import Defaults
    from seedmill.records.verdict import Isolation, VerdictKind

    if execution and workers:
        raise Misconfigured("WorkersOfAService", "--workers is for this machine; a service has its own: leave one out")
    where = Where(tuple(execution or ()), tls, workers)
    defaults = Defaults(VerdictKind(verdict.value.capitalize()), Isolation(isolation.value.capitalize()))
    configure_logs(LogFormat.CONSOLE, LogLevel.ERROR)  # the service runs in this process: its logs are no output
    try:
        with _opened(input_file) as source, VerdictFile(output_file) as output:
            asyncio.run(_execute(source, output, defaults, where, Console(stderr=True)))
    except OSError as error:
        raise Misconfigured("FileUnusable", os_error_words(error, output_file)) from error
    totals = output.totals
    typer.echo(json_module.dumps(totals.as_json()) if json else "\n".join(totals.lines(output_file)))


def _opened(input_file: Path) -> BinaryIO:
    try:
        return input_file.open("rb")
    except OSError as error:
        raise Misconfigured(
            "FileUnusable", f"--input {os_error_words(error)}; give a file of JSON lines, one program each"
        ) from error


async def _execute(
    source: BinaryIO, output: VerdictFile, defaults: "Defaults", where: Where, console: "Console"
) -> None:
    from seedmill.execution.program_lines import read_lines
    from seedmill.pipeline.patience import Dependency, Patience

    patience = Patience()
    total = _count_lines(source)
    async with _client(defaults, where) as client:
        with _progress(console) as progress:
            shown = progress.add_task("executing", total=total, completed=output.totals.statuses.total())
            showing = asyncio.create_task(_show(progress, shown, output, patience, console))
            try:
                able = await patience.call(Dependency.SANDBOX, client.capabilities)
                _refuse_isolation(defaults, able)
                lines = (line for line in read_lines(source, defaults) if not output.has(line))
                in_flight = IN_FLIGHT_PER_WORKER * max(1, able.slots) * max(1, len(where.addresses))
                await _run_all(_Runner(client, patience, able, output), lines, in_flight)
            finally:
                showing.cancel()
                await asyncio.gather(showing, return_exceptions=True)


@asynccontextmanager
async def _client(defaults: "Defaults", where: Where) -> "AsyncGenerator[ExecutionClient]":
    from contextlib import AsyncExitStack

    from seedmill.cli.scratch import scratch_folder
    from seedmill.execution.client import ExecutionClient
    from seedmill.execution.server import service
    from seedmill.records.verdict import Isolation
    from seedmill.serving.certificates import Certificates
    from seedmill.serving.channel import Channels
    from seedmill.serving.server import running_server

    async with AsyncExitStack() as stack:
        addresses = where.addresses
        if not addresses:
            folder = stack.enter_context(scratch_folder("execute"))
            process = defaults.isolation is Isolation.PROCESS
            served = service(isolation="process" if process else "gvisor", workers=where.workers or None)
            addresses = (await stack.enter_async_context(running_server([served], f"unix:{folder}/execution.sock")),)
        channels = Channels(addresses, "execution", None if where.tls is None else Certificates(where.tls))
        stack.push_async_callback(channels.close)
        client = ExecutionClient(channels, "execute")
        stack.push_async_callback(client.close)
        yield client


def _refuse_isolation(defaults: "Defaults", able: "Capabilities") -> None:
    if defaults.isolation not in able.isolations:
        raise Misconfigured(
            "IsolationNotAllowed",
            f"isolation {defaults.isolation} is not offered by the service, which has {', '.join(able.isolations)}: "
            "give another --isolation",
        )


@dataclass(frozen=True, slots=True)
class _Runner:
    """Runs one line."""

    client: "ExecutionClient"
    patience: "Patience"
    able: "Capabilities"
    output: VerdictFile

    async def run(self, line: "ProgramLine") -> None:
        from seedmill.execution.program_lines import problem_line, verdict_line
        from seedmill.pipeline.patience import Dependency

        program = line.program
        if program is None:
            self.output.write(line, problem_line(line, f"input line {line.number}: {line.problem}"))
        elif problem := self._problem(program):
            self.output.write(line, problem_line(line, problem))
        else:
            verdict = await self.patience.call(Dependency.SANDBOX, lambda: self.client.execute(program))
            self.output.write(line, verdict_line(line, program, verdict))

    def _problem(self, program: "Program") -> str:
        """Why this one cannot be asked for: the call that has it would fail for the others in it, too."""
        if program.isolation in self.able.isolations:
            return ""
        return f"IsolationNotAllowed: {program.isolation}; the service has {', '.join(self.able.isolations)}"


async def _run_all(runner: _Runner, lines: "Iterator[ProgramLine]", in_flight: int) -> None:
    running: set[asyncio.Task[None]] = set()
    try:
        for line in lines:
            running.add(asyncio.create_task(runner.run(line)))
            if len(running) >= in_flight:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.gather(*done)
        await asyncio.gather(*running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _progress(console: "Console") -> "Progress":
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    class Rate(ProgressColumn):
        def render(self, task: Task) -> str:
            return "" if task.speed is None else f"{task.speed:,.1f}/s"

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeElapsedColumn())
    every = (*columns, TimeRemainingColumn())
    return Progress(*every, console=console, disable=not console.is_terminal, transient=True)


async def _show(
    progress: "Progress", shown: "object", output: VerdictFile, patience: "Patience", console: "Console"
) -> None:
    """Keep the bar up to date; where there is none, one line for each reason to wait."""
    from rich.progress import TaskID

    task, said = TaskID(int(str(shown))), ""
    while True:
        statuses = output.totals.statuses
        waiting = next(iter(patience.waiting.values()), "")
        what = f"waiting for the execution service: {waiting}" if waiting else "executing"
        description = what if waiting else f"{what} ({listed(statuses, 3) or 'nothing yet'})"
        progress.update(task, completed=statuses.total(), description=description)
        if waiting and waiting != said and not console.is_terminal:
            console.print(what, markup=False, highlight=False, soft_wrap=True)
            said = waiting
        await asyncio.sleep(SHOWN_EVERY_SECONDS)


def _count_lines(source: BinaryIO) -> int | None:
    """How many there are to come, blank ones too; None for a pipe, which can be read only once."""
    if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        return None
    lines, last = 0, b"\n"
    while block := source.read(COUNTED_BYTES):
        lines += block.count(b"\n")
        last = block[-1:]
    source.seek(0)
    return lines + (last != b"\n")
