"""Which runs a prune leaves alone, where a store has no locks: it goes by what their processes said last."""

import time
from pathlib import Path

import orjson
import pytest

from seedmill.cli.prune_plan import QUIET_SECONDS, Wishes, planned
from support.hand_made_run import HandMadeRun
from support.memory_store import MemoryStore


class RemoteStore(MemoryStore):
    """As S3 is named."""

    @property
    def uri(self) -> str:
        return "s3://bucket/mill"


@pytest.fixture
def run(tmp_path: Path) -> HandMadeRun:
    return HandMadeRun(RemoteStore(), tmp_path)


def left_alone(run: HandMadeRun, seconds_later: float, *, seeds: bool = False) -> dict[str, str]:
    with planned(run.store, "", Wishes(seeds=seeds), time.time() + seconds_later) as plan:
        return plan.left_alone


@pytest.mark.parametrize(
    ("ending", "seconds_later", "alone"),
    [
        (None, 0.0, True),
        (None, QUIET_SECONDS + 60, False),
        ("TargetReached", 0.0, False),
        ("Suspended", 0.0, False),
    ],
)
def test_a_run_is_at_work_until_it_has_said_how_it_ended_or_nothing_for_an_hour(
    run: HandMadeRun, ending: str | None, seconds_later: float, alone: bool
) -> None:
    run.store.put(f"{run.prefix}/progress.json", orjson.dumps({"ending": ending}))
    assert (run.prefix in left_alone(run, seconds_later)) is alone


def test_a_run_that_has_just_begun_is_at_work(run: HandMadeRun) -> None:
    assert run.prefix in left_alone(run, 0.0)


def test_seeds_that_no_run_has_stay_for_an_hour_for_a_run_may_be_about_to_name_them(run: HandMadeRun) -> None:
    run.store.put("seeds/fresh/manifest.json", b"{}")
    assert "seeds/fresh" in left_alone(run, 0.0, seeds=True)
    with planned(run.store, "", Wishes(seeds=True), time.time() + QUIET_SECONDS + 60) as plan:
        assert [item.name for item in plan.items] == ["seeds/fresh"]
