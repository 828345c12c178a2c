"""A draw depends on its counter and on nothing else."""

from collections import Counter

import pytest

from seedmill.records.randomness import Draw


def test_the_same_counter_gives_the_same_numbers_and_another_gives_others():
    first = [Draw(0, "17", "concepts", 0, 0).bits64() for _ in range(2)]
    assert first[0] == first[1]
    counters = [(0, "17", "concepts", 0, n) for n in range(50)] + [
        (1, "17", "concepts", 0, 0),
        (0, "1", "7concepts", 0, 0),
    ]
    assert len({Draw(*counter).bits64() for counter in counters}) == 52


def test_values_are_pinned_so_that_a_resumed_run_draws_what_it_drew_before():
    draw = Draw(0, "0", "instruction", 0)
    assert [draw.below(1000) for _ in range(4)] == PINNED


def test_numbers_are_uniform():
    draw = Draw("uniform")
    counts = Counter(draw.below(7) for _ in range(14_000))
    assert all(1800 < counts[value] < 2200 for value in range(7))
    assert 0.48 < sum(draw.uniform() for _ in range(4000)) / 4000 < 0.52


def test_a_sample_has_no_repeats_and_every_order_occurs():
    orders = Counter(tuple(Draw("s", n).sample("abc", 2)) for n in range(1200))
    assert len(orders) == 6
    assert all(len(set(order)) == 2 for order in orders)
    assert min(orders.values()) > 140


def test_a_bound_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Draw(0).below(0)


PINNED = [692, 825, 986, 68]
