"""Keeps ledger.json and progress.json of a run current, for people and for the next process."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

import orjson

from seedmill.pipeline.progress import Progress
from seedmill.records.ledger import Ledger
from seedmill.storage.store import ObjectMissing, StorageError, Store

REPORT_SECONDS = 2.0


@dataclass(slots=True)
class RunReport:
    """The two files of one run. What ends in `before` is what earlier processes spent on it: seconds, and tokens."""

    store: Store
    prefix: str
    progress: Progress
    last_ending: str = ""
    active_before: float = 0.0
    paid_before: int = 0
    wasted_before: int = 0
    started: float = field(default_factory=time.monotonic)

    def load(self) -> None:
        """Read what the process before left: how it ended, and how long the run was active."""
        try:
            before = orjson.loads(self.store.get(f"{self.prefix}/progress.json"))
            self.last_ending = before["ending"] or ""
            self.active_before = float(before["activeSeconds"])
            self.paid_before = int(before["paidTokens"])
            self.wasted_before = int(before["wastedTokens"])
        except (ObjectMissing, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return

    @property
    def active_seconds(self) -> float:
        return self.active_before + time.monotonic() - self.started

    async def keep_current(self) -> None:
        """Write every few seconds, until cancelled. A store that is away is the journal's to report."""
        while True:
            with suppress(StorageError):
                await asyncio.to_thread(self.write, "", self.progress.ledger())
            await asyncio.sleep(REPORT_SECONDS)

    def write(self, ending: str, ledger: Ledger) -> None:
        """Write both files now. Raises StorageError."""
        moment = self.progress.snapshot()
        content = {
            "phase": moment.phase,
            "ending": ending or None,
            "target": moment.target,
            "candidates": moment.candidates,
            "inFlight": moment.in_flight,
            "paidTokens": self.paid_before + moment.paid.total,
            "wastedTokens": self.wasted_before + moment.wasted.total,
            "countedTokens": moment.counted.total,
            "waiting": [str(each) for each in moment.waiting],
            "activeSeconds": round(self.active_seconds, 3),
        }
        self.store.put(f"{self.prefix}/ledger.json", orjson.dumps(ledger.to_json(), option=orjson.OPT_INDENT_2))
        self.store.put(f"{self.prefix}/progress.json", orjson.dumps(content, option=orjson.OPT_INDENT_2))
