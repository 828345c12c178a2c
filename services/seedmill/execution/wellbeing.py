"""Whether sandboxes give verdicts at all.

One sandbox that is lost says something of its program. Many in a row, and no verdict in between, say something of the
machine: no memory, a runsc that was replaced, a kernel that refuses. Answering `infra` to each program then would throw
a whole run away; so the service says that it is away, and why, until a probe passes.
"""

from seedmill.execution import metrics
from seedmill.serving.errors import Unavailable

FEWEST_LOSSES = 5


class Wellbeing:
    """Counts losses in a row. `most` of them, and the service is away."""

    def __init__(self, slots: int) -> None:
        # Each of `slots` programs at work may lose two sandboxes, and is answered then: were the service away sooner,
        # as many programs of that kind as there are slots would come back together again and again.
        self._most = max(FEWEST_LOSSES, 2 * slots + 1)
        self._in_a_row = 0
        self._words = ""
        self._away = False
        metrics.serving.set(1)

    @property
    def away(self) -> bool:
        return self._away

    def check(self) -> None:
        """Raise Unavailable while no sandbox gives verdicts."""
        if self._away:
            raise Unavailable("SandboxUnavailable", f"no sandbox gives verdicts: {self._words}")

    def lost(self, words: str) -> bool:
        """A sandbox was lost, or could not be started. Says whether the service is away from now on."""
        self._in_a_row += 1
        self._words = words
        began = self._in_a_row >= self._most and not self._away
        if began:
            self._away = True
            metrics.serving.set(0)
        return began

    def verdict(self) -> None:
        """One gave a verdict: all is well."""
        self._in_a_row = 0
        if self._away:
            self._away = False
            metrics.serving.set(1)
