"""The type check of documented functions (SelfCodeAlign, seed gathering step 2, with pyright there): pyrefly's.

Functions are checked many at a time, each in a file of its own that nobody can import, by one run of pyrefly that only
reads and has limits of CPU, memory and output. Code that no checker survives costs itself and nothing else: a run that
fails is done again in halves until the one that it fails on is alone. (The reference drops the whole batch.)

What the answer may depend on: the programs, pyrefly's version, which is part of the collection's name, and Python's.
Not on installed packages, not on anyone's configuration, not on the other programs of a run.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import distribution, version
from math import ceil
from pathlib import Path
from typing import Any

import orjson

from seedmill.seeding import limited
from seedmill.seeding.limits import Limits
from seedmill.serving.errors import Misconfigured, Unavailable

TYPE_ERROR = "type_error"
TYPE_CHECK_FAILED = "type_check_failed"

_UNKNOWN_IS_NOT_WRONG = ("bad-specialization", "missing-module-attribute", "missing-source-for-stubs", "unknown-name")
_NO_TYPE_ERRORS = (
    "bad-dunder-all",
    "bad-override",
    "bad-override-mutable-attribute",
    "bad-override-param-name",
    "bad-param-name-override",
    "inconsistent-inheritance",
    "inconsistent-overload",
    "inconsistent-overload-default",
    "unbound-name",
)
"""Both lists are argued for in `docs/seeding.md`, Type check."""

_CONFIGURATION = f"""
python-version = "{sys.version_info.major}.{sys.version_info.minor}"
python-platform = "linux"
skip-interpreter-query = true
site-package-path = []
search-path = []
disable-search-path-heuristics = true
project-excludes = []
disable-project-excludes-heuristics = true
use-ignore-files = false
ignore-missing-imports = ["*"]
infer-with-first-use = false
enabled-ignores = ["type", "pyright", "pyrefly"]
type-ignore-unknown-tag-behavior = "suppress"

[errors]
""" + "".join(f"{kind} = false\n" for kind in _UNKNOWN_IS_NOT_WRONG + _NO_TYPE_ERRORS)

_CPU_SECONDS_A_PROGRAM = 0.01
_WALL_PER_CPU_SECOND = 12.0
_POLL_SECONDS = 0.1
_PROOF = ("x: int = 1\n", 'x: int = ""\n')


def type_checker_version() -> str:
    return f"pyrefly {version('pyrefly')}"


class TypeChecker:
    """Checks programs in an empty folder of its own. `tick` is called while it waits, and may raise.

    Raises Misconfigured (TypeCheckerBroken) when pyrefly does not work here, OSError.
    """

    def __init__(self, folder: Path, limits: Limits, tick: Callable[[], None]) -> None:
        self._folder = folder
        self._limits = limits
        self._tick = tick
        self._program = _program()
        (folder / "pyrefly.toml").write_text(_CONFIGURATION)
        if not self._works():
            raise Misconfigured(
                "TypeCheckerBroken", f"{self._program} does not check types on this machine; install pyrefly again"
            )

    def check(self, programs: Sequence[str]) -> list[str | None]:
        """For each program why it is left out: `type_error`, `type_check_failed`; or None.

        Raises Unavailable (TypeCheckerFails) when pyrefly, which worked before, fails on any program; OSError.
        """
        if not programs:
            return []
        wrong = self._run(programs)
        if wrong is not None:
            return [TYPE_ERROR if number in wrong else None for number in range(len(programs))]
        if len(programs) > 1:
            middle = len(programs) // 2
            return self.check(programs[:middle]) + self.check(programs[middle:])
        if not self._works():  # a full disk or a dying machine is no fault of the program
            raise Unavailable("TypeCheckerFails", f"{self._program} worked before and now fails on any program")
        return [TYPE_CHECK_FAILED]

    def _works(self) -> bool:
        """Whether pyrefly reads what it is given, and knows right from wrong."""
        return self._run(_PROOF) == {1}

    def _run(self, programs: Sequence[str]) -> set[int] | None:
        """The programs with errors, by number; None when pyrefly failed."""
        sources = self._folder / "sources"
        shutil.rmtree(sources, ignore_errors=True)
        sources.mkdir()
        for number, program in enumerate(programs):
            (sources / f"{number:06}.py").write_bytes(program.encode())  # no identifier: `import` cannot reach it
        report = self._folder / "report.json"
        if self._exit_code(sources, report, len(programs)) not in {0, 1}:
            return None
        return _wrong_programs(report.read_bytes())

    def _exit_code(self, sources: Path, report: Path, programs: int) -> int:
        limits = self._limits
        cpu_seconds = ceil(limits.type_check_cpu_seconds + programs * _CPU_SECONDS_A_PROGRAM)
        command = [
            sys.executable, "-I", "-S", limited.__file__,
            str(limits.worker_memory_bytes), str(cpu_seconds), str(limits.type_check_output_bytes),
            str(self._program), "check", "--config", str(self._folder / "pyrefly.toml"),
            "--threads", "1", "--output-format", "json", "--summary=none", ".",
        ]  # fmt: skip
        with report.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=sources,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if not name.startswith("PYREFLY")},
                start_new_session=True,  # Ctrl-C is for the service
            )
        try:
            return self._wait(process, time.monotonic() + cpu_seconds * _WALL_PER_CPU_SECOND)
        finally:
            process.kill()
            process.wait()

    def _wait(self, process: "subprocess.Popen[bytes]", deadline: float) -> int:
        while time.monotonic() < deadline:
            try:
                return process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                self._tick()
        return -1


def _wrong_programs(report: bytes) -> set[int] | None:
    """The numbers of the programs with errors; None for a report that was cut off."""
    try:
        errors: list[dict[str, Any]] = orjson.loads(report)["errors"]
        return {int(Path(error["path"]).stem) for error in errors if error["severity"] == "error"}
    except (ValueError, KeyError, TypeError):
        return None


def _program() -> Path:
    """The executable of the installed package, whatever `PATH` says. Raises Misconfigured."""
    installed = distribution("pyrefly")
    for file in installed.files or ():
        if file.name in {"pyrefly", "pyrefly.exe"} and file.parent.name in {"bin", "Scripts"}:
            return Path(str(installed.locate_file(file))).resolve()
    raise Misconfigured("TypeCheckerBroken", "the package pyrefly has no executable; install it again")
