"""`seedmill execute`: run programs and their tests in the sandbox, one JSON line in, one verdict out."""

import asyncio
import json as json_module
import os
import time
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from seedmill.cli.loading import IsolationOption
from seedmill.cli.refusal import os_error_words
from seedmill.serving.errors import Misconfigured
from seedmill.serving.logs import LogFormat, LogLevel, configure_logs

if TYPE_CHECKING:
    from rich.console import Console

    from seedmill.execution.client import ExecutionClient
    from seedmill.execution.program_lines import Defaults, ProgramLine

SYNC_SECONDS = 1.0
IN_FLIGHT_PER_WORKER = 4


class VerdictOption(StrEnum):
    """How `--verdict` is spelled."""

    AUTO = "auto"
    STRICT = "strict"
    TOKEN = "token"


def execute(
    input_file: Annotated[
        Path, typer.Option("--input", "-i", help="JSON lines: id, language, program, tests, timeout_seconds?")
    ],
    output_file: Annotated[Path, typer.Option("--output", "-o", help="Verdicts, one line for each input line.")],
    isolation: Annotated[
        IsolationOption, typer.Option(help="`process` runs programs WITHOUT a sandbox, on this machine.")
    ] = IsolationOption.POOLED,
    verdict: Annotated[
        VerdictOption, typer.Option(help="strict: solution and tests in two processes; auto: strict where it fits.")
    ] = VerdictOption.AUTO,
    workers: Annotated[int, typer.Option(min=0, help="Programs at the same time; 0: one for each CPU.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON on stdout.")] = False,
) -> None:
    """Run programs and their tests in the sandbox. Run again with the same files to go on where it stopped.

    Verdicts come in any order, exactly one for each line, whatever the line says. Exit status: 0 when all lines have a
    verdict, 2 when the files cannot be used or there is no sandbox.
    """
    from rich.console import Console

    from seedmill.execution.program_lines import Defaults
    from seedmill.records.verdict import Isolation, VerdictKind

    defaults = Defaults(VerdictKind(verdict.value.capitalize()), Isolation(isolation.value.capitalize()))
    configure_logs(LogFormat.CONSOLE, LogLevel.ERROR)  # the service runs in this process: its logs are no output
    try:
        with _opened(input_file) as source, _Output(output_file) as output:
            console = Console(stderr=True)
            counts = asyncio.run(_execute(source, output, defaults, workers, console))
    except OSError as error:
        raise Misconfigured("FileUnusable", os_error_words(error, output_file)) from error
    if json:
        typer.echo(json_module.dumps({"total": counts.total(), "statuses": dict(sorted(counts.items()))}))
    else:
        typer.echo(f"{counts.total():,} verdicts in {output_file}: {_listed(counts) or 'none'}")


def _opened(input_file: Path) -> BinaryIO:
    try:
        return input_file.open("rb")
    except OSError as error:
        raise Misconfigured(
            "FileUnusable", f"--input {os_error_words(error)}; give a file of JSON lines, one program each"
        ) from error


async def _execute(
    source: BinaryIO, output: "_Output", defaults: "Defaults", workers: int, console: "Console"
) -> "Counter[str]":
    from seedmill.cli.scratch import scratch_folder
    from seedmill.execution.client import ExecutionClient
    from seedmill.execution.program_lines import read_lines
    from seedmill.execution.server import service
    from seedmill.records.verdict import Isolation
    from seedmill.serving.channel import Channels
    from seedmill.serving.server import running_server

    process = defaults.isolation is Isolation.PROCESS
    slots = workers or os.cpu_count() or 1
    with scratch_folder("execute") as folder:
        served = service(isolation="process" if process else "gvisor", workers=workers or None)
        async with running_server([served], f"unix:{folder}/execution.sock") as address:
            channels = Channels([address], "execution")
            client = ExecutionClient(channels, "execute")
            try:
                lines = (line for line in read_lines(source, defaults) if not output.has(line))
                await _run_all(client, lines, output, slots * IN_FLIGHT_PER_WORKER, console)
            finally:
                await client.close()
                await channels.close()
    return output.counts


async def _run_all(
    client: "ExecutionClient", lines: "Iterator[ProgramLine]", output: "_Output", in_flight: int, console: "Console"
) -> None:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}"), TimeElapsedColumn())
    running: set[asyncio.Task[None]] = set()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        shown = progress.add_task("executing", total=None, completed=output.counts.total())
        try:
            for line in lines:
                running.add(asyncio.create_task(_run_one(client, line, output)))
                if len(running) >= in_flight:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.gather(*done)
                said = f"executing ({_listed(output.counts, 3) or 'nothing yet'})"
                progress.update(shown, completed=output.counts.total(), description=said)
            await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def _run_one(client: "ExecutionClient", line: "ProgramLine", output: "_Output") -> None:
    from seedmill.execution.program_lines import problem_line, verdict_line
    from seedmill.pipeline.patience import Dependency, Patience

    program = line.program
    if program is None:
        output.write(line, problem_line(line), "error")
        return
    verdict = await Patience().call(Dependency.SANDBOX, lambda: client.execute(program))
    output.write(line, verdict_line(line, verdict), verdict.status)


class _Output:
    """The output file: what is in it from before, and a line more for each verdict.

    A torn last line (the process died while it wrote) is dropped. Lines are flushed as they come and synced every
    second. Raises OSError, and Misconfigured when the file holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._synced_at = 0.0
        self._done: dict[int, str | None] = {}
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> "_Output":
        self._file = self._path.open("a+b")
        self._read_old()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def has(self, line: "ProgramLine") -> bool:
        """Whether this line has its verdict. Raises Misconfigured when the file belongs to another input."""
        if line.number not in self._done:
            return False
        if self._done[line.number] != line.id:
            raise Misconfigured(
                "OutputOfAnotherInput",
                f"{self._path} holds a verdict on line {line.number} for id {self._done[line.number]!r}, the input has "
                f"{line.id!r} there; give another --output, or delete it",
            )
        return True

    def write(self, line: "ProgramLine", data: bytes, status: str) -> None:
        """Append a verdict."""
        self._file.write(data)
        self._file.flush()
        self._done[line.number] = line.id
        self.counts[status] += 1
        if time.monotonic() - self._synced_at > SYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced_at = time.monotonic()

    def _read_old(self) -> None:
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                old = json_module.loads(line)
                self._done[old["line"]] = old["id"]
                self.counts[old["status"]] += 1
            except (ValueError, KeyError, TypeError) as error:
                raise Misconfigured(
                    "OutputOfSomethingElse", f"{self._path} holds something else than verdicts; give another --output"
                ) from error
            whole += len(line)
        self._file.truncate(whole)
        self._file.seek(0, os.SEEK_END)


def _listed(counts: "Counter[str]", most: int | None = None) -> str:
    """`pass 7, fail 2, …`, the most frequent first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{status} {count:,}" for status, count in ranked[:most])
