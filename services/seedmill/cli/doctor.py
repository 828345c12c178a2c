"""`seedmill doctor`: what this machine can and cannot do, and the command that mends each thing."""

import asyncio
import importlib.util
import json as json_module
import os
import platform
import resource
import shutil
import sys
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from seedmill.serving.logs import LogFormat, LogLevel, configure_logs

if TYPE_CHECKING:
    from seedmill.records.verdict import Verdict

TESTED_PYTHONS = ((3, 11), (3, 12), (3, 13))
OLDEST_KERNEL = (4, 14)
FREE_BYTES = 2 << 30
MEMORY_BYTES = 2 << 30
OPEN_FILES = 1024


class Level(StrEnum):
    """`fail` keeps the main job from running; `warn` some of it."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and the command (or sentence) that mends it; empty when it is fine."""

    name: str
    level: Level
    found: str
    mend: str = ""


def doctor(json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False) -> None:
    """Say what this machine can and cannot do, with the command that mends each thing.

    Exit status: 0 when `seedmill run` can work here, 1 when something it needs is missing.
    """
    configure_logs(LogFormat.CONSOLE, LogLevel.ERROR)
    looked_at = (_python, _kernel, _sandbox, _languages, _packages, _engine, _weights, _memory, _disk, _files)
    checks = [each() for each in looked_at]
    if json:
        typer.echo(json_module.dumps([asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    raise typer.Exit(1 if any(check.level is Level.FAIL for check in checks) else 0)


def _print(checks: list[Check]) -> None:
    from rich.console import Console
    from rich.table import Table

    colours = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
    table = Table(box=None, show_header=False, pad_edge=False)
    for check in checks:
        colour = colours[check.level]
        table.add_row(f"[{colour}]{check.level}[/{colour}]", check.name, check.found)
        if check.mend:
            table.add_row("", "", f"[dim]-> {check.mend}[/dim]")
    Console().print(table)


def _python() -> Check:
    found = platform.python_version()
    if sys.version_info[:2] not in TESTED_PYTHONS:
        return Check("Python", Level.WARN, found, "seedmill is tested with Python 3.11, 3.12 and 3.13")
    return Check("Python", Level.OK, found)


def _kernel() -> Check:
    release = platform.release()
    if sys.platform != "linux":
        return Check("kernel", Level.FAIL, f"{sys.platform} {release}", "gVisor needs Linux; run on a Linux machine")
    version = tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())
    if version < OLDEST_KERNEL:
        return Check("kernel", Level.FAIL, release, "gVisor needs Linux 4.14 or newer")
    return Check("kernel", Level.OK, f"Linux {release}")


def _sandbox() -> Check:
    """Whether a program really runs in gVisor here: a probe, not a look at files."""
    from seedmill.execution.sandboxes.runsc_build import find_runsc
    from seedmill.serving.errors import ServiceError

    try:
        if find_runsc() is None:
            return Check("sandbox", Level.FAIL, "runsc is not there", "seedmill setup sandbox")
        verdict = asyncio.run(_probe())
    except ServiceError as error:
        return Check("sandbox", Level.FAIL, error.message, "seedmill setup sandbox")
    if verdict.status != "pass":
        return Check(
            "sandbox", Level.FAIL, f"the probe ended {verdict.status}: {verdict.reason}", "see docs/execution.md"
        )
    return Check("sandbox", Level.OK, f"{verdict.sandbox}, a probe passed in {verdict.seconds * 1000:.0f} ms")


async def _probe() -> "Verdict":
    from seedmill.cli.scratch import scratch_folder
    from seedmill.execution.client import ExecutionClient
    from seedmill.execution.server import service
    from seedmill.records.verdict import Program
    from seedmill.serving.channel import Channels
    from seedmill.serving.server import running_server

    with scratch_folder("doctor") as folder:
        address = f"unix:{folder}/execution.sock"
        async with running_server([service(isolation="gvisor", workers=1)], address) as bound:
            channels = Channels([bound], "execution")
            client = ExecutionClient(channels, "doctor")
            try:
                return await client.execute(
                    Program("probe", "python", "def double(x):\n    return 2 * x\n", "assert double(21) == 42\n")
                )
            finally:
                await client.close()
                await channels.close()


def _languages() -> Check:
    """Which languages programs may be in here; one that is not there keeps nobody from the others."""
    from seedmill.execution.languages import Languages

    languages = Languages()
    missing = [toolchain.missing for toolchain in languages.toolchains if toolchain.missing]
    level = Level.WARN if missing else Level.OK
    return Check("languages", level, ", ".join(languages.available), "; ".join(missing))


def _packages() -> Check:
    """Which package sets a spec may name here."""
    from seedmill.execution.environments import environments
    from seedmill.execution.package_sets.building import OWN_SETS
    from seedmill.execution.sandboxes.bundle import guest_python
    from seedmill.serving.errors import Misconfigured

    try:
        there = environments(guest_python())
    except Misconfigured as error:
        return Check("package sets", Level.WARN, error.message, "build it again, as it says")
    found = ", ".join(f"{name} {each.digest[:12]}" for name, each in there.items())
    absent = [name for name in OWN_SETS if name not in there]
    mend = [f"seedmill setup environment {name} (only for programs that import its packages)" for name in absent]
    return Check("package sets", Level.WARN if absent else Level.OK, found, "; ".join(mend))


def _engine() -> Check:
    if importlib.util.find_spec("xllamacpp") is None:
        mend = "pip install 'seedmill[embedded]' (only for the embedded stand-in teacher)"
        return Check("embedded engine", Level.WARN, "xllamacpp is not installed", mend)
    return Check("embedded engine", Level.OK, "xllamacpp")


def _weights() -> Check:
    from seedmill.inference.weights import find_model

    found = find_model()
    if found is None:
        mend = "seedmill setup model (only for the embedded stand-in teacher)"
        return Check("embedded model", Level.WARN, "no weights", mend)
    return Check("embedded model", Level.OK, found.name)


def _memory() -> Check:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = f"{total / (1 << 30):.1f} GiB, {os.cpu_count()} CPUs"
    if total < MEMORY_BYTES:
        return Check("memory", Level.WARN, found, "2 GiB and more are comfortable; lower execution.memory in the file")
    return Check("memory", Level.OK, found)


def _disk() -> Check:
    from seedmill.storage.cache import cache_folder

    free = shutil.disk_usage(".").free
    found = f"{free / (1 << 30):.1f} GiB free here; the cache is {cache_folder()}"
    if free < FREE_BYTES:
        return Check("disk", Level.WARN, found, "free some space, or give another --workdir")
    return Check("disk", Level.OK, found)


def _files() -> Check:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        return Check("open files", Level.WARN, f"at most {soft}", f"ulimit -n {min(hard, 65536)}")
    return Check("open files", Level.OK, f"at most {soft:,}")
