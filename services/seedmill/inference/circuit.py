"""Whether an endpoint is used at all while others serve the same model.

No connection, or several answers in a row that broke or never came, open the circuit: the endpoint gets nothing for a
pause that doubles with each failure. Then one prompt goes there, and its answer closes the circuit.
"""

from dataclasses import dataclass

from seedmill.inference.retry import Kind

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
FAILURES = 5
"""In a row, without an answer between them; one where no connection is made at all."""


@dataclass(slots=True)
class Circuit:
    """Of one endpoint. Times are those of the event loop."""

    failures: int = 0
    open_until: float = 0.0
    pause_seconds: float = 0.0
    trying: bool = False

    def is_open(self, now: float) -> bool:
        """Whether others are preferred: it is in its pause, or the prompt that tries it is under way."""
        return now < self.open_until or (self.pause_seconds > 0.0 and self.trying)

    def sent(self, now: float) -> None:
        """A prompt goes there."""
        if self.pause_seconds and now >= self.open_until:
            self.trying = True

    def answered(self) -> None:
        """It works: it answered, if only to say that a prompt is no good."""
        self.failures, self.open_until, self.pause_seconds, self.trying = 0, 0.0, 0.0, False

    def failed(self, kind: Kind, now: float) -> bool:
        """Note a trouble; whether this opened the circuit."""
        if kind in (Kind.REFUSED, Kind.UNREADABLE):
            self.answered()
            return False
        self.failures += 1
        if now < self.open_until or (kind is not Kind.UNREACHABLE and self.failures < FAILURES and not self.trying):
            return False
        self.pause_seconds = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, 2 * self.pause_seconds))
        self.open_until = now + self.pause_seconds
        self.trying = False
        return True

    def given_up(self) -> None:
        """The prompt was cancelled before there was an answer: another may try."""
        self.trying = False
