"""When the service says that it is away instead of answering `infra`."""

import pytest

from seedmill.execution.wellbeing import Wellbeing
from seedmill.serving.errors import Unavailable


def test_losses_in_a_row_mean_that_the_service_is_away_until_a_verdict():
    wellbeing = Wellbeing(slots=1)
    assert [wellbeing.lost("it ended") for _ in range(5)] == [False] * 4 + [True]
    with pytest.raises(Unavailable, match="it ended") as error:
        wellbeing.check()
    assert error.value.reason == "SandboxUnavailable"
    wellbeing.verdict()
    wellbeing.check()
    assert not wellbeing.away


def test_losses_between_verdicts_do_not():
    wellbeing = Wellbeing(slots=1)
    for _ in range(20):
        assert not wellbeing.lost("it ended")
        wellbeing.verdict()


def test_every_slot_may_lose_a_program_twice_before():
    wellbeing = Wellbeing(slots=16)
    assert not any(wellbeing.lost("it ended") for _ in range(32))
    assert wellbeing.lost("it ended")
