"""The processes of a scenario: the scripted engine, and a tool that is started, killed and started again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from seedmill.chaos.script import Script
from seedmill.chaos.tools import Job, Tool

LOOK_SECONDS = 0.02
STATS_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Engine:
    """A running scripted engine; `url` is its base URL."""

    url: str

    def stats(self) -> dict[str, Any]:
        """What it has counted since its last script."""
        return json.loads(self._call("/stats", None))

    def play(self, script: Script) -> None:
        """Follow this script from now on, and forget what was counted."""
        self._call("/script", json.dumps(script.to_json()).encode())

    def _call(self, path: str, body: bytes | None) -> bytes:
        url = self.url.removesuffix("/v1") + path
        with urllib.request.urlopen(url, data=body, timeout=STATS_SECONDS) as response:  # noqa: S310 (loopback)
            return response.read()


@contextmanager
def running_engine(script: Script, prefix: Sequence[str] = ()) -> Generator[Engine]:
    """Start it, and end it with its standard input. `prefix` is put before its command (`taskset -c 0`)."""
    command = [*prefix, sys.executable, "-m", "seedmill.chaos.engine", "--script", json.dumps(script.to_json())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip() if process.stdout is not None else ""
        if not url:
            raise RuntimeError("the scripted engine did not start")
        yield Engine(url)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a tool's process ended: exit status (negative: the signal), what it printed, and the CPU it and all whom it
    waited for have used."""

    status: int
    stdout: str
    cpu_seconds: float


@dataclass(slots=True)
class Started:
    """A tool's process and all that it starts, in a session of its own. What it prints goes to files in its folder."""

    tool: Tool
    job: Job
    process: "subprocess.Popen[bytes]" = field(init=False)
    ended: Ended | None = None

    def __post_init__(self) -> None:
        with (self.job.folder / "stdout").open("wb") as output, (self.job.folder / "stderr").open("ab") as errors:
            self.process = subprocess.Popen(
                self.tool.command(self.job),
                env=dict(self.tool.environment(self.job)),
                cwd=self.job.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    def poll(self) -> Ended | None:
        """How it ended, or None while it lives."""
        if self.ended is None:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                code = self.process.returncode = os.waitstatus_to_exitcode(status)
                stdout = (self.job.folder / "stdout").read_text(errors="replace")
                self.ended = Ended(code, stdout, usage.ru_utime + usage.ru_stime)
        return self.ended

    def wait(self, seconds: float) -> Ended | None:
        """How it ended, or None when it has not within so many seconds."""
        deadline = time.monotonic() + seconds
        while (ended := self.poll()) is None and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return ended

    def kill(self) -> None:
        """SIGKILL to it and to whatever it started in its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.wait(30)
