"""The ledger: what became of every candidate. It always balances."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Ledger:
    """Leaf candidates: `requested` = accepted + rejected (by reason) + failed (by reason) + pending."""

    accepted: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])
    failed: Mapping[str, int] = field(default_factory=dict[str, int])
    pending: int = 0

    @property
    def requested(self) -> int:
        return self.accepted + sum(self.rejected.values()) + sum(self.failed.values()) + self.pending

    @property
    def settled(self) -> int:
        """Candidates that ended, whichever way."""
        return self.requested - self.pending

    def to_json(self) -> dict[str, Any]:
        """The form of ledger.json: reasons with the most frequent first."""
        return {
            "requested": self.requested,
            "accepted": self.accepted,
            "rejected": _by_count(self.rejected),
            "failed": _by_count(self.failed),
            "pending": self.pending,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Ledger":
        """Raises ValueError when the numbers do not balance."""
        ledger = Ledger(data["accepted"], dict(data["rejected"]), dict(data["failed"]), data["pending"])
        if ledger.requested != data["requested"]:
            raise ValueError(
                f"the ledger does not balance: requested {data['requested']}, accounted {ledger.requested}"
            )
        return ledger


@dataclass(slots=True)
class LedgerCounts:
    """A ledger being counted."""

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])
    failed: Counter[str] = field(default_factory=Counter[str])

    def ledger(self, pending: int = 0) -> Ledger:
        return Ledger(self.accepted, dict(self.rejected), dict(self.failed), pending)


def _by_count(reasons: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
