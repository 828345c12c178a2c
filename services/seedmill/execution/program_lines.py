"""The lines of `seedmill execute`: programs in, verdicts out, one for each line whatever it says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar, cast

import orjson

from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind

LONGEST_LINE_BYTES = 16 << 20
LONGEST_TIMEOUT_SECONDS = 600.0
DEFAULT_MEMORY_BYTES = 512 << 20
LEAST_MEMORY_BYTES, MOST_MEMORY_BYTES = 16 << 20, 64 << 30

_Kind = TypeVar("_Kind", VerdictKind, Isolation)


@dataclass(frozen=True, slots=True)
class ProgramLine:
    """One input line: its number from 1, its id if it has one, the program or what is wrong with it, and its size."""

    number: int
    id: str | None
    program: Program | None
    problem: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Defaults:
    """What lines do not say themselves."""

    verdict: VerdictKind
    isolation: Isolation
    environment: str = "python-std"


def read_lines(file: BinaryIO, defaults: Defaults) -> Iterator[ProgramLine]:
    """All lines that are not empty, in order; one line is held at a time, however long the file is."""
    number = 0
    while line := file.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        if len(line) > LONGEST_LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE_BYTES)
            yield ProgramLine(number, None, None, f"longer than {LONGEST_LINE_BYTES >> 20} MiB")
        elif line.strip():
            yield _parse(number, line, defaults)


def verdict_line(line: ProgramLine, verdict: Verdict) -> bytes:
    """The output line of a program that was run."""
    return _encode(
        line,
        verdict.status,
        verdict.reason,
        seconds=round(verdict.seconds, 4),
        compile_seconds=round(verdict.compile_seconds, 4),
        verdict=verdict.kind,
        downgrade=verdict.downgrade,
        asserts=verdict.asserts_run,
        environment=verdict.environment,
        sandbox=verdict.sandbox,
        cached=verdict.cached,
        language="" if line.program is None else line.program.language,
        stdout=verdict.stdout,
        stderr=verdict.stderr,
    )


def problem_line(line: ProgramLine) -> bytes:
    """The output line of one that cannot be run."""
    return _encode(line, Status.ERROR, f"input line {line.number}: {line.problem}", seconds=0.0)


def _encode(line: ProgramLine, status: Status, reason: str, **rest: Any) -> bytes:
    return orjson.dumps({"id": line.id, "line": line.number, "status": status, "reason": reason, **rest}) + b"\n"


def _parse(number: int, line: bytes, defaults: Defaults) -> ProgramLine:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return ProgramLine(number, None, None, f"not JSON: {error}")
    if not isinstance(content, dict):
        return ProgramLine(number, None, None, f"an object is expected, not {type(content).__name__}")
    fields = cast("dict[str, Any]", content)
    name = fields.get("id")
    if not isinstance(name, str):
        return ProgramLine(number, None, None, "id is missing" if name is None else "id must be text")
    for field in ("language", "program", "tests"):
        if not isinstance(fields.get(field), str):
            return ProgramLine(number, name, None, f"{field} must be text")
    try:
        program = Program(
            id=name,
            language=fields["language"],
            solution=fields["program"],
            tests=fields["tests"],
            timeout_seconds=_timeout_seconds(fields),
            memory_bytes=_memory_bytes(fields),
            environment=_text(fields, "environment", defaults.environment),
            verdict=_one_of(VerdictKind, fields, "verdict", defaults.verdict),
            isolation=_one_of(Isolation, fields, "isolation", defaults.isolation),
        )
    except ValueError as error:
        return ProgramLine(number, name, None, str(error))
    return ProgramLine(number, name, program, size_bytes=len(line))


def _timeout_seconds(fields: dict[str, Any]) -> float:
    value = fields.get("timeout_seconds", 10)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_TIMEOUT_SECONDS:
        raise ValueError(f"timeout_seconds must be between 0 and {LONGEST_TIMEOUT_SECONDS:g}")
    return float(value)


def _memory_bytes(fields: dict[str, Any]) -> int:
    value = fields.get("memory_bytes", DEFAULT_MEMORY_BYTES)
    if isinstance(value, bool) or not isinstance(value, int) or not LEAST_MEMORY_BYTES <= value <= MOST_MEMORY_BYTES:
        raise ValueError(f"memory_bytes must be between {LEAST_MEMORY_BYTES} and {MOST_MEMORY_BYTES}")
    return value


def _text(fields: dict[str, Any], field: str, default: str) -> str:
    value = fields.get(field, default)
    if not isinstance(value, str):
        raise ValueError(f"{field} must be text")
    return value


def _one_of(kind: type[_Kind], fields: dict[str, Any], field: str, default: _Kind) -> _Kind:
    value = _text(fields, field, default)
    try:
        return kind(value.capitalize())
    except ValueError:
        raise ValueError(f"{field} is {value!r}, and none of {', '.join(kind)}") from None
