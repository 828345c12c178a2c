"""What a run can say of itself at any moment: for the terminal, for ledger.json and progress.json, for the operator."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from seedmill.pipeline.patience import Awaited
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
    DELETING = "deleting what was superseded"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Published:
    """The latest publication's dataset: where it lies, its digest, how many rows it has."""

    uri: str
    digest: str
    rows: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a run.

    `paid` are tokens of answers to this process, `wasted` those that engines spent besides (estimated), `counted` those
    that the selection law counts so far. `waiting` is what the run waits for. `recent` are the last rows kept, newest
    last. `generating_seconds` is how long ago this process began to generate (0: not yet), `accepted_before` how many
    rows there were then. `attempt` is empty until the journal is open.
    """

    phase: Phase
    ledger: Ledger
    target: int
    candidates: int
    in_flight: int
    window: int
    paid: Tokens
    wasted: Tokens
    counted: Tokens
    resumed: int
    waiting: tuple[Awaited, ...]
    recent: tuple[Row, ...]
    collection: CollectionProgress | None
    generating_seconds: float
    accepted_before: int
    attempt: str
    published: Published | None


@dataclass(slots=True)
class Progress:
    """The run's own counters; `ledger` and `waiting` are asked for when a snapshot is taken."""

    phase: Phase = Phase.STARTING
    target: int = 0
    candidates: int = 0
    in_flight: int = 0
    window: int = 0
    resumed: int = 0
    paid_tokens: Tokens = Tokens()
    collection: CollectionProgress | None = None
    attempt: str = ""
    published: Published | None = None
    recent: deque[Row] = field(default_factory=lambda: deque[Row](maxlen=RECENT_ROWS))
    ledger: Callable[[], Ledger] = Ledger
    counted: Callable[[], Tokens] = Tokens
    wasted: Callable[[], Tokens] = Tokens
    waiting: Callable[[], list[Awaited]] = list[Awaited]
    clock: Callable[[], float] = time.monotonic
    generating_since: float | None = None
    accepted_before: int = 0

    def begin_generating(self) -> None:
        """From now on rates are measured: what earlier processes made does not count."""
        self.phase = Phase.GENERATING
        self.generating_since = self.clock()
        self.accepted_before = self.ledger().accepted

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
            self.window,
            self.paid_tokens,
            self.wasted(),
            self.counted(),
            self.resumed,
            tuple(self.waiting()),
            tuple(self.recent),
            self.collection,
            0.0 if self.generating_since is None else self.clock() - self.generating_since,
            self.accepted_before,
            self.attempt,
            self.published,
        )
