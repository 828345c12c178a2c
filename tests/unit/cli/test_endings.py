"""Exit statuses, and endings in words."""

import pytest

from seedmill.cli.outcome import SENTENCES, exit_status, ledger_table, message_of, result_json
from seedmill.pipeline.expiry import Deleted
from seedmill.pipeline.run import Ending, RunResult
from seedmill.records.ledger import Ledger
from seedmill.records.run_file import RunFile
from support.memory_store import MemoryStore


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


@pytest.mark.parametrize(
    ("deleted", "remark", "told"),
    [
        (None, "", None),
        (Deleted(1, 2, 30), "", {"publications": 1, "datasets": 2, "bytes": 30, "trouble": None}),
        (
            Deleted(trouble="403"),
            " Not all that output.retention lets go is deleted; later runs try again: 403",
            {"publications": 0, "datasets": 0, "bytes": 0, "trouble": "403"},
        ),
    ],
)
def test_what_retention_could_not_delete_is_a_remark_about_an_end_that_stands(deleted, remark, told):
    run = RunFile("n", "team", "1" * 64, {}, "r", "d", "seeds/x", "2" * 64, 1, "now", {})
    result = RunResult(Ending.TARGET_REACHED, run, None, Ledger(5), deleted=deleted)
    assert message_of(result) == "The target is reached." + remark
    assert result_json(result, MemoryStore())["deleted"] == told
