"""The limit of what is in flight at an endpoint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.inference.limit import Limit

LIMITS = st.integers(1, 2000).flatmap(
    lambda ceiling: st.builds(
        Limit, st.floats(1.0, float(ceiling)), st.just(ceiling), st.integers(0, 50)
    )
)  # fmt: skip


@given(
    LIMITS,
    st.lists(st.one_of(st.tuples(st.just("ok"), st.integers(0, 3000)), st.tuples(st.just("no"), st.integers(-3, 3)))),
)
def test_whatever_happens_it_stays_between_one_and_its_ceiling(limit: Limit, events: list[tuple[str, int]]):
    for kind, number in events:
        limit = limit.after_success(number) if kind == "ok" else limit.after_refusal(limit.generation + number)
        assert 1 <= limit.size <= limit.ceiling
        assert limit.admits(0)
        assert not limit.admits(limit.ceiling)


def test_it_doubles_every_round_until_the_first_refusal_then_grows_by_one_a_round():
    limit = Limit(4, 1024)
    for _ in range(4):
        limit = limit.after_success(4)
    assert limit.size == 8
    limit = limit.after_refusal(limit.generation)
    assert limit.size == 4
    for _ in range(4):
        limit = limit.after_success(4)
    assert limit.size == pytest.approx(5, abs=0.1)


def test_a_burst_of_refusals_halves_once():
    limit = Limit(64, 1024)
    sent_in = limit.generation
    for _ in range(50):
        limit = limit.after_refusal(sent_in)
    assert limit.size == 32
    assert limit.after_refusal(limit.generation).size == 16


@given(LIMITS)
def test_a_limit_that_is_not_used_does_not_grow(limit: Limit):
    assert limit.after_success(int(limit.size) // 2 - 1) == limit


def test_a_fixed_number_of_slots_stays():
    assert Limit(4, 4).after_success(4).size == 4


def test_a_limit_below_one_or_above_its_ceiling_is_refused():
    for size in (0, 5):
        with pytest.raises(ValueError, match="between 1 and its ceiling"):
            Limit(size, 4)


def test_slowness_brings_it_down_to_where_the_endpoint_began_and_not_below():
    limit = Limit(64, 1024, floor=16)
    sizes = [limit.size]
    for _ in range(8):
        limit = limit.after_slowdown()
        sizes.append(limit.size)
    assert sizes[:3] == [64, 48, 36]
    assert limit.size == 16
    assert limit.after_refusal(limit.generation).size == 8
