"""A process that deletes what its run superseded: when it stops, and that trouble is told and ends nothing."""

import asyncio
from collections.abc import Callable

import orjson
import pytest

from seedmill.aggregation.replay import replay_head
from seedmill.pipeline.expiry import Deleted, Expiry, note
from seedmill.records.publication import End, Limits
from seedmill.spec.output import Retention
from seedmill.storage.expiry import noted_retention
from seedmill.storage.journal import attempt_name, open_key
from seedmill.storage.publications import read_head
from seedmill.storage.store import ReadOnlyStore, StoreAway
from support.hand_made_run import SEEDS, HandMadeRun
from support.memory_store import MemoryStore

LATEST = Retention(publications=1, ttlSecondsAfterSuperseded=0)
MINE = attempt_name(5, "0" * 8)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> HandMadeRun:
    """Four publications by attempt 5."""
    run = HandMadeRun(MemoryStore(), tmp_path_factory.mktemp("run"))
    run.write(*(record for number in range(SEEDS) for record in run.accepted(number)), epoch=5)
    for target in (2, 3, 4, 5):
        run.publish(Limits(target, SEEDS), End.TARGET_REACHED)
    return run


@pytest.fixture
def run(once: HandMadeRun) -> HandMadeRun:
    return once.copied()


def delete(run: HandMadeRun, attempt: str = MINE, is_stopped: Callable[[], bool] = lambda: False) -> Deleted:
    return asyncio.run(Expiry(run.store, run.prefix, LATEST, attempt).delete(is_stopped))


def behind_deletion(run: HandMadeRun, part: str, happens: Callable[[], object]) -> None:
    """Something happens when the first object with this part in its key has been deleted."""
    deletes, done = run.store.delete, []

    def deleting(key: str) -> None:
        deletes(key)
        if part in key and not done:
            done.append(key)
            happens()

    run.store.delete = deleting


def refusing(run: HandMadeRun, after: int, error: Exception) -> None:
    """So many objects are deleted, no more."""
    deletes, count = run.store.delete, iter(range(1_000))

    def deleting(key: str) -> None:
        if next(count) >= after:
            raise error
        deletes(key)

    run.store.delete = deleting


def is_whole(run: HandMadeRun) -> bool:
    """Whether all files of the published dataset are there."""
    files = orjson.loads(run.dataset("manifest.json"))["files"]
    return all(run.dataset(file["name"]) for file in files)


def replays(run: HandMadeRun) -> bool:
    result = replay_head(run.store, run.prefix)
    return result.rebuilt_digest == result.published_digest


@pytest.mark.parametrize("attempt", [MINE, ""])
def test_what_went_is_told_and_what_is_kept_noted(run: HandMadeRun, attempt: str) -> None:
    before = sum(map(len, run.store.objects.values()))
    deleted = delete(run, attempt)
    noted = len(run.store.objects.pop(f"{run.prefix}/retention.json"))
    assert noted
    after = sum(map(len, run.store.objects.values()))
    assert deleted == Deleted(2, 3, before - after)
    assert replays(run)
    assert delete(run, attempt) == Deleted()


def test_a_process_that_another_one_took_over_from_deletes_nothing(run: HandMadeRun) -> None:
    run.store.put(open_key(run.prefix, attempt_name(6, "a" * 8)), b"")
    before = dict(run.store.objects)
    deleted = delete(run)
    assert deleted == Deleted(trouble="another process works on this run (attempt 000006-aaaaaaaa)")
    assert run.store.objects == before


def test_it_stops_where_another_process_begins(run: HandMadeRun) -> None:
    behind_deletion(run, "/dataset/", lambda: run.store.put(open_key(run.prefix, attempt_name(6, "a" * 8)), b""))
    deleted = delete(run)
    assert (deleted.publications, deleted.datasets) == (0, 1), "what was begun"
    assert "another process" in deleted.trouble
    assert replays(run)


@pytest.mark.parametrize(("target", "file"), [(2, "manifest.json"), (3, "LICENSES"), (4, "data")])
def test_it_stops_in_the_middle_of_a_dataset_that_is_published_anew(run: HandMadeRun, target: int, file: str) -> None:
    """Another process has lowered the target, and its HEAD.json comes when part of that dataset is gone."""
    digest = run.publish(Limits(target, SEEDS), End.TARGET_REACHED).dataset_digest
    run.publish(Limits(5, SEEDS), End.TARGET_REACHED)
    behind_deletion(run, f"{digest}/{file}", lambda: run.publish(Limits(target, SEEDS), End.TARGET_REACHED))
    deleted = delete(run)
    assert "has published" in deleted.trouble
    assert read_head(run.store, run.prefix).dataset_digest == digest
    assert is_whole(run)
    assert replays(run)


def test_it_stops_when_it_is_told_to(run: HandMadeRun) -> None:
    told: list[bool] = []
    behind_deletion(run, "/1-", lambda: told.append(True))
    deleted = delete(run, is_stopped=lambda: bool(told))
    assert deleted.trouble == "it was stopped"
    assert (deleted.publications, deleted.datasets) == (1, 3)
    assert replays(run)
    assert delete(run).publications == 1


async def test_a_cancelled_process_deletes_no_further_item(run: HandMadeRun) -> None:
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def wait() -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)

    behind_deletion(run, "/dataset/", wait)
    task = asyncio.create_task(Expiry(run.store, run.prefix, LATEST, MINE).delete(lambda: False))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await loop.shutdown_default_executor()
    datasets = {key.split("/")[4] for key in run.store.objects if "/dataset/" in key}
    assert len(datasets) == 3
    assert replays(run)


@pytest.mark.parametrize("error", [ReadOnlyStore("403: deleting is not allowed"), StoreAway("no answer")])
@pytest.mark.parametrize("after", [0, 1, 5, 9])
def test_a_store_that_deletes_nothing_more_is_told_and_nothing_else_happens(
    run: HandMadeRun, error: Exception, after: int
) -> None:
    refusing(run, after, error)
    deleted = delete(run)
    assert deleted.trouble == str(error)
    assert replays(run)


def test_a_store_that_cannot_be_written_is_told(run: HandMadeRun) -> None:
    def refuse(key: str) -> None:
        raise ReadOnlyStore("403")

    run.store.before_put = refuse
    asyncio.run(note(run.store, run.prefix, LATEST))
    before = dict(run.store.objects)
    assert delete(run) == Deleted(trouble="403")
    assert run.store.objects == before


def test_a_run_notes_what_it_keeps(run: HandMadeRun) -> None:
    asyncio.run(note(run.store, run.prefix, LATEST))
    assert noted_retention(run.store, run.prefix) == LATEST
    asyncio.run(note(run.store, run.prefix, None))
    assert noted_retention(run.store, run.prefix) is None
