"""The selection law: the same rows whatever the order of the work, and limits that are met exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.records.journal import EndRecord, Outcome, StepRecord
from seedmill.records.publication import End, Limits, Price
from seedmill.records.resolution import Leaf, SettledRoot
from seedmill.records.row import Row
from seedmill.records.selection import Kept, PublishedOutcome, Selection, within_budget
from seedmill.records.tokens import Tokens


class SameLetter:
    """Rows are similar when they begin with the same letter."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def find(self, row: Row) -> str | None:
        return "near_duplicate" if row.instruction[:1] in self.kept else None

    def add(self, row: Row, root_index: int) -> None:
        self.kept.append(row.instruction[:1])


def row_of(leaf: Leaf) -> Row:
    return Row(leaf.chain[0].output, "r", "c", "", "python")


def leaf(path: str, text: str, outcome: Outcome = Outcome.ACCEPT, tags: tuple[str, ...] = (), cost: int = 10) -> Leaf:
    record = StepRecord(path, "s", 0, 0, "cfg", "", text, Tokens(cost, 0))
    reason = "" if outcome is Outcome.ACCEPT else text
    end = EndRecord(path, outcome, "cfg", reason, tags=tags, chain=(record.digest,), uses=(record.digest,))
    return Leaf(end, (record,), (record,))


def root(number: int, *leaves: Leaf) -> SettledRoot:
    return SettledRoot(number, leaves)


def select(limits: Limits, cap: int = 10, predecessor: dict[str, PublishedOutcome] | None = None) -> Selection:
    return Selection(limits, Tokens(cap, 0), SameLetter(), row_of, predecessor or {})


def test_rule_1_more_work_never_makes_the_dataset_smaller():
    # 0 and 1 differ, 2 is similar to both: "first of each cluster" would drop 1 as soon as 2 exists.
    texts = ["a", "b", "a b"]
    kept = []
    for made in (2, 3):
        selection = select(Limits(10, made))
        for number in range(made):
            selection.walk(root(number, leaf(str(number), texts[number])))
        kept.append(selection.counts.accepted)
    assert kept == [2, 2]


def test_the_target_is_met_exactly_and_the_last_root_may_be_kept_in_part():
    selection = select(Limits(2, 9))
    walked = selection.walk(root(0, leaf("0/0", "a"), leaf("0/1", "b"), leaf("0/2", "c")))
    assert selection.ended is End.TARGET_REACHED
    assert [decision.sample for decision in walked.decisions] == ["0/0", "0/1"]
    assert selection.counts.ledger().requested == 2


def test_a_budget_stops_before_the_sample_that_could_break_it():
    selection = select(Limits(9, 9, max_tokens=35), cap=10)
    walked = 0
    while selection.ended is None:
        selection.walk(root(walked, leaf(str(walked), chr(97 + walked))))
        walked += 1
    assert selection.ended is End.BUDGET_EXHAUSTED
    assert (walked, selection.tokens.total) == (3, 30)


def test_a_budget_too_small_for_one_sample_starts_nothing():
    assert select(Limits(9, 9, max_tokens=9), cap=10).ended is End.BUDGET_EXHAUSTED


def test_money_is_the_same_rule_in_money():
    limits = Limits(1, 1, max_cost=Decimal("0.01"), price=Price(Decimal(1000), Decimal(2000)))
    assert within_budget(limits, Tokens(10, 0))
    assert within_budget(limits, Tokens(0, 5))
    assert not within_budget(limits, Tokens(1, 5))


def test_tags_and_ends_become_reasons():
    selection = select(Limits(9, 4))
    selection.walk(root(0, leaf("0", "a", tags=("contaminated:HumanEval/3",))))
    selection.walk(root(1, leaf("1", "dull", Outcome.REJECT)))
    selection.walk(root(2, leaf("2", "infra", Outcome.FAILED)))
    selection.walk(root(3, leaf("3", "b")))
    ledger = selection.counts.ledger()
    assert ledger.to_json() == {
        "requested": 4,
        "accepted": 1,
        "rejected": {"contaminated": 1, "dull": 1},
        "failed": {"infra": 1},
        "pending": 0,
    }
    assert selection.ended is End.TARGET_NOT_REACHED


def test_rule_12_what_was_published_stays():
    before = {"0": PublishedOutcome(Kept.REJECTED, "near_duplicate", "e"), "1": PublishedOutcome(Kept.KEPT, "", "e")}
    selection = select(Limits(9, 3), predecessor=before)
    for number, text in enumerate(["a", "a", "b"]):
        selection.walk(root(number, leaf(str(number), text)))
    assert selection.counts.accepted == 2
    assert selection.counts.rejected == {"near_duplicate": 1}


def test_only_the_next_root_can_be_walked():
    selection = select(Limits(9, 9))
    with pytest.raises(ValueError, match="next is 0"):
        selection.walk(root(1, leaf("1", "a")))


samples = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from([Outcome.ACCEPT, Outcome.ACCEPT, Outcome.REJECT])), max_size=24
)


@given(samples, st.integers(1, 6), st.integers(0, 6))
def test_raising_a_target_only_appends(made, target, more):
    def rows(accepted: int) -> list[str]:
        selection = select(Limits(accepted, len(made)))
        kept: list[str] = []
        for number, (text, outcome) in enumerate(made):
            if selection.ended is not None:
                break
            walked = selection.walk(root(number, leaf(str(number), text, outcome)))
            kept += [decision.sample for decision in walked.decisions if decision.kept is Kept.KEPT]
        ledger = selection.counts.ledger()
        assert ledger.requested == ledger.accepted + sum(ledger.rejected.values()) + sum(ledger.failed.values())
        assert ledger.accepted == len(kept) <= accepted
        return kept

    first, second = rows(target), rows(target + more)
    assert second[: len(first)] == first
