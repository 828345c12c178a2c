"""Which sample may be issued, what it may see, and when the run has enough.

The frontier folds settled roots into the selection in order of their index, whatever the order in which they finish.
Sample i sees only rows kept below lag(i), and is not issued before those are settled: so what it sees is the same at
every restart, with every window (journal rules 2, 3).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from seedmill.filters.decontamination import Decontaminator
from seedmill.filters.similarity import RowIndex
from seedmill.records.ledger import Ledger
from seedmill.records.publication import Limits
from seedmill.records.resolution import SettledRoot
from seedmill.records.row import Row
from seedmill.records.selection import Selection, WalkedRoot, within_budget
from seedmill.records.tokens import Tokens


def lag(index: int, block: int) -> int:
    """The first root that sample `index` does not see: G * max(0, i // G - 1)."""
    return block * max(0, index // block - 1)


@dataclass(frozen=True, slots=True)
class FrozenSight:
    """What one sample sees: rows kept below `below`, and the benchmarks."""

    index: RowIndex
    decontaminator: Decontaminator
    kept: Sequence[tuple[int, Row]]
    below: int

    def similar(self, instruction: str) -> str | None:
        return self.index.find_instruction(instruction, self.below)

    def contamination(self, text: str) -> str | None:
        hit = self.decontaminator.find(text)
        return hit.task if hit else None

    def pool(self) -> Sequence[Row]:
        return [row for root, row in self.kept if root < self.below]


@dataclass(slots=True)
class Frontier:
    """The fold over settled roots, and what follows from it for those to come."""

    selection: Selection
    index: RowIndex
    decontaminator: Decontaminator
    block: int
    reads_pool: bool
    on_walked: Callable[[WalkedRoot], None]
    waiting: dict[int, SettledRoot] = field(default_factory=dict[int, SettledRoot])
    kept: list[tuple[int, Row]] = field(default_factory=list[tuple[int, Row]])
    ahead: Tokens = Tokens()
    on_step: "Callable[[Frontier], None]" = lambda frontier: None

    @property
    def done(self) -> bool:
        """Whether the cut is reached."""
        return self.selection.ended is not None

    def knows(self, index: int) -> bool:
        """Whether this root is walked, or settled and waiting for its turn."""
        return index < self.selection.next_root or index in self.waiting

    def settle(self, root: SettledRoot) -> None:
        """Take a settled root, and walk as far as there is no gap. Roots below the front are walked already."""
        if root.index >= self.selection.next_root:
            self.waiting[root.index] = root
            self.ahead += root.tokens
        self.advance()

    def advance(self) -> None:
        """Walk as far as there is no gap."""
        while not self.done:
            if self.selection.next_stays_stopped():
                self.on_walked(self.selection.walk_stopped())
                self.on_step(self)
                continue
            root = self.waiting.pop(self.selection.next_root, None)
            if root is None:
                break
            self.ahead = Tokens(
                self.ahead.prompt - root.tokens.prompt, self.ahead.completion - root.tokens.completion
            )  # fmt: skip
            step = self.selection.walk(root)
            self.on_walked(step)
            self.on_step(self)
            if self.reads_pool:
                self.kept.extend((root.index, each.row) for each in step.decisions if each.row is not None)

    def may_issue(self, index: int, begun: int) -> bool:
        """Whether root `index` may be issued while `begun` others are begun and not settled."""
        limits: Limits = self.selection.limits
        if self.done or index >= limits.max_candidates:
            return False
        if lag(index, self.block) > self.selection.next_root:
            return False
        cap = self.selection.cap
        reserved = Tokens(cap.prompt * (begun + 1), cap.completion * (begun + 1))
        return within_budget(limits, self.selection.tokens + self.ahead + reserved)

    def sight(self, index: int) -> FrozenSight:
        """What root `index` sees."""
        return FrozenSight(self.index, self.decontaminator, self.kept, lag(index, self.block))

    def ledger(self, begun: int) -> Ledger:
        """The ledger so far; what is begun, or settled behind a gap, is pending."""
        return self.selection.counts.ledger(begun + len(self.waiting))

    def enough_in_flight(self, window: int) -> int:
        """How many samples are worth having in flight: fewer when the target is near, so that little is made beyond it.

        The estimate follows the yield so far, with a quarter on top; it changes what is paid beyond the cut, never what
        is published.
        """
        counts, limits = self.selection.counts, self.selection.limits
        walked = self.selection.next_root
        if walked < MIN_WALKED:
            return window
        rate = max(counts.accepted, 1) / walked
        missing = limits.accepted_samples - counts.accepted - len(self.waiting) * rate
        return max(1, min(window, int(1.25 * missing / rate) + 2))


MIN_WALKED = 16
"""Roots to see before their yield says anything."""
