"""`POST /submit`: a completion is judged by tests that come with the request, as HumanEval's and MBPP's rows have them.

SandboxFusion looks rows up in data sets that it hosts; here there are none: `config.provided_data` must hold the row.
`accepted` is this service's verdict `pass`, not an exit status: a completion that ends early with 0 is not accepted.
"""

import json
import re
import secrets
import textwrap
from dataclasses import dataclass
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field

from seedmill.execution.http.run_code import DEFAULT_MEMORY_MB, response
from seedmill.records.verdict import Isolation, Program, Status, Verdict
from seedmill.serving.errors import InvalidRequest

DEFAULT_SECONDS = 20.0
_FENCED = re.compile(
    r"^[ \t]*```[ \t]*(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE
)
_OPEN_FENCE = re.compile(r"^[ \t]*```[ \t]*(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*)\Z", re.DOTALL | re.MULTILINE)
_PYTHON = ("python", "py", "python3", "")
_MAIN_GUARD = re.compile(r"^if __name__ *==", re.MULTILINE)
_FEW_SHOT_END = "[DONE]"
_OUTER_LINE = re.compile(r"^(?=\S)", re.MULTILINE)


class Config(BaseModel):
    """Of SandboxFusion's, what has a meaning here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    language: str | None = None
    run_timeout: Annotated[float, Field(gt=0, le=600)] | None = None
    provided_data: dict[str, Any] | list[dict[str, Any]] | None = None
    custom_extract_logic: str | None = None


class SubmitRequest(BaseModel):
    """A completion for one row of a data set."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dataset: str
    id: int | str
    completion: str
    config: Config


@dataclass(frozen=True, slots=True)
class Submission:
    """What is judged: the solution, the tests, what of the solution is the completion's, and how that was found."""

    program: Program
    extracted: str
    extracted_type: str


def submission_of(request: SubmitRequest, isolation: Isolation) -> Submission:
    """Raises InvalidRequest for what this service cannot judge, and says what is missing."""
    config = request.config
    if config.custom_extract_logic:
        raise InvalidRequest(
            "NotSupported",
            "config.custom_extract_logic would run the caller's code in this service: send the code itself",
        )
    if config.language not in (None, "python"):
        raise InvalidRequest("LanguageUnknown", f"/submit judges python, not {config.language!r}")
    row = _row(request)
    code, how = extract(request.completion)
    if "test_list" in row:
        extracted, solution, tests = _mbpp(row, code)
    else:
        extracted, solution, tests = _humaneval(row, code, how)
    program = Program(
        secrets.token_hex(8),
        "python",
        solution,
        tests,
        config.run_timeout or DEFAULT_SECONDS,
        DEFAULT_MEMORY_MB << 20,
        isolation=isolation,
    )
    return Submission(program, extracted, how)


def answer(request: SubmitRequest, submission: Submission, verdict: Verdict, pod: str | None) -> dict[str, Any]:
    """The response, with the verdict in `extra`."""
    passed = verdict.status is Status.PASS
    late = verdict.status is Status.TIMEOUT
    result = {
        "status": "TimeLimitExceeded" if late else "Finished",
        "execution_time": round(verdict.seconds, 6),
        "return_code": 0 if passed else None if late else 1,
        "stdout": verdict.stdout,
        "stderr": verdict.stderr,
    }
    status = "Success" if passed else "SandboxError" if verdict.status is Status.INFRA else "Failed"
    info = response(status, verdict.reason, None if verdict.status is Status.INFRA else result, pod=pod)
    return {
        "id": request.id,
        "accepted": passed,
        "extracted_code": submission.extracted,
        "full_code": f"{submission.program.solution}\n{submission.program.tests}",
        "test_code": submission.program.tests,
        "tests": [{"passed": passed, "exec_info": info, "test_info": None}],
        "extracted_type": submission.extracted_type,
        "extra": {
            "verdict": verdict.status.value,
            "reason": verdict.reason,
            "kind": verdict.kind.value,
            "downgrade": verdict.downgrade,
            "asserts_run": verdict.asserts_run,
            "environment": verdict.environment,
        },
    }


