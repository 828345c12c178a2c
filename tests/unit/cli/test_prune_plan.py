"""Which runs a prune leaves alone where a store has no locks, and how much of the others it keeps."""

import time
from pathlib import Path

import orjson
import pytest

from seedmill.cli.prune_plan import QUIET_SECONDS, Wishes, planned
from seedmill.records.publication import End, Limits
from seedmill.spec.output import Retention
from seedmill.storage.expiry import note_retention
from seedmill.storage.retention import Kind
from seedmill.storage.store import StorageError
from support.hand_made_run import SEEDS, HandMadeRun
from support.memory_store import MemoryStore


class RemoteStore(MemoryStore):
    """As S3 is named."""

    @property
    def uri(self) -> str:
        return "s3://bucket/mill"


@pytest.fixture
def run(tmp_path: Path) -> HandMadeRun:
    return HandMadeRun(RemoteStore(), tmp_path)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> HandMadeRun:
    """Four publications of a run that has said how it ended."""
    run = HandMadeRun(RemoteStore(), tmp_path_factory.mktemp("run"))
    run.write(*(record for number in range(SEEDS) for record in run.accepted(number)))
    for target in (2, 3, 4, 5):
        run.publish(Limits(target, SEEDS), End.TARGET_REACHED)
    run.store.put(f"{run.prefix}/progress.json", orjson.dumps({"ending": "TargetReached"}))
    return run


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


@pytest.mark.parametrize(
    ("keep", "retention", "seconds_later", "datasets"),
    [
        (None, None, 0.0, 3),
        (None, {"publications": 2, "ttlSecondsAfterSuperseded": 0}, 0.0, 2),
        (None, {"publications": 1, "ttlSecondsAfterSuperseded": 60}, 0.0, 0),
        (None, {"publications": 1, "ttlSecondsAfterSuperseded": 60}, 100.0, 3),
        (None, {"publications": 9, "ttlSecondsAfterSuperseded": 0}, 0.0, 0),
        (1, {"publications": 3, "ttlSecondsAfterSuperseded": 60}, 0.0, 3),
        (3, {"publications": 1, "ttlSecondsAfterSuperseded": 0}, 0.0, 1),
    ],
)
def test_what_a_run_keeps_by_itself_is_kept_unless_the_user_says_how_much(
    published: HandMadeRun, keep: int | None, retention: dict[str, int] | None, seconds_later: float, datasets: int
) -> None:
    run = published.copied()
    note_retention(run.store, run.prefix, None if retention is None else Retention.model_validate(retention))
    with planned(run.store, "", Wishes(keep=keep), time.time() + seconds_later) as plan:
        assert [item.kind for item in plan.items].count(Kind.DATASET) == datasets


def test_nothing_is_planned_where_what_a_run_keeps_cannot_be_read(published: HandMadeRun) -> None:
    run = published.copied()
    run.store.put(f"{run.prefix}/retention.json", b"[]")
    with pytest.raises(StorageError, match="what it keeps is not known"), planned(run.store, "", Wishes(), time.time()):
        pass
