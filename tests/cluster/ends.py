"""How pods of runs end: the last messages that `seedmill dispatch` leaves, made by its own code."""

from cluster.pod_player import End
from seedmill.cli.termination import LastWords
from seedmill.pipeline.progress import Published
from seedmill.records.ledger import Ledger

DATASET = Published("s3://datasets/team-a/a-run/dataset", "sha256:" + "0" * 64, 10)
LEDGER = Ledger(accepted=10, rejected={"TestsFailed": 3}, failed={"Timeout": 1})
INTERRUPTED = 143
"""Of a process that SIGTERM ended: its Job starts it again."""


def published(after_seconds: float = 0.0) -> End:
    """The target is reached."""
    words = LastWords("TargetReached", "The target is reached.", 0, LEDGER, 1000, DATASET, "a-run")
    return End(0, words.to_bytes().decode(), after_seconds)


def refused(reason: str, message: str) -> End:
    """The run cannot work as it stands."""
    return End(2, LastWords(reason, message, 2).to_bytes().decode())
