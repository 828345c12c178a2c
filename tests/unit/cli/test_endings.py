"""Exit statuses and projections."""

from types import SimpleNamespace

import pytest

from seedmill.cli.outcome import SENTENCES, exit_status, ledger_table
from seedmill.cli.preview import Made, project
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
        (Ending.TOO_MANY_FAILURES, False, None, 5),
        (Ending.SUSPENDED, False, 2, 130),
        (Ending.SUSPENDED, False, 15, 143),
    ],
)
def test_each_ending_has_its_exit_status(ending, strict, caught, status):
    assert exit_status(ending, strict=strict, caught=caught) == status


def test_every_ending_is_said_in_words():
    assert set(SENTENCES) == set(Ending)


def test_the_ledger_is_shown_with_every_reason():
    table = ledger_table(Ledger(3, {"verdict_fail": 2}, {"infra": 1}, 4).to_json())
    assert table.row_count == 7


def spec(price=None):
    return SimpleNamespace(budget=SimpleNamespace(price_per_million_tokens=price))


def test_a_projection_follows_yield_cost_and_speed():
    made = Made([{"outcome": "kept"}, {"outcome": "rejected"}], seconds=36, prompt_tokens=1000, completion_tokens=500)
    price = SimpleNamespace(input=1, output=2)
    assert project(made, 1000, spec(price)) == {
        "yield": 0.5,
        "candidates": 2000,
        "tokens": 1_500_000,
        "cost": 2.0,
        "hours": 10.0,
    }
    assert project(made, 1000, spec())["cost"] is None


def test_nothing_kept_projects_nothing():
    assert project(Made([{"outcome": "rejected"}]), 10, spec())["candidates"] is None
    assert project(Made(), 10, spec())["yield"] is None
