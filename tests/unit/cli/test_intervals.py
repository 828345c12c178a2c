"""Intervals keep their level: figures from tables, and thousands of draws of a known truth."""

import random

import pytest

from seedmill.cli.intervals import Interval, mean, share, student_quantile

DRAWS = 1500


@pytest.mark.parametrize(
    ("freedom", "level", "quantile"),
    [(1, 0.95, 12.7062), (2, 0.95, 4.3027), (4, 0.95, 2.7764), (4, 0.975, 3.4954), (30, 0.99, 2.75), (99, 0.9, 1.6604)],
)
def test_quantiles_of_student_are_those_of_the_tables(freedom: int, level: float, quantile: float) -> None:
    assert student_quantile(freedom, level) == pytest.approx(quantile, abs=5e-5)


@pytest.mark.parametrize(
    ("part", "size", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_that_of_the_literature(part: int, size: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 1998, table I."""
    found = share(part / size, size, 0.95)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_all_and_nothing_leave_room_on_the_other_side() -> None:
    assert share(1.0, 5, 0.95).low < 0.6
    assert share(0.0, 5, 0.95).high > 0.4


@pytest.mark.parametrize("size", [5, 20, 200])
@pytest.mark.parametrize("spread", [0.2, 0.6])
def test_the_interval_of_a_mean_holds_the_truth_about_as_often_as_it_says(size: int, spread: float) -> None:
    luck = random.Random(7)
    truth = 2.718281828 ** (spread**2 / 2)  # of the log-normal with this spread
    held = 0  # a few skewed values cost it two or three points of a hundred
    for _ in range(DRAWS):
        found = mean([luck.lognormvariate(0, spread) for _ in range(size)], 0.95)
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert 0.905 < held / DRAWS <= 1


def test_the_mean_of_a_few_further_draws_scatters_more_than_the_truth() -> None:
    values = [90.0, 100.0, 110.0, 100.0]
    far, near = mean(values, 0.95), mean(values, 0.95, later=4)
    assert near.low < far.low < 100 < (far.high or 0) < (near.high or 0)


def test_one_value_tells_no_scatter_and_nothing_costs_nothing() -> None:
    assert mean([70.0], 0.95) == Interval(70, 0, None)
    assert mean([0.0, 0.0], 0.95) == Interval(0, 0, 0)


def test_products_have_no_estimate_and_no_bound_where_a_factor_has_none() -> None:
    assert Interval(2, 1, 3).times(Interval(10, 5, 20)) == Interval(20, 5, 60)
    assert Interval(None, 1, None).times(Interval(10, 5, 20)) == Interval(None, 5, None)
