"""When a dispatched run writes a line into its log."""

import pytest

from seedmill.cli.dispatch import is_due
from seedmill.pipeline.patience import Awaited, Dependency
from seedmill.pipeline.progress import Phase, Progress, Snapshot


def moment(phase: Phase = Phase.GENERATING, in_flight: int = 3, **away: str) -> Snapshot:
    """A moment of a run; `away` are the reasons of dependencies."""
    progress = Progress(phase=phase, in_flight=in_flight)
    progress.waiting = lambda: [Awaited(Dependency(name), reason) for name, reason in away.items()]
    return progress.snapshot()


BEFORE = moment(teacher="connection refused")


@pytest.mark.parametrize(
    ("now", "silent_seconds", "due"),
    [
        (BEFORE, 29.0, False),
        (BEFORE, 30.0, True),
        (moment(Phase.PUBLISHING, teacher="connection refused"), 0.5, True),
        (moment(in_flight=1, teacher="connection refused"), 29.0, False),
        (moment(teacher="HTTP 503"), 29.0, False),
        (moment(teacher="connection refused", store="HTTP 503"), 0.5, True),
        (moment(), 0.5, True),
    ],
    ids=["nothing", "nothing for long", "phase", "figures", "the same, said differently", "more away", "it is back"],
)
def test_the_log_has_a_line_for_news_and_else_one_every_half_minute(
    now: Snapshot, silent_seconds: float, due: bool
) -> None:
    assert is_due(now, BEFORE, silent_seconds) is due
