"""The selection law: which rows a dataset holds, as a fold over settled samples in order.

Walk root samples 0, 1, 2 …, within one by child path, while they are settled. Add each one's tokens. Keep a row if its
tags pass and it is similar to no row *kept* before it. Stop at the cut. What lies beyond the cut never matters, so
kills, the order of answers and replicas don't, and raising a target or a budget only appends.

The pipeline folds while it makes samples (to know when to stop, and what later samples may see); aggregation folds
again over what was listed at publication. Both use this class, so they cannot differ.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from seedmill.records.journal import Outcome
from seedmill.records.ledger import LedgerCounts
from seedmill.records.publication import End, Limits, Price
from seedmill.records.resolution import Leaf, SettledRoot
from seedmill.records.row import Row
from seedmill.records.tokens import Tokens

STOPPED = "stopped"
"""Reason of samples that a hard stop left unsettled below the highest ended one."""


class Kept(StrEnum):
    """What became of a leaf in the dataset."""

    KEPT = "kept"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one leaf; `row` is set when it is KEPT. `end` is the digest of its end record."""

    sample: str
    kept: Kept
    reason: str
    end: str
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class WalkedRoot:
    """One step of the fold: the leaves that were decided, and what the root cost."""

    index: int
    decisions: tuple[Decision, ...]
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class PublishedOutcome:
    """What the predecessor published about a leaf. It stays, whatever is written late (journal rule 12)."""

    kept: Kept
    reason: str
    end: str


class PublishedOutcomes(Protocol):
    """What the predecessor published about each leaf below its cut, by path; a dict is one."""

    def get(self, path: str, /) -> PublishedOutcome | None: ...


class SimilarRows(Protocol):
    """The rows kept so far, as `filters` can search them."""

    def find(self, row: Row) -> str | None:
        """`exact_duplicate` or `near_duplicate` when the row is similar to a kept one, else None."""
        ...

    def add(self, row: Row, root_index: int) -> None:
        """Remember a kept row."""
        ...


@dataclass(slots=True)
class Selection:
    """The fold. `row_of` makes the row of an accepted leaf; `cap` is the most one root sample can cost.

    `ended` is None until the cut is reached; after that nothing more may be walked.
    """

    limits: Limits
    cap: Tokens
    similar: SimilarRows
    row_of: Callable[[Leaf], Row]
    predecessor: PublishedOutcomes = field(default_factory=dict[str, PublishedOutcome])
    next_root: int = 0
    tokens: Tokens = Tokens()
    counts: LedgerCounts = field(default_factory=LedgerCounts)
    ended: End | None = None

    def __post_init__(self) -> None:
        self._stop_if_spent()

    def walk(self, root: SettledRoot) -> WalkedRoot:
        """Fold in the next root sample. Raises ValueError if it is not the next one or the cut is reached."""
        if self.ended is not None or root.index != self.next_root:
            raise ValueError(f"root {root.index} cannot be walked: next is {self.next_root}, ended {self.ended}")
        decisions: list[Decision] = []
        for leaf in root.leaves:
            decisions.append(self._decide(leaf, root.index))
            if self.counts.accepted == self.limits.accepted_samples:
                self.ended = End.TARGET_REACHED
                break
        return self._advance(root.index, tuple(decisions), root.tokens)

    def go_on_at(self, root: int, tokens: Tokens, counts: LedgerCounts) -> None:
        """Take over a fold that came to this root sample below the cut. Nothing may have been walked here."""
        if self.next_root:
            raise ValueError(f"the fold is at root {self.next_root} already")
        self.next_root, self.tokens, self.counts = root, tokens, counts

    def next_stays_stopped(self) -> bool:
        """Whether the predecessor has the next root as stopped; then `walk_stopped` it, whatever the journal says."""
        before = self.predecessor.get(str(self.next_root))
        return before is not None and before.reason == STOPPED

    def walk_stopped(self) -> WalkedRoot:
        """Fold in the next root sample as one that a hard stop left unsettled."""
        self.counts.failed[STOPPED] += 1
        decision = Decision(str(self.next_root), Kept.FAILED, STOPPED, end="")
        return self._advance(self.next_root, (decision,), Tokens())

    def _advance(self, index: int, decisions: tuple[Decision, ...], tokens: Tokens) -> WalkedRoot:
        self.tokens += tokens
        self.next_root = index + 1
        self._stop_if_spent()
        return WalkedRoot(index, decisions, tokens)

    def _decide(self, leaf: Leaf, index: int) -> Decision:
        sample, end = leaf.end.sample, leaf.end.digest
        before = self.predecessor.get(sample)
        if before is not None:
            kept, reason = before.kept, before.reason
            row = self.row_of(leaf) if kept is Kept.KEPT else None
        else:
            kept, reason, row = self._judge(leaf)
        if row is not None:
            self.counts.accepted += 1
            self.similar.add(row, index)
        elif kept is Kept.REJECTED:
            self.counts.rejected[reason] += 1
        else:
            self.counts.failed[reason] += 1
        return Decision(sample, kept, reason, end, row)

    def _judge(self, leaf: Leaf) -> tuple[Kept, str, Row | None]:
        match leaf.end.outcome:
            case Outcome.FAILED:
                return Kept.FAILED, leaf.end.reason, None
            case Outcome.REJECT:
                return Kept.REJECTED, leaf.end.reason, None
            case Outcome.ACCEPT if leaf.end.tags:
                return Kept.REJECTED, leaf.end.tags[0].partition(":")[0], None
            case Outcome.ACCEPT:
                row = self.row_of(leaf)
                duplicate = self.similar.find(row)
                return (Kept.REJECTED, duplicate, None) if duplicate else (Kept.KEPT, "", row)

    def _stop_if_spent(self) -> None:
        if self.ended is not None:
            return
        if self.next_root >= self.limits.max_candidates:
            self.ended = End.TARGET_NOT_REACHED
        elif not within_budget(self.limits, self.tokens + self.cap):
            self.ended = End.BUDGET_EXHAUSTED


def within_budget(limits: Limits, tokens: Tokens) -> bool:
    """Whether so many tokens may be spent under these limits, in tokens and in money."""
    if limits.max_tokens is not None and tokens.total > limits.max_tokens:
        return False
    if limits.max_cost is not None and limits.price is not None:
        return cost_of(tokens, limits.price) <= limits.max_cost
    return True


def cost_of(tokens: Tokens, price: Price) -> Decimal:
    """What the tokens cost, in the price's currency."""
    return (tokens.prompt * price.input + tokens.completion * price.output) / Decimal(1_000_000)
