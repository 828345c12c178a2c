"""The command line as a user runs it: a process of its own."""

import json
import os
import subprocess
import sys
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


def result_of(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """What `--json` printed."""
    assert done.stdout, done.stderr
    return json.loads(done.stdout)
