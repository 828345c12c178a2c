"""The figures of a status: ledger, tokens, rate, ETA, dataset. Bounded, and kept while nobody knows better."""

from collections.abc import Mapping
from datetime import datetime

from seedmill.operator.observation import RunProgress
from seedmill.operator.reasons import PUBLISHED
from seedmill.operator.run_end import RunEnd
from seedmill.records.ledger import Ledger
from seedmill.spec.status import DatasetStatus, LedgerStatus, ProgressStatus, TokenStatus

MOST_REASONS = 64
OTHER = "other"
REASON_CHARACTERS = 100
WAITING_CHARACTERS = 1024
URI_CHARACTERS = 2048
DIGEST_CHARACTERS = 128
LONGEST_ETA_MINUTES = 100 * 24 * 60


def ledger_status(ledger: Ledger) -> LedgerStatus:
    """The ledger; where reasons are too many, the rarest are counted as `other`."""
    return LedgerStatus(
        requested=ledger.requested,
        accepted=ledger.accepted,
        rejected=_bounded(ledger.rejected),
        rejected_total=sum(ledger.rejected.values()),
        failed=_bounded(ledger.failed),
        failed_total=sum(ledger.failed.values()),
        pending=ledger.pending,
    )


def ledger_now(before: LedgerStatus | None, progress: RunProgress | None, end: RunEnd | None) -> LedgerStatus | None:
    """The newest one that says something: a process that has just begun has not read its journal yet."""
    if end is not None and end.ledger is not None and (end.ledger.requested or before is None):
        return ledger_status(end.ledger)
    if progress is not None and (progress.ledger.requested or before is None):
        return ledger_status(progress.ledger)
    return before


def tokens_now(before: TokenStatus | None, progress: RunProgress | None, end: RunEnd | None) -> TokenStatus | None:
    """What counts. The last message knows only what its own process paid, which is less after a restart."""
    tokens = before
    if progress is not None and (progress.prompt_tokens or progress.completion_tokens or before is None):
        tokens = TokenStatus(
            prompt=progress.prompt_tokens,
            completion=progress.completion_tokens,
            total=progress.prompt_tokens + progress.completion_tokens,
        )
    if end is not None and (tokens is None or end.tokens > tokens.total):
        tokens = TokenStatus(total=end.tokens)
    return tokens


def progress_now(before: ProgressStatus | None, progress: RunProgress | None, now: datetime) -> ProgressStatus | None:
    """Yield, rate and ETA in words."""
    if progress is None:
        return before
    accepted, ended, rate = progress.ledger.accepted, progress.ledger.settled, 60 * progress.rows_per_second
    waiting = "; ".join(f"{name}: {why}" for name, why in progress.waiting)
    return ProgressStatus.model_validate(
        {
            "yield": f"{100 * accepted // ended} %" if ended else None,
            "rate": f"{rate:.{0 if rate >= 10 else 1}f}/min" if rate > 0 else None,
            "eta": _eta(progress.eta_seconds),
            "waiting": waiting[:WAITING_CHARACTERS] or None,
            "updatedAt": now,
        }
    )


def at_rest(before: ProgressStatus | None) -> ProgressStatus | None:
    """Of a run that does nothing now: no rate, no ETA, nothing that it waits for."""
    return None if before is None else before.model_copy(update={"rate": None, "eta": None, "waiting": None})


def dataset_now(before: DatasetStatus | None, end: RunEnd | None) -> DatasetStatus | None:
    """The latest publication."""
    if end is None or end.dataset is None:
        return before
    return DatasetStatus(
        uri=end.dataset.uri if 0 < len(end.dataset.uri) <= URI_CHARACTERS else None,
        digest=end.dataset.digest[:DIGEST_CHARACTERS],
        rows=end.dataset.rows,
        partial=end.reason not in PUBLISHED,
    )


def _eta(seconds: float | None) -> str | None:
    if seconds is None or not 0 <= seconds / 60 <= LONGEST_ETA_MINUTES:
        return None
    minutes = round(seconds / 60)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days}d{hours}h"
    return f"{hours}h{minutes % 60:02}m" if hours else f"{minutes}m"


def _bounded(reasons: Mapping[str, int]) -> dict[str, int]:
    ordered = sorted(((name[:REASON_CHARACTERS] or OTHER, count) for name, count in reasons.items()), key=_most_first)
    counts: dict[str, int] = {}
    for name, count in ordered:
        named = name if name in counts or len(counts) < MOST_REASONS - 1 else OTHER
        counts[named] = counts.get(named, 0) + count
    return counts


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
