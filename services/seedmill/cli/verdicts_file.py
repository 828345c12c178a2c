"""The file that `seedmill execute` writes: a verdict a line, those of an earlier start among them, and their totals."""

import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedmill.serving.errors import Misconfigured

if TYPE_CHECKING:
    from seedmill.execution.program_lines import ProgramLine

SYNC_SECONDS = 1.0


@dataclass(slots=True)
class Totals:
    """Of all verdicts in the file.

    `seconds` is wall time of the tests that ran, `downgraded` how many Auto judged by Token, `cached` how many were
    known from an equal program.
    """

    statuses: Counter[str] = field(default_factory=Counter[str])
    languages: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    downgraded: int = 0
    cached: int = 0
    seconds: float = 0.0

    def add(self, line: dict[str, Any]) -> None:
        """Count one line of the file. Raises KeyError, TypeError and ValueError for what is none."""
        status = str(line["status"])
        self.statuses[status] += 1
        self.languages.setdefault(str(line.get("language", "")), Counter())[status] += 1
        self.downgraded += bool(line.get("downgrade"))
        cached = bool(line.get("cached"))
        self.cached += cached
        self.seconds += 0.0 if cached else float(line.get("seconds", 0.0))

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "total": self.statuses.total(),
            "statuses": dict(sorted(self.statuses.items())),
            "languages": {name: dict(sorted(each.items())) for name, each in sorted(self.languages.items()) if name},
            "downgraded": self.downgraded,
            "cached": self.cached,
            "seconds": round(self.seconds, 3),
        }

    def as_lines(self) -> list[str]:
        """For people: by status, then by language where there are several, and what they should know beside."""
        lines = [f"{listed(self.statuses) or 'none'}; tests ran {self.seconds:,.1f} s"]
        named = {name: each for name, each in self.languages.items() if name}
        if len(named) > 1:
            lines += [f"  {name}: {listed(named[name])}" for name in sorted(named)]
        if self.downgraded:
            lines.append(f"  judged by Token, where Auto could not be strict: {self.downgraded:,}")
        if self.cached:
            lines.append(f"  known from an equal program: {self.cached:,}")
        return lines


class VerdictsFile:
    """What is in it from before, and a line more for each verdict.

    A torn last line (the process died while it wrote) is dropped. Lines are flushed as they come and synced every
    second. Raises OSError, and Misconfigured when the file holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._synced_at = 0.0
        self._done: dict[int, str | None] = {}
        self.totals = Totals()

    def __enter__(self) -> "VerdictsFile":
        self._file = self._path.open("a+b")
        self._read_old()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def has(self, line: "ProgramLine") -> bool:
        """Whether this line has its verdict. Raises Misconfigured when the file belongs to another input."""
        if line.number not in self._done:
            return False
        if self._done[line.number] != line.id:
            raise Misconfigured(
                "OutputOfAnotherInput",
                f"{self._path} holds a verdict on line {line.number} for id {self._done[line.number]!r}, the input has "
                f"{line.id!r} there; give another --output, or delete it",
            )
        return True

    def write(self, line: "ProgramLine", data: bytes) -> None:
        """Append the output line of an input line."""
        self._file.write(data)
        self._file.flush()
        self._done[line.number] = line.id
        self.totals.add(json.loads(data))
        if time.monotonic() - self._synced_at > SYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced_at = time.monotonic()

    def _read_old(self) -> None:
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                old = json.loads(line)
                self._done[old["line"]] = old["id"]
                self.totals.add(old)
            except (ValueError, KeyError, TypeError) as error:
                raise Misconfigured(
                    "OutputOfSomethingElse", f"{self._path} holds something else than verdicts; give another --output"
                ) from error
            whole += len(line)
        self._file.truncate(whole)
        self._file.seek(0, os.SEEK_END)


def listed(counts: "Counter[str]", most: int | None = None) -> str:
    """`pass 7, fail 2, …`, the most frequent first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{status} {count:,}" for status, count in ranked[:most])
