"""Programs without tests, for those who want to see what a program does: a request to a sandbox, and what came of it.

There is no verdict: an exit status is the program's own word (see `inside/script.py`).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, cast

from seedmill.execution.sandboxes.sandbox import SandboxLost
from seedmill.serving.errors import InvalidRequest

LANGUAGES = ("python",)
LONGEST_PATH = 200


class ScriptStatus(StrEnum):
    """How it ended: by itself, at a limit, or not at all: its files cannot be had, or no sandbox could start it."""

    FINISHED = "finished"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    REFUSED = "refused"
    INFRA = "infra"


@dataclass(frozen=True, slots=True)
class Script:
    """A program as it would be started by hand. `files` are base64 by relative path; `fetch` are paths wanted after it.

    `seconds` is wall time, and CPU time too.
    """

    id: str
    code: str
    stdin: str = ""
    seconds: float = 10.0
    memory_bytes: int = 512 << 20
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    fetch: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ScriptOutcome:
    """What it did. `exit_code` is negative for a signal and None where it was stopped; `reason` says at which limit.

    `cut`: it printed more than is kept.
    """

    status: ScriptStatus
    reason: str
    exit_code: int | None
    seconds: float
    stdout: str
    stderr: str
    files: Mapping[str, str]
    not_fetched: Mapping[str, str]
    cut: bool = False


def request_of(script: Script) -> dict[str, Any]:
    """The frame for a sandbox. Raises InvalidRequest for a path out of the scratch folder, and what is no base64."""
    for path in (*script.files, *script.fetch):
        check_path(path)
    for path, content in script.files.items():
        try:
            base64.b64decode(content)
        except ValueError as error:
            raise InvalidRequest("BadFile", f"{path!r} is no base64: {error}") from None
    return {
        "id": script.id,
        "script": "python",
        "code": script.code,
        "stdin": script.stdin,
        "files": dict(script.files),
        "fetch": list(script.fetch),
        "cpu_seconds": script.seconds,
        "wall_seconds": script.seconds,
        "memory_bytes": script.memory_bytes,
    }


def outcome_of(reply: Mapping[str, Any]) -> ScriptOutcome:
    """Raises SandboxLost for an answer that is none."""
    try:
        status = ScriptStatus(reply["status"])
        code = reply["exit_code"] if reply["signal"] is None else -int(reply["signal"])
        return ScriptOutcome(
            status=status,
            reason=str(reply["reason"]),
            exit_code=None if code is None or status is not ScriptStatus.FINISHED else int(code),
            seconds=float(reply["seconds"]),
            stdout=str(reply["stdout"]),
            stderr=str(reply["stderr"]),
            files=_texts(reply["files"]),
            not_fetched=_texts(reply["not_fetched"]),
            cut=bool(reply["cut"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise SandboxLost(f"an answer that is none: {error}") from error


def check_path(path: str) -> None:
    """Raise InvalidRequest unless the path is relative and stays below where it begins."""
    parts = PurePosixPath(path).parts
    if not path or len(path) > LONGEST_PATH or "\0" in path:
        raise InvalidRequest("BadPath", f"{path[:80]!r} is no path: 1 to {LONGEST_PATH} characters")
    if path.startswith("/") or ".." in parts or not parts:
        raise InvalidRequest("BadPath", f"{path!r} leads out of the program's folder: paths are relative, without ..")


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError("an object is expected")
    return {str(name): str(text) for name, text in cast("dict[object, object]", value).items()}
