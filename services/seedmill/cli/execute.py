"""`seedmill execute`: run programs and their tests in the sandbox, one JSON line in, one verdict out."""

import asyncio
import json as json_module
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from seedmill.cli.guarding import TlsOption
from seedmill.cli.isolation_option import IsolationOption
from seedmill.cli.refusal import os_error_words
from seedmill.serving.errors import Misconfigured
from seedmill.serving.logs import LogFormat, LogLevel, configure_logs

if TYPE_CHECKING:
    from seedmill.cli.verdicts_file import Totals


class VerdictOption(StrEnum):
    """How `--verdict` is spelled."""

    AUTO = "auto"
    STRICT = "strict"
    TOKEN = "token"


def execute(
    input_file: Annotated[
        Path,
        typer.Option(
            "--input",
            "-i",
            help="JSON lines: id, language, program, tests; where they differ from the options also timeout_seconds, "
            "memory_bytes, environment, isolation, verdict.",
        ),
    ],
    output_file: Annotated[Path, typer.Option("--output", "-o", help="Verdicts, one line for each input line.")],
    isolation: Annotated[
        IsolationOption, typer.Option(help="`process` runs programs WITHOUT a sandbox, on this machine.")
    ] = IsolationOption.POOLED,
    verdict: Annotated[
        VerdictOption, typer.Option(help="strict: solution and tests in two processes; auto: strict where it fits.")
    ] = VerdictOption.AUTO,
    environment: Annotated[str, typer.Option(help="The set of packages that programs find.")] = "python-std",
    workers: Annotated[int, typer.Option(min=0, help="Programs at the same time; 0: one for each CPU.")] = 0,
    execution: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="An execution service that runs elsewhere: host:port, dns:///host:port, unix:/path; may be repeated, "
            "once for each replica. Without it one is started here.",
        ),
    ] = None,
    tls: TlsOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON on stdout.")] = False,
) -> None:
    """Run programs and their tests in the sandbox. Run again with the same files to go on where it stopped.

    Verdicts come in any order, exactly one for each line, whatever the line says. Exit status: 0 when all lines have a
    verdict, 2 when the files cannot be used or there is no sandbox. A service that is away is waited for.
    """
    from rich.console import Console

    from seedmill.cli.executing import Elsewhere, Here, judge_lines
    from seedmill.cli.verdicts_file import VerdictsFile
    from seedmill.execution.program_lines import Defaults
    from seedmill.records.verdict import Isolation, VerdictKind

    if execution and workers:
        raise Misconfigured("OptionsConflict", "--workers is for a service here; one elsewhere has its own")
    defaults = Defaults(VerdictKind(verdict.value.capitalize()), Isolation(isolation.value.capitalize()), environment)
    configure_logs(LogFormat.CONSOLE, LogLevel.ERROR)  # the service runs in this process: its logs are no output
    service = Elsewhere(tuple(execution), tls) if execution else Here(defaults.isolation, workers or None)
    try:
        with _opened(input_file) as source, VerdictsFile(output_file) as output:
            totals = output.totals
            try:
                asyncio.run(judge_lines(service, source, output, defaults, Console(stderr=True)))
            except KeyboardInterrupt:
                kept = f"{totals.statuses.total():,} verdicts are in {output_file}"
                typer.echo(f"stopped: {kept}; run the same again to go on", err=True)
                raise
    except OSError as error:
        raise Misconfigured("FileUnusable", os_error_words(error, output_file)) from error
    _tell(totals, output_file, json)


def _tell(totals: "Totals", output_file: Path, json: bool) -> None:
    if json:
        typer.echo(json_module.dumps(totals.as_json()))
        return
    first, *rest = totals.as_lines()
    typer.echo("\n".join([f"{totals.statuses.total():,} verdicts in {output_file}: {first}", *rest]))


def _opened(input_file: Path) -> BinaryIO:
    try:
        return input_file.open("rb")
    except OSError as error:
        raise Misconfigured(
            "FileUnusable", f"--input {os_error_words(error)}; give a file of JSON lines, one program each"
        ) from error
