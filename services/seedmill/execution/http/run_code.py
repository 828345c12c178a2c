"""`POST /run_code`: SandboxFusion's request and answer, and what of them this service does otherwise.

`Success` there and here means an exit status of 0, which any program can bring about: it is no verdict.
"""

import secrets
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from seedmill.execution.scripts import LANGUAGES, Script, ScriptOutcome, ScriptStatus
from seedmill.serving.errors import InvalidRequest

DEFAULT_MEMORY_MB = 512
MOST_FILES = 256
CUT = "of stdout and stderr the first 64 KiB each are kept; there was more"
Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/\s]*={0,2}\s*$")]


class RunCodeRequest(BaseModel):
    """What is not named here is ignored, as there. Times are seconds, `files` and `fetch_files` relative paths."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    code: str
    language: str
    stdin: str | None = None
    compile_timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    run_timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    memory_limit_MB: Annotated[int, Field(ge=-1, le=65536)] = -1  # noqa: N815 - the field's name
    files: Annotated[dict[str, Base64 | None], Field(max_length=MOST_FILES)] = {}
    fetch_files: Annotated[list[str], Field(max_length=MOST_FILES)] = []


def problem_of(request: RunCodeRequest) -> str:
    """Why it cannot be run here, which clients take for an error of the sandbox; empty when it can."""
    if request.language in LANGUAGES:
        return ""
    return f"LanguageUnknown: {request.language!r} is not run by /run_code; there is {', '.join(LANGUAGES)}"


def script_of(request: RunCodeRequest) -> Script:
    """What a sandbox is asked."""
    memory_mb = request.memory_limit_MB if request.memory_limit_MB > 0 else DEFAULT_MEMORY_MB
    return Script(
        id=secrets.token_hex(8),
        code=request.code,
        stdin=request.stdin or "",
        seconds=request.run_timeout,
        memory_bytes=memory_mb << 20,
        files={path: content for path, content in request.files.items() if content is not None},
        fetch=request.fetch_files,
    )


def answer(outcome: ScriptOutcome, pod: str | None) -> dict[str, Any]:
    """The response. A program that was stopped for memory or output is `Failed`, and `message` says why.

    Raises InvalidRequest for files that cannot be had.
    """
    status, message = "Failed", ""
    result: dict[str, Any] | None = {
        "status": "Finished",
        "execution_time": round(outcome.seconds, 6),
        "return_code": outcome.exit_code,
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
    }
    match outcome.status:
        case ScriptStatus.FINISHED:
            status = "Success" if outcome.exit_code == 0 else "Failed"
            said = [f"{path}: not fetched: {why}" for path, why in outcome.not_fetched.items()]
            message = "; ".join([CUT, *said] if outcome.cut else said)
        case ScriptStatus.TIMEOUT:
            result["status"] = "TimeLimitExceeded"
            message = outcome.reason
        case ScriptStatus.MEMORY | ScriptStatus.OUTPUT:
            result["return_code"] = -9
            message = outcome.reason
        case ScriptStatus.REFUSED:
            raise InvalidRequest("BadFile", outcome.reason)
        case ScriptStatus.INFRA:
            status, result, message = "SandboxError", None, outcome.reason
    return response(status, message, result, outcome.files, pod)


def response(
    status: str, message: str, result: dict[str, Any] | None, files: Any = None, pod: str | None = None
) -> dict[str, Any]:
    """With all fields that clients know."""
    return {
        "status": status,
        "message": message,
        "compile_result": None,
        "run_result": result,
        "executor_pod_name": pod,
        "files": dict(files or {}),
    }
