from dataclasses import replace

import pytest

from seedmill.chaos.scenarios import SCENARIOS, scenarios_named
from seedmill.chaos.scorecard import Outcome, passed

KILL, REFUSING, SLOW = scenarios_named("kill,400,slow")
FINE = Outcome("seedmill", REFUSING, rows=100, window=8, refused=2, made=98, paid=98)


def test_rows_that_the_engine_refuses_for_good_are_not_lost() -> None:
    assert FINE.lost == 0
    assert FINE.good
    assert replace(FINE, made=95).lost == 3
    assert not replace(FINE, made=95).good


def test_a_kill_may_cost_the_window_and_no_other_trouble_may() -> None:
    killed = replace(FINE, scenario=KILL, refused=0, made=100, paid_twice=8)
    assert killed.good
    assert not replace(killed, paid_twice=9).good
    assert not replace(FINE, paid_twice=1).good


def test_answers_that_are_late_may_be_asked_for_once_more() -> None:
    late = replace(FINE, scenario=SLOW, refused=0, made=100, paid_twice=5)
    assert late.good
    assert not replace(late, paid_twice=6).good


def test_a_tool_that_does_not_end_or_does_not_say_what_it_made_is_not_good() -> None:
    assert not replace(FINE, ended=False).good
    silent = replace(FINE, made=None)
    assert not silent.good
    assert silent.lost == 98


def test_a_tool_passes_by_what_was_tried_with_it() -> None:
    bad = replace(FINE, paid_twice=3)
    skipped = Outcome("seedmill", KILL, skipped="no disk")
    assert passed([FINE, skipped, replace(bad, tool="other")], "seedmill")
    assert not passed([FINE, bad], "seedmill")


def test_json_has_what_the_table_has_or_why_it_was_skipped() -> None:
    assert FINE.to_json()["lost"] == 0
    assert FINE.to_json()["good"] is True
    assert Outcome("a", KILL, skipped="no disk").to_json() == {"tool": "a", "scenario": "kill", "skipped": "no disk"}


def test_scenarios_are_taken_by_name_in_the_order_given() -> None:
    assert [each.name for each in scenarios_named("429, kill")] == ["429", "kill"]
    assert scenarios_named(None) == list(SCENARIOS)
    assert len({each.name for each in SCENARIOS}) == len(SCENARIOS)


@pytest.mark.parametrize("names", ["kil", "", ",", "kill,nothing"])
def test_an_unknown_scenario_is_told_with_those_that_there_are(names: str) -> None:
    with pytest.raises(ValueError, match="there are kill, 400"):
        scenarios_named(names)
