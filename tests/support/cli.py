"""The command line as a user runs it: a process of its own."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("services", "operator"))
    kept = {
        name: value for name, value in os.environ.items() if not name.endswith(("TEACHER", "TEACHER_KEY", "API_KEY"))
    }
    return {**kept, "PYTHONPATH": paths, **more}


def start(*arguments: str | Path, **more: str) -> "subprocess.Popen[str]":
    """`seedmill ARGUMENTS`, running."""
    return subprocess.Popen(
        [sys.executable, "-m", "seedmill.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**more),
    )


def seedmill(*arguments: str | Path, timeout: float = 240, **more: str) -> "subprocess.CompletedProcess[str]":
    """`seedmill ARGUMENTS`, done."""
    process = start(*arguments, **more)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@dataclass
class Watched:
    """A running command whose stderr is read line by line as it comes: `said`."""

    process: "subprocess.Popen[str]"
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, text: str, seconds: float = 60) -> str:
        """Wait for a line with this text."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := next((line for line in list(self.said) if text in line), None):
                return found
            assert self._reader.is_alive(), f"it ended without saying {text!r}: {self.said}"
            time.sleep(0.05)
        raise AssertionError(f"it did not say {text!r}: {self.said}")

    def end(self, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        """Wait until it ends."""
        self.process.wait(seconds)
        self._reader.join(seconds)
        assert self.process.stdout is not None
        out, err = self.process.stdout.read(), "\n".join(self.said)
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err)

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(line.rstrip("\n") for line in self.process.stderr)


@contextmanager
def watched(*arguments: str | Path, **more: str) -> Generator[Watched]:
    """`seedmill ARGUMENTS`, running and watched; killed at the end of the context if it is still there."""
    process = start(*arguments, **more)
    try:
        yield Watched(process)
    finally:
        process.kill()
        process.wait()


def result_of(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """What `--json` printed."""
    assert done.stdout, done.stderr
    return json.loads(done.stdout)
