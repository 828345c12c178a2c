"""Speeds and times to come, from one moment of a run."""

import pytest

from seedmill.pipeline.progress import Phase, Progress
from seedmill.pipeline.rates import rates_of
from seedmill.records.ledger import Ledger
from seedmill.records.tokens import Tokens


def at(seconds: float, accepted: int, *, before: int = 10, candidates: int = 1000) -> Progress:
    """A run that began to generate with `before` rows, and has `accepted` so long after."""
    now = [0.0]
    progress = Progress(target=100, candidates=candidates, clock=lambda: now[0])
    progress.ledger = lambda: Ledger(before)
    progress.begin_generating()
    now[0] = seconds
    progress.paid(Tokens(900, 100))
    progress.ledger = lambda: Ledger(accepted, {"verdict_fail": accepted}, {}, 4)
    return progress


def test_rates_leave_out_what_an_earlier_process_made() -> None:
    rates = rates_of(at(10, 30).snapshot())
    assert (rates.rows_per_second, rates.tokens_per_second, rates.yield_percent) == (2, 100, 50)
    assert rates.eta_seconds == pytest.approx(35)


def test_the_last_candidate_may_come_before_the_target() -> None:
    assert rates_of(at(10, 30, candidates=100).snapshot()).eta_seconds == pytest.approx(10)


@pytest.mark.parametrize("progress", [Progress(phase=Phase.COLLECTING, target=100), at(0, 10), at(10, 10)])
def test_nothing_is_projected_before_anything_is_made(progress: Progress) -> None:
    rates = rates_of(progress.snapshot())
    assert (rates.rows_per_second, rates.eta_seconds) == (0, None)
