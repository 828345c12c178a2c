"""The output file of `seedmill execute`, and what its verdicts add up to."""

import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedmill.serving.errors import Misconfigured

if TYPE_CHECKING:
    from seedmill.execution.program_lines import ProgramLine

SYNC_SECONDS = 1.0


class Totals:
    """Verdicts by status and by language, how many Auto judged by Token, and the seconds that tests took."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.languages: dict[str, Counter[str]] = {}
        self.downgrades = 0
        self.seconds = 0.0

    def add(self, verdict: dict[str, Any]) -> None:
        """A line of the file. Raises KeyError and TypeError for one that is no verdict."""
        status = verdict["status"]
        self.statuses[status] += 1
        self.seconds += verdict.get("seconds", 0.0)
        self.downgrades += bool(verdict.get("downgrade"))
        if language := verdict.get("language"):
            self.languages.setdefault(language, Counter())[status] += 1

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "total": self.statuses.total(),
            "statuses": dict(sorted(self.statuses.items())),
            "languages": {name: dict(sorted(each.items())) for name, each in sorted(self.languages.items())},
            "downgrades": self.downgrades,
            "seconds": round(self.seconds, 3),
        }

    def lines(self, file: Path) -> list[str]:
        """For people."""
        statuses = listed(self.statuses) or "none"
        found = [f"{self.statuses.total():,} verdicts in {file}: {statuses}; tests ran {self.seconds:,.1f} s"]
        if len(self.languages) > 1:
            found += [f"  {name}: {listed(each)}" for name, each in sorted(self.languages.items())]
        if self.downgrades:
            found.append(f"  judged by Token because Strict does not fit: {self.downgrades:,}")
        return found


class VerdictFile:
    """What is in the file from before, and a line more for each verdict.

    A torn last line (the process died while it wrote) is dropped. Lines are flushed as they come and synced every
    second. Raises OSError, and Misconfigured when the file holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._synced_at = 0.0
        self._done: dict[int, str | None] = {}
        self.totals = Totals()

    def __enter__(self) -> "VerdictFile":
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

    def write(self, line: "ProgramLine", verdict: dict[str, Any]) -> None:
        """Append a verdict."""
        self._file.write(json.dumps(verdict, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
        self._file.write(b"\n")
        self._file.flush()
        self._done[line.number] = line.id
        self.totals.add(verdict)
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