def extract(completion: str) -> tuple[str, str]:
    """(code, how it was found): the first block in a fence, an open fence's rest, else the whole text.

    What follows the mark that ends an answer to a few-shot prompt, or would run when it is started, is left out.
    """
    code, how = _extracted(completion.partition(_FEW_SHOT_END)[0])
    return _MAIN_GUARD.split(code, maxsplit=1)[0], how


def _extracted(completion: str) -> tuple[str, str]:
    for match in _FENCED.finditer(completion):
        if match["language"].lower() in _PYTHON:
            return match["code"], "fenced"
    match = _OPEN_FENCE.search(completion)
    if match is not None and match["language"].lower() in _PYTHON:
        return match["code"], "incomplete_fenced"
    return completion, "heuristic" if completion.strip() else "empty"


def _row(request: SubmitRequest) -> dict[str, Any]:
    data = request.config.provided_data
    if data is None:
        raise InvalidRequest(
            "DatasetMissing",
            f"this service hosts no data sets, {request.dataset!r} neither: send the row as config.provided_data, with "
            "test and entry_point (HumanEval) or test_list (MBPP)",
        )
    rows = [data] if isinstance(data, dict) else data
    if len(rows) == 1:
        return _with_labels(rows[0])
    found = [row for row in rows if str(row.get("id", row.get("task_id"))) == str(request.id)]
    if len(found) != 1:
        raise InvalidRequest("RowMissing", f"config.provided_data has {len(found)} rows of id {request.id!r}, not one")
    return _with_labels(found[0])


def _with_labels(row: dict[str, Any]) -> dict[str, Any]:
    """Rows keep some fields below `labels`, and have objects and lists as JSON where they come from a table."""
    read = {name: _from_json(value) if name in ("labels", "test_list") else value for name, value in row.items()}
    labels = read.get("labels")
    return {**cast("dict[str, Any]", labels), **read} if isinstance(labels, dict) else read


def _from_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _text(row: dict[str, Any], *names: str, needed: bool = True) -> str:
    for name in names:
        if isinstance(value := row.get(name), str):
            return value
    if needed:
        raise InvalidRequest("RowIncomplete", f"config.provided_data has no text {' or '.join(names)}")
    return ""


def _mbpp(row: dict[str, Any], code: str) -> tuple[str, str, str]:
    """(extracted, solution, tests). What a model asserts of itself is no test."""
    tests = _texts(row["test_list"])
    if not tests:
        raise InvalidRequest("RowIncomplete", "config.provided_data: test_list must be a list of assertions")
    setup = [_text(row, "test_setup_code", needed=False), *_texts(row.get("test_imports"))]
    code = code.partition("\nassert ")[0]
    return code, code, "\n".join([*(each for each in setup if each.strip()), *tests]) + "\n"


def _humaneval(row: dict[str, Any], code: str, how: str) -> tuple[str, str, str]:
    """(extracted, solution, tests)."""
    entry = _text(row, "entry_point")
    if not entry.isidentifier():
        raise InvalidRequest("RowIncomplete", f"config.provided_data: entry_point {entry[:80]!r} is no name")
    prompt = _text(row, "prompt", "content", needed=False)
    tests = f"{_text(row, 'test')}\n\ncheck({entry})\n"
    if re.search(rf"^\s*(?:async\s+)?def\s+{entry}\b", code, re.MULTILINE):
        return code, _imports_of(prompt) + code, tests
    # It goes on where the prompt stops: in the body of the function, which models do not always indent. Those that do
    # not know when to stop go on with other things below it.
    indented = code[:1] in " \t\n" or how == "empty"
    body = _OUTER_LINE.split(code, maxsplit=1)[0] if indented else textwrap.indent(code, "    ")
    return body, f"{prompt.rstrip(' ')}\n{body}" if prompt and not prompt.endswith("\n") else prompt + body, tests


def _imports_of(prompt: str) -> str:
    """What stands before the first function: the completion's function may need its imports and helpers' names."""
    head = re.split(r"^(?:def|class|async def|@)", prompt, maxsplit=1, flags=re.MULTILINE)[0]
    return "".join(f"{line}\n" for line in head.splitlines() if line.startswith(("import ", "from ")))


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]
