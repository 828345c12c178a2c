"""The lines of `seedmill execute`: programs in, verdicts out, one for each line whatever it says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import orjson

from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind

LONGEST_LINE_BYTES = 16 << 20
LONGEST_TIMEOUT_SECONDS = 600.0


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
    timeout = fields.get("timeout_seconds", 10)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= LONGEST_TIMEOUT_SECONDS:
        return ProgramLine(number, name, None, f"timeout_seconds must be between 0 and {LONGEST_TIMEOUT_SECONDS:g}")
    program = Program(
        id=name,
        language=fields["language"],
        solution=fields["program"],
        tests=fields["tests"],
        timeout_seconds=float(timeout),
        verdict=defaults.verdict,
        isolation=defaults.isolation,
    )
    return ProgramLine(number, name, program)
