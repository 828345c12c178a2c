"""Exit statuses, and endings in words."""

import pytest

from seedmill.cli.outcome import SENTENCES, exit_status, ledger_table
from seedmill.pipeline.run import Ending
from seedmill.records.ledger import Ledger


@pytest.mark.parametrize(
    ("ending", "strict", "caught", "status"),
    [
        (Ending.TARGET_REACHED, True, None, 0),
        (Ending.TARGET_NOT_REACHED, False, None, 0),
        (Ending.TARGET_NOT_REACHED, True, None, 3),
        (Ending.BUDGET_EXHAUSTED, False, None, 4),
        (Ending.DEADLINE_EXCEEDED, False, None, 4),
        (Ending.GPU_HOURS_EXHAUSTED, False, None, 4),
        (Ending.TOO_MANY_FAILURES, False, None, 5),
        (Ending.SUSPENDED, False, 2, 130),
        (Ending.SUSPENDED, False, 15, 143),
    ],
)
def test_each_ending_has_its_exit_status(ending, strict, caught, status):
    assert exit_status(ending, strict=strict, caught=caught) == status


def test_every_ending_is_said_in_words():
    assert set(SENTENCES) == set(Ending)


def test_gpu_hours_are_a_budget_and_the_message_says_which():
    assert Ending.GPU_HOURS_EXHAUSTED.reason == "BudgetExhausted"
    assert "budget.maxGpuHours" in SENTENCES[Ending.GPU_HOURS_EXHAUSTED]
    assert {ending.reason for ending in Ending} == {ending.value for ending in Ending} - {"GpuHoursExhausted"}


def test_the_ledger_is_shown_with_every_reason():
    table = ledger_table(Ledger(3, {"verdict_fail": 2}, {"infra": 1}, 4).to_json())
    assert table.row_count == 7
