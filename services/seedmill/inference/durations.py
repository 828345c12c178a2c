"""How long answers of an endpoint take, and from when on one is a straggler.

A prompt may be stuck behind something that no error tells of: a node that swaps, a connection that a middlebox forgot.
Where another endpoint is idle enough it gets a duplicate; the first answer counts. Ten seconds and three times what 19
in 20 took keep that rare, since the one that loses is paid for as well.
"""

from collections import deque
from dataclasses import dataclass, field

KEPT = 256
NEEDED = 32
TIMES = 3.0
AT_LEAST_SECONDS = 10.0


@dataclass(slots=True)
class Durations:
    """Seconds of the last answers."""

    last: deque[float] = field(default_factory=lambda: deque[float](maxlen=KEPT))
    _limit: float | None = None
    _until_next: int = NEEDED

    def add(self, seconds: float) -> None:
        self.last.append(seconds)
        self._until_next -= 1
        if not self._until_next:
            self._until_next = NEEDED
            ordered = sorted(self.last)
            self._limit = max(AT_LEAST_SECONDS, TIMES * ordered[int(0.95 * (len(ordered) - 1))])

    @property
    def straggler_seconds(self) -> float | None:
        """From when on an answer is late; None while too few have been seen."""
        return self._limit
