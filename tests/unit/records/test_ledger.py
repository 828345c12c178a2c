"""A ledger always balances."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.records.ledger import Ledger

counts = st.dictionaries(st.sampled_from(["verdict_fail", "near_duplicate", "infra"]), st.integers(1, 10**6))


@given(st.integers(0, 10**9), counts, counts, st.integers(0, 10**6))
def test_requested_is_the_sum_and_survives_json(accepted, rejected, failed, pending):
    ledger = Ledger(accepted, rejected, failed, pending)
    data = ledger.to_json()
    total = data["accepted"] + sum(data["rejected"].values()) + sum(data["failed"].values()) + data["pending"]
    assert data["requested"] == total == ledger.requested
    assert Ledger.from_json(data) == ledger


def test_one_that_does_not_balance_is_refused():
    with pytest.raises(ValueError, match="does not balance"):
        Ledger.from_json({"requested": 3, "accepted": 1, "rejected": {}, "failed": {}, "pending": 1})
