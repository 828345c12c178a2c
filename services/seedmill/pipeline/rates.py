"""How fast a run is, and how long it will still take: a function of one moment of it.

Speeds are averages since this process began to generate; what an earlier process made does not count.
"""

from dataclasses import dataclass

from seedmill.pipeline.progress import Snapshot


@dataclass(frozen=True, slots=True)
class Rates:
    """`yield_percent` is accepted of settled, None while nothing is settled; `eta_seconds` None while nobody knows."""

    rows_per_second: float
    tokens_per_second: float
    yield_percent: float | None
    eta_seconds: float | None


def rates_of(moment: Snapshot) -> Rates:
    """The rates at this moment."""
    ledger, seconds = moment.ledger, moment.generating_seconds
    rows = (ledger.accepted - moment.accepted_before) / seconds if seconds > 0 else 0.0
    tokens = moment.paid.total / seconds if seconds > 0 else 0.0
    percent = 100 * ledger.accepted / ledger.settled if ledger.settled else None
    return Rates(rows, tokens, percent, _eta_seconds(moment, rows, percent))


def _eta_seconds(moment: Snapshot, rows_per_second: float, yield_percent: float | None) -> float | None:
    """To the target at the speed so far, or to the last candidate if that comes first."""
    if rows_per_second <= 0 or not yield_percent:
        return None
    to_target = (moment.target - moment.ledger.accepted) / rows_per_second
    settled_per_second = rows_per_second * 100 / yield_percent
    to_last = (moment.candidates - moment.ledger.settled) / settled_per_second
    return max(0.0, min(to_target, to_last))
