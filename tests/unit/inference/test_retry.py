"""When a prompt is sent again."""

from collections import Counter
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.inference.retry import (
    LONGEST_PAUSE_SECONDS,
    LONGEST_RETRY_AFTER_SECONDS,
    QUIET_SECONDS,
    TRIES,
    GiveUp,
    Kind,
    Pause,
    Trouble,
    decide,
    retry_after_seconds,
)

NOW = 1_800_000_000.0


def after(kind: Kind, count: int, quiet: float = 0.0, retry_after: float | None = None, draw: float = 1.0):
    return decide(Counter({kind: count}), Trouble(kind, "", retry_after), quiet, draw)


@given(st.sampled_from(Kind), st.integers(1, 10_000), st.floats(0, 1e6), st.floats(0, 1), st.none() | st.floats(0, 1e9))
def test_every_trouble_ends_in_a_bounded_pause_or_in_giving_up(
    kind: Kind, count: int, quiet: float, draw: float, asked
):
    step = after(kind, count, quiet, asked, draw)
    if isinstance(step, Pause):
        assert 0 <= step.seconds <= max(LONGEST_PAUSE_SECONDS, LONGEST_RETRY_AFTER_SECONDS + 1)
        assert count < TRIES.get(kind, 10**9)


def test_pauses_grow_and_are_spread():
    bounds = [after(Kind.FAILED, count).seconds for count in (1, 2, 3, 4)]
    assert bounds == [0.5, 1.0, 2.0, 4.0]
    assert after(Kind.FAILED, 3, draw=0.0).seconds == 1.0


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        (Kind.UNREACHABLE, GiveUp.ENDPOINT),
        (Kind.UNREADABLE, GiveUp.PROMPT),
        (Kind.FAILED, GiveUp.ASK_CONTROL),
        (Kind.SILENT, GiveUp.ASK_CONTROL),
    ],
)
def test_tries_are_counted_and_their_end_says_who_may_be_to_blame(kind: Kind, last: GiveUp):
    assert isinstance(after(kind, TRIES[kind] - 1), Pause)
    assert after(kind, TRIES[kind]) is last


def test_refusals_end_when_nothing_was_answered_for_long_and_not_before():
    assert isinstance(after(Kind.REFUSED, 30, quiet=QUIET_SECONDS - 1), Pause)
    assert after(Kind.REFUSED, 2, quiet=QUIET_SECONDS) is GiveUp.ENDPOINT


def test_a_prompt_that_alone_is_refused_again_and_again_does_not_wait_for_ever():
    assert after(Kind.REFUSED, TRIES[Kind.REFUSED]) is GiveUp.ASK_CONTROL


def test_retry_after_is_honoured_and_capped():
    assert 7.0 <= after(Kind.REFUSED, 1, retry_after=7.0).seconds <= 7.5
    assert after(Kind.REFUSED, 1, retry_after=86400.0).seconds <= LONGEST_RETRY_AFTER_SECONDS + 0.5


def test_retry_after_is_read_as_seconds_or_date():
    later = format_datetime(datetime.fromtimestamp(NOW + 30, UTC), usegmt=True)
    assert retry_after_seconds("12", NOW) == 12
    assert retry_after_seconds("0.5", NOW) == 0.5
    assert retry_after_seconds(later, NOW) == pytest.approx(30, abs=1)
    assert retry_after_seconds("Mon, 01 Jan 2001 00:00:00 GMT", NOW) == 0


@given(st.text())
def test_what_is_no_retry_after_is_none(text: str):
    seconds = retry_after_seconds(text, NOW)
    assert seconds is None or seconds >= 0


def test_no_number_is_no_pause():
    for text in (None, "", "soon", "nan", "inf", "Mon, 99 Foo 2001"):
        assert retry_after_seconds(text, NOW) is None
