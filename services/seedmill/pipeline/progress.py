"""What a run can say of itself at any moment: for the terminal, for ledger.json and progress.json, for the operator."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from seedmill.records.collection import CollectionProgress
from seedmill.records.ledger import Ledger
from seedmill.records.row import Row
from seedmill.records.selection import WalkedRoot
from seedmill.records.tokens import Tokens

RECENT_ROWS = 8


class Phase(StrEnum):
    """What the run is doing."""

    STARTING = "starting"
    COLLECTING = "collecting seeds"
    GENERATING = "generating"
    DRAINING = "finishing what is in flight"
    PUBLISHING = "publishing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a run.

    `paid` are tokens paid by this process, `counted` those that the selection law counts so far. `waiting` says what
    the run waits for, one sentence each. `recent` are the last rows kept, newest last.
    """

    phase: Phase
    ledger: Ledger
    target: int
    candidates: int
    in_flight: int
    paid: Tokens
    counted: Tokens
    resumed: int
    waiting: tuple[str, ...]
    recent: tuple[Row, ...]
    collection: CollectionProgress | None


@dataclass(slots=True)
class Progress:
    """The run's own counters; `ledger` and `waiting` are asked for when a snapshot is taken."""

    phase: Phase = Phase.STARTING
    target: int = 0
    candidates: int = 0
    in_flight: int = 0
    resumed: int = 0
    paid_tokens: Tokens = Tokens()
    collection: CollectionProgress | None = None
    recent: deque[Row] = field(default_factory=lambda: deque[Row](maxlen=RECENT_ROWS))
    ledger: Callable[[], Ledger] = Ledger
    counted: Callable[[], Tokens] = Tokens
    waiting: Callable[[], list[str]] = list[str]

    def walked(self, root: WalkedRoot) -> None:
        """The selection took a step."""
        self.recent.extend(decision.row for decision in root.decisions if decision.row is not None)

    def paid(self, tokens: Tokens) -> None:
        """A completion arrived."""
        self.paid_tokens += tokens

    def snapshot(self) -> Snapshot:
        return Snapshot(
            self.phase,
            self.ledger(),
            self.target,
            self.candidates,
            self.in_flight,
            self.paid_tokens,
            self.counted(),
            self.resumed,
            tuple(self.waiting()),
            tuple(self.recent),
            self.collection,
        )
