"""What a preview says of the whole run: figures, intervals that hold, limits that end it."""

import random
from decimal import Decimal
from typing import Any

import pytest

from seedmill.cli.forecast import Forecast, Observed, Plan, Preview, Verdict, forecast
from seedmill.cli.forecast_words import sentences
from seedmill.records.publication import Price
from seedmill.records.tokens import Tokens

CAP = Tokens(5000, 1000)


def seen(kept: int, lost: int, tokens: Tokens = Tokens(200, 100), seconds: float = 36.0) -> Preview:
    return Preview([Observed(1, 1, tokens)] * kept + [Observed(1, 0, tokens)] * lost, seconds)


def projected(preview: Preview, target: int = 1000, **limits: Any) -> Forecast:
    made = forecast(preview, Plan(target, CAP, **limits))
    assert made is not None
    return made


def test_estimates_follow_yield_tokens_price_speed_and_gpus() -> None:
    made = projected(seen(5, 5), price=Price(Decimal(1), Decimal(2)), gpus=4.0)
    assert made.rate.estimate == 0.5
    assert made.candidates.estimate == 2000
    assert made.tokens.estimate == 600_000
    assert made.cost is not None
    assert made.cost.estimate == pytest.approx(2000 * (200 + 2 * 100) / 1e6)
    assert made.hours.estimate == pytest.approx(2.0)
    assert made.gpu_hours is not None
    assert made.gpu_hours.estimate == pytest.approx(8.0)
    assert made.candidates.low < 2000 < (made.candidates.high or 0)


def test_more_candidates_make_the_interval_narrower() -> None:
    few, many = projected(seen(3, 3)).candidates, projected(seen(300, 300)).candidates
    assert few.low < many.low < 2000 < (many.high or 0) < (few.high or 0)


def test_nothing_kept_has_a_lower_bound_and_nothing_made_no_forecast() -> None:
    made = projected(seen(0, 5))
    assert (made.candidates.estimate, made.candidates.high, made.tokens.high) == (None, None, None)
    assert made.candidates.low > 2000
    assert forecast(Preview([], 3.0), Plan(10, CAP)) is None


def test_a_single_candidate_costs_at_most_what_a_candidate_can() -> None:
    made = projected(seen(1, 0), target=10)
    assert made.tokens.estimate == 3000
    assert made.tokens.low == 0
    assert made.tokens.high == pytest.approx((made.candidates.high or 0) * CAP.total, rel=0.5)


def test_a_run_without_a_teacher_costs_nothing() -> None:
    assert projected(seen(3, 3, Tokens())).tokens.high == 0


def test_candidates_that_become_several_leaves_are_counted_by_leaf_and_by_candidate() -> None:
    made = projected(Preview([Observed(4, 2, Tokens(100, 100))] * 10, 10.0))
    assert made.rate.estimate == 0.5
    assert made.candidates.estimate == 500
    assert made.tokens.estimate == 100_000


@pytest.mark.parametrize(("rate", "count", "target"), [(0.5, 5, 300), (0.2, 20, 100), (0.9, 10, 10), (0.6, 50, 20)])
def test_intervals_hold_what_the_run_then_takes(rate: float, count: int, target: int) -> None:
    """Rejected candidates end early here, so cost and yield hang together; a run scatters by itself."""
    luck = random.Random(f"{rate} {count}")

    def draw() -> Observed:
        kept = luck.random() < rate
        return Observed(1, int(kept), Tokens(400, round(luck.lognormvariate(5.5, 0.4) * (1.0 if kept else 0.4))))

    rounds, candidates_held, tokens_held = 200, 0, 0
    for _ in range(rounds):
        made = forecast(Preview([draw() for _ in range(count)], 1.0), Plan(target, CAP))
        assert made is not None
        needed, tokens, rows = 0, 0, 0
        while rows < target:
            one = draw()
            needed, tokens, rows = needed + 1, tokens + one.tokens.total, rows + one.kept
        candidates_held += made.candidates.low <= needed <= (made.candidates.high or needed)
        tokens_held += made.tokens.low <= tokens <= (made.tokens.high or tokens)
    assert candidates_held / rounds >= 0.91
    assert tokens_held / rounds >= 0.93


LIMITS: list[tuple[dict[str, Any], Verdict, float | None]] = [
    ({"max_tokens": 30_000 + CAP.total}, Verdict.YES, 50),
    ({"max_tokens": 600_000 + CAP.total}, Verdict.PERHAPS, 1000),
    ({"max_tokens": 60_000_000}, Verdict.NO, 1000),
    ({"max_tokens": CAP.total - 1}, Verdict.YES, 0),
    ({"max_cost": 0.5, "price": Price(Decimal(100), Decimal(100))}, Verdict.YES, 0),
    ({"max_cost": 1e6, "price": Price(Decimal(1), Decimal(1))}, Verdict.NO, 1000),
    ({"deadline_seconds": 360}, Verdict.YES, 50),
    ({"deadline_seconds": 360_000}, Verdict.NO, 1000),
    ({"max_gpu_hours": 0.8, "gpus": 8.0}, Verdict.YES, 50),
    ({"max_gpu_hours": 0.8}, Verdict.UNKNOWN, None),
    ({"max_candidates": 100}, Verdict.YES, 50),
    ({"seeds": 100}, Verdict.YES, 50),
    ({"seeds": 100_000}, Verdict.NO, 1000),
]


@pytest.mark.parametrize(("limits", "verdict", "rows"), LIMITS)
def test_each_limit_says_whether_it_ends_the_run_and_where(
    limits: dict[str, Any], verdict: Verdict, rows: float | None
) -> None:
    [limit] = projected(seen(20, 20, seconds=144), **limits).limits
    assert limit.ends_run is verdict
    if rows is None:
        assert limit.rows is None
    else:
        assert limit.rows is not None
        assert limit.rows.estimate == pytest.approx(rows, rel=0.01)
        assert limit.rows.low <= rows <= (limit.rows.high or 0) + 1e-9


def test_a_person_reads_figures_limits_and_what_is_not_covered() -> None:
    said = sentences(projected(seen(20, 20, seconds=144), max_tokens=36_000, max_candidates=100_000), 1000)
    assert said[0].startswith("yield: about 50 % (35 % to 65 %)")
    assert said[1] == "for 1,000 rows:"
    assert said[2].startswith("  candidates: about 2,000 (")
    assert "target.maxCandidates (100,000) suffices for 1,000 rows" in said
    tokens = next(line for line in said if line.startswith("budget.maxTokens"))
    assert tokens.startswith("budget.maxTokens (36,000) ends the run before its target, at about 50 (")
    assert said[-1].startswith("in parentheses: 95 %. Not covered: another speed")


def test_json_has_whole_counts_and_says_what_is_not_known() -> None:
    said = projected(seen(0, 5), max_tokens=36_000, gpus=2.0).to_json()
    assert said["yield"]["estimate"] == 0
    assert said["candidates"]["estimate"] is None
    assert isinstance(said["candidates"]["low"], int)
    assert said["candidates"]["high"] is None
    assert said["limits"][0]["name"] == "budget.maxTokens"
    assert said["limits"][0]["endsRun"] == "yes"
    assert len(said["notCovered"]) == 3
