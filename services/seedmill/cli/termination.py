"""A run's last words in a cluster: what a pod leaves in its termination message, at most 4 KiB of JSON.

Kubernetes cuts longer ones, and a cut object is no JSON. So reasons go first, the rarest into `other`; then words.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import structlog

from seedmill.cli.outcome import SENTENCES, message_of
from seedmill.pipeline.progress import Published, Snapshot
from seedmill.pipeline.run import Ending, RunResult
from seedmill.records.ledger import Ledger
from seedmill.storage.publications import dataset_uri
from seedmill.storage.store import Store

DEFAULT_PLACE = Path("/dev/termination-log")
MOST_BYTES = 4096
OTHER = "other"
MESSAGE_CHARACTERS = 1000

log = structlog.get_logger("seedmill.dispatch")


@dataclass(frozen=True, slots=True)
class LastWords:
    """What is left for the Job.

    `reason` is an ending, or the CamelCase reason of an error; `tokens` are those that this process paid, `run` is the
    run's key prefix (empty where the resource cannot be read).
    """

    reason: str
    message: str
    exit_code: int
    ledger: Ledger = field(default_factory=Ledger)
    tokens: int = 0
    dataset: Published | None = None
    run: str = ""

    def to_bytes(self) -> bytes:
        """JSON of at most MOST_BYTES."""
        words, counts = replace(self, message=_plain(self.message)[:MESSAGE_CHARACTERS]), self.ledger.to_json()
        while len(data := words._encoded(counts)) > MOST_BYTES:
            longest = max((counts["rejected"], counts["failed"]), key=len)
            if not _merge_rarest(longest):
                words = words._shorter()
        return data

    def _encoded(self, counts: dict[str, Any]) -> bytes:
        content = {
            "reason": self.reason,
            "message": self.message,
            "exitCode": self.exit_code,
            "ledger": counts,
            "tokens": self.tokens,
            "dataset": None if self.dataset is None else asdict(self.dataset),
            "run": self.run,
        }
        return orjson.dumps(content)

    def _shorter(self) -> "LastWords":
        """With less of what can be found elsewhere. Half a URI would be a wrong one, so it goes whole."""
        if self.message:
            return replace(self, message=self.message[: len(self.message) // 2])
        if self.dataset is not None and self.dataset.uri:
            return replace(self, dataset=replace(self.dataset, uri=""))
        return replace(self, run="")


def ended(result: RunResult, store: Store, exit_code: int, tokens: int) -> LastWords:
    """Of a run that came to an end of its own. `tokens` are those that this process paid."""
    head, run = result.head, result.run.prefix
    dataset = None
    if head is not None:
        dataset = Published(_plain(dataset_uri(store, run, head)), head.dataset_digest, head.rows)
    return LastWords(result.ending.reason, message_of(result), exit_code, result.ledger, tokens, dataset, run)


def stopped(moment: Snapshot, run: str, exit_code: int) -> LastWords:
    """Of a run that was stopped at once."""
    ending = Ending.SUSPENDED
    return LastWords(
        ending.value, SENTENCES[ending], exit_code, moment.ledger, moment.paid.total, moment.published, run
    )  # fmt: skip


def leave(place: Path | None, words: LastWords) -> None:
    """Write the last message, if no place is named where Kubernetes mounts one. That it cannot be written is no end."""
    path = place or DEFAULT_PLACE
    if place is None and not path.exists():
        return
    try:
        path.write_bytes(words.to_bytes())
    except OSError as error:
        log.warning("the last message cannot be written", path=str(path), error=str(error))


def _plain(text: str) -> str:
    """Text that UTF-8 can hold: names of files may be other bytes."""
    return text.encode(errors="replace").decode()


def _merge_rarest(reasons: dict[str, int]) -> bool:
    """Count the rarest reason under `other`; False when there is nothing left to merge."""
    named = [reason for reason in reasons if reason != OTHER]
    if not named:
        return False
    rarest = min(named, key=lambda reason: (reasons[reason], reason))
    reasons[OTHER] = reasons.get(OTHER, 0) + reasons.pop(rarest)
    return True
