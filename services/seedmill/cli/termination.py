"""A run's last words in a cluster: what a pod leaves in its termination message, at most 4 KiB of JSON.

Kubernetes cuts longer ones, and a cut object is no JSON. So reasons go first, the rarest ones, into `other`.
"""

from typing import Any

import orjson

from seedmill.cli.outcome import SENTENCES, dataset_uri
from seedmill.pipeline.run import RunResult
from seedmill.records.ledger import Ledger
from seedmill.storage.store import Store

MOST_BYTES = 4096
OTHER = "other"
MESSAGE_CHARACTERS = 1000


def ended(result: RunResult, store: Store, exit_code: int, tokens: int) -> bytes:
    """Of a run that came to an end of its own. `tokens` are those that this process paid."""
    head = result.head
    dataset = None
    if head is not None:
        uri = dataset_uri(store, result.run.prefix, head)
        dataset = {"uri": uri, "digest": head.dataset_digest, "rows": head.rows}
    return _fitted(
        result.ending.value, SENTENCES[result.ending], exit_code, result.ledger, tokens, dataset, result.run.prefix
    )


def refused(reason: str, message: str, exit_code: int) -> bytes:
    """Of a run that cannot work as it stands."""
    return _fitted(reason, message, exit_code, Ledger(), 0, None, "")


def _fitted(
    reason: str, message: str, exit_code: int, ledger: Ledger, tokens: int, dataset: dict[str, Any] | None, run: str
) -> bytes:
    counts, message = ledger.to_json(), message[:MESSAGE_CHARACTERS]
    while True:
        content = {
            "reason": reason,
            "message": message,
            "exitCode": exit_code,
            "ledger": counts,
            "tokens": tokens,
            "dataset": dataset,
            "run": run,
        }
        data = orjson.dumps(content)
        if len(data) <= MOST_BYTES:
            return data
        longest = max((counts["rejected"], counts["failed"]), key=len)
        if not _merge_rarest(longest):
            message = message[: len(message) // 2]


def _merge_rarest(reasons: dict[str, int]) -> bool:
    """Count the rarest reason under `other`; False when there is nothing left to merge."""
    named = [reason for reason in reasons if reason != OTHER]
    if not named:
        return False
    rarest = min(named, key=lambda reason: (reasons[reason], reason))
    reasons[OTHER] = reasons.get(OTHER, 0) + reasons.pop(rarest)
    return True
