"""The lines of `seedmill execute`: programs in, verdicts out, one for each line whatever it says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import orjson

from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind

LONGEST_LINE_BYTES = 16 << 20
LONGEST_TIMEOUT_SECONDS = 600.0
MOST_MEMORY_BYTES = 64 << 30


@dataclass(frozen=True, slots=True)
class ProgramLine:
    """One input line: its number from 1, its id if it has one, and the program or what is wrong with it."""

    number: int
    id: str | None
    program: Program | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What lines do not say themselves."""

    verdict: VerdictKind
    isolation: Isolation


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


def verdict_line(line: ProgramLine, program: Program, verdict: Verdict) -> dict[str, Any]:
    """The output line of a program that was run."""
    return _line(
        line,
        verdict.status,
        verdict.reason,
        language=program.language,
        seconds=round(verdict.seconds, 4),
        compile_seconds=round(verdict.compile_seconds, 4),
        verdict=verdict.kind,
        downgrade=verdict.downgrade,
        asserts=verdict.asserts_run,
        environment=verdict.environment,
        sandbox=verdict.sandbox,
        stdout=verdict.stdout,
        stderr=verdict.stderr,
    )


def problem_line(line: ProgramLine, problem: str) -> dict[str, Any]:
    """The output line of one that cannot be run."""
    return _line(line, Status.ERROR, problem, seconds=0.0)


def _line(line: ProgramLine, status: Status, reason: str, **rest: Any) -> dict[str, Any]:
    return {"id": line.id, "line": line.number, "status": status, "reason": reason, **rest}


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
            timeout_seconds=float(_number(fields, "timeout_seconds", 10.0, LONGEST_TIMEOUT_SECONDS)),
            memory_bytes=int(_number(fields, "memory_bytes", 512 << 20, MOST_MEMORY_BYTES)),
            environment=_word(fields, "environment", "python-std"),
            verdict=defaults.verdict,
            isolation=_isolation(fields, defaults.isolation),
        )
    except ValueError as error:
        return ProgramLine(number, name, None, str(error))
    return ProgramLine(number, name, program)


def _number(fields: dict[str, Any], field: str, default: float, most: float) -> float:
    """Raises ValueError."""
    value = fields.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise ValueError(f"{field} must be between 0 and {most:.15g}")
    return value


def _word(fields: dict[str, Any], field: str, default: str) -> str:
    """Raises ValueError."""
    value = fields.get(field, default)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field} must be text")
    return value


def _isolation(fields: dict[str, Any], default: Isolation) -> Isolation:
    """Raises ValueError."""
    word = _word(fields, "isolation", default)
    for each in Isolation:
        if each.lower() == word.lower():
            return each
    raise ValueError(f"isolation must be one of {', '.join(each.lower() for each in Isolation)}")
