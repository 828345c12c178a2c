"""What came of a tool in a scenario, and whether that is good enough. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seedmill.chaos.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Outcome:
    """One tool in one scenario.

    Of `rows` prompts the engine refused `refused` for good; `made` rows came out, None when the tool never said so.
    `paid` good answers were given, `paid_twice` of them to a prompt that had one. `ended`: within the time it had.
    `starts` is how many times it was started. `skipped` says why nothing was tried; then the rest means nothing.
    """

    tool: str
    scenario: Scenario
    rows: int = 0
    window: int = 0
    refused: int = 0
    made: int | None = None
    paid: int = 0
    paid_twice: int = 0
    seconds: float = 0.0
    ended: bool = True
    starts: int = 1
    note: str = ""
    skipped: str = ""

    @property
    def lost(self) -> int:
        """Rows that could have been made and were not."""
        return max(0, self.rows - self.refused - (self.made or 0))

    @property
    def may_pay_twice(self) -> int:
        return self.scenario.may_pay_twice(self.rows, self.window)

    @property
    def good(self) -> bool:
        """It ended, lost nothing, and paid nothing twice beyond what the scenario allows."""
        return self.ended and self.made is not None and self.lost == 0 and self.paid_twice <= self.may_pay_twice

    def to_json(self) -> dict[str, Any]:
        if self.skipped:
            return {"tool": self.tool, "scenario": self.scenario.name, "skipped": self.skipped}
        return {
            "tool": self.tool,
            "scenario": self.scenario.name,
            "rows": self.rows,
            "window": self.window,
            "refused": self.refused,
            "made": self.made,
            "lost": self.lost,
            "paid": self.paid,
            "paidTwice": self.paid_twice,
            "mayPayTwice": self.may_pay_twice,
            "seconds": round(self.seconds, 1),
            "ended": self.ended,
            "starts": self.starts,
            "good": self.good,
            "note": self.note,
        }


def passed(outcomes: Sequence[Outcome], tool: str) -> bool:
    """Whether this tool was good in every scenario that was tried."""
    return all(outcome.good for outcome in outcomes if outcome.tool == tool and not outcome.skipped)
