"""What a run's own retention lets go, and each case in which a deletion would take what somebody needs."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from seedmill.aggregation.replay import replay_head
from seedmill.records.publication import End, Limits
from seedmill.spec.output import Retention
from seedmill.storage.expiry import (
    NOTE_FILE,
    UNKNOWN_SECONDS,
    expired,
    note_retention,
    noted_retention,
    publications_to_keep,
)
from seedmill.storage.pruning import delete
from seedmill.storage.publications import read_head
from seedmill.storage.retention import StoredRun
from seedmill.storage.store import StorageError
from support.hand_made_run import SEEDS, HandMadeRun
from support.memory_store import MemoryStore, ends_within

AT_ONCE = 0
TARGETS = (2, 3, 4, 5)


def keeping(publications: int, ttl_seconds: int = AT_ONCE) -> Retention:
    return Retention(publications=publications, ttlSecondsAfterSuperseded=ttl_seconds)


def published(folder: Path, targets: tuple[int, ...] = TARGETS) -> HandMadeRun:
    """A run whose target was raised again and again."""
    folder.mkdir(exist_ok=True)
    run = HandMadeRun(MemoryStore(), folder)
    run.write(*(record for number in range(SEEDS) for record in run.accepted(number)), epoch=5)
    for target in targets:
        run.publish(Limits(target, SEEDS), End.TARGET_REACHED)
    return run


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> HandMadeRun:
    return published(tmp_path_factory.mktemp("run"))


@pytest.fixture
def run(once: HandMadeRun) -> HandMadeRun:
    return once.copied()


def names(run: HandMadeRun, folder: str) -> list[str]:
    start = f"{run.prefix}/{folder}/"
    return sorted({key.removeprefix(start).partition("/")[0] for key in run.store.objects if key.startswith(start)})


def numbers(run: HandMadeRun) -> list[int]:
    """Which publications are there, the first made being 1."""
    return sorted(int(name.partition("-")[0]) for name in names(run, "publications"))


def written(run: HandMadeRun, part: str, seconds_ago: float) -> None:
    """Pretend that the objects with this part in their keys were written so long before HEAD.json."""
    head = run.store.written[f"{run.prefix}/HEAD.json"]
    for key in run.store.objects:
        if part in key:
            run.store.written[key] = head - seconds_ago


def expire(run: HandMadeRun, retention: Retention) -> list[str]:
    """Delete what goes; what that was."""
    items, heads = expired(run.store, run.prefix, retention)
    assert delete(run.store, items, heads, lambda item: None) == []
    return [item.name.removeprefix(f"{run.prefix}/") for item in items]


def replays(run: HandMadeRun) -> bool:
    result = replay_head(run.store, run.prefix)
    return result.rebuilt_digest == result.published_digest


@pytest.mark.parametrize(
    ("keep", "publications", "datasets"),
    [(1, [3, 4], 1), (2, [2, 3, 4], 2), (3, [1, 2, 3, 4], 3), (9, [1, 2, 3, 4], 4)],
)
def test_the_latest_stay_with_their_datasets_and_the_outcomes_that_the_oldest_rests_on(
    run: HandMadeRun, keep: int, publications: list[int], datasets: int
) -> None:
    before = set(run.store.objects)
    expire(run, keeping(keep))
    assert (numbers(run), len(names(run, "dataset"))) == (publications, datasets)
    gone = before - set(run.store.objects)
    assert all("/publications/" in key or "/dataset/" in key for key in gone)
    assert replays(run)
    assert expire(run, keeping(keep)) == []


def test_a_run_goes_on_as_if_nothing_had_been_deleted(run: HandMadeRun) -> None:
    whole = run.copied()
    for target in (7, 8, 100):
        expire(run, keeping(1))
        for each in (run, whole):
            each.publish(Limits(target, SEEDS))
    assert run.rows() == whole.rows()
    assert read_head(run.store, run.prefix).dataset_digest == read_head(whole.store, whole.prefix).dataset_digest
    expire(run, keeping(1))
    assert replays(run)


def test_a_dataset_that_an_old_publication_shares_with_a_kept_one_stays(run: HandMadeRun) -> None:
    """The target was lowered: publication 5 is the bytes of publication 1."""
    run.publish(Limits(2, SEEDS), End.TARGET_REACHED)
    expire(run, keeping(1))
    head = read_head(run.store, run.prefix)
    assert (numbers(run), names(run, "dataset")) == ([4, 5], [head.dataset_digest])
    assert replays(run)


def test_what_was_superseded_a_short_while_ago_stays(run: HandMadeRun) -> None:
    """Who followed publication 3 when it was the latest has not pinned it yet, and somebody reads its dataset."""
    written(run, "/publications/4-", 50)
    written(run, "/publications/3-", 500)
    written(run, "/publications/2-", 5000)
    assert len(expire(run, keeping(1, ttl_seconds=10_000))) == 0
    assert expire(run, keeping(1, ttl_seconds=1000)) == [f"dataset/{dataset_of(run, 1)}"]
    assert numbers(run) == [1, 2, 3, 4], "3 was superseded 50 s ago, 2 500 s ago; 2 rests on the outcomes of 1"
    expire(run, keeping(1, ttl_seconds=100))
    assert numbers(run) == [2, 3, 4]
    assert len(names(run, "dataset")) == 2
    assert replays(run)


def dataset_of(run: HandMadeRun, number: int) -> str:
    """The digest of the dataset that a publication made."""
    [name] = [name for name in names(run, "publications") if name.startswith(f"{number}-")]
    return orjson.loads(run.store.get(f"{run.prefix}/publications/{name}/manifest.json"))["datasetDigest"]


def test_what_is_told_without_a_time_is_new(run: HandMadeRun) -> None:
    run.store.written.clear()
    assert expire(run, keeping(1, ttl_seconds=1)) == []


def test_the_clock_of_this_machine_decides_nothing(run: HandMadeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert expire(run, keeping(1, ttl_seconds=60)) == []


def test_a_later_note_tells_how_late_it_is(run: HandMadeRun) -> None:
    note_retention(run.store, run.prefix, keeping(1, ttl_seconds=60))
    assert expire(run, keeping(1, ttl_seconds=60)) == []
    run.store.written[f"{run.prefix}/{NOTE_FILE}"] += 100
    assert len(expire(run, keeping(1, ttl_seconds=60))) == 5


def test_what_another_publisher_is_writing_stays_for_an_hour(run: HandMadeRun) -> None:
    """A server that was thought dead may be about to write the manifest, and HEAD.json."""
    run.store.put(f"{run.prefix}/publications/5-0123abcd/segments.json", b"[]")
    run.store.put(f"{run.prefix}/dataset/{'9' * 64}/data-00000.parquet", b"half")
    orphans = ["publications/5-0123abcd", f"dataset/{'9' * 64}"]
    assert not set(orphans) & set(expire(run, keeping(1)))
    for orphan in orphans:
        written(run, orphan, UNKNOWN_SECONDS - 1)
    assert expire(run, keeping(1)) == []
    for orphan in orphans:
        written(run, orphan, UNKNOWN_SECONDS + 1)
    assert expire(run, keeping(1, ttl_seconds=8000)) == []
    assert expire(run, keeping(1)) == orphans[::-1]


@pytest.mark.parametrize("mine", ["publications/notes/a.txt", "dataset/export/data.parquet", "dataset/readme", "x/y"])
def test_what_is_none_of_ours_stays_for_ever(run: HandMadeRun, mine: str) -> None:
    run.store.put(f"{run.prefix}/{mine}", b"a person's")
    written(run, mine, 1e9)
    expire(run, keeping(1))
    assert run.store.exists(f"{run.prefix}/{mine}")


def test_what_other_runs_follow_stays(run: HandMadeRun, tmp_path: Path) -> None:
    first, second = names(run, "publications")[:2]
    for number, pins in enumerate(
        [
            {"seeds_publication": f"{run.prefix}/publications/{first}"},
            {"reuse": [f"{run.prefix}/publications/{second}"]},
        ]
    ):
        described = replace(run.run, name=f"follower{number}", namespace="another", **pins)
        run.store.put(f"{described.prefix}/run.json", described.encode())
    expire(run, keeping(1))
    assert (numbers(run), len(names(run, "dataset"))) == ([1, 2, 3, 4], 3)


def test_nothing_goes_while_a_run_file_cannot_be_read_for_what_it_pins_is_unknown(run: HandMadeRun) -> None:
    run.store.put("runs/local/newer-00000000/run.json", b'{"format": 99}')
    before = dict(run.store.objects)
    with pytest.raises(StorageError, match=r"runs/local/newer-00000000/run.json.* what it needs is not known"):
        expire(run, keeping(1))
    assert run.store.objects == before


@pytest.mark.parametrize("number", [4, 3])
def test_nothing_goes_where_what_the_latest_publication_needs_is_lost(run: HandMadeRun, number: int) -> None:
    [name] = [name for name in names(run, "publications") if name.startswith(f"{number}-")]
    run.store.delete(f"{run.prefix}/publications/{name}/manifest.json")
    before = dict(run.store.objects)
    with pytest.raises(StorageError, match=rf"publications/{name}/manifest.json is missing"):
        expire(run, keeping(1))
    assert run.store.objects == before


@pytest.mark.parametrize("damaged", ["HEAD.json", "publications/{}/manifest.json"])
def test_nothing_goes_where_what_says_it_cannot_be_read(run: HandMadeRun, damaged: str) -> None:
    run.store.put(f"{run.prefix}/{damaged.format(names(run, 'publications')[2])}", b"{")
    before = dict(run.store.objects)
    with pytest.raises(StorageError):
        expire(run, keeping(1))
    assert run.store.objects == before


def test_a_run_that_published_nothing_loses_nothing(tmp_path: Path) -> None:
    run = published(tmp_path / "new", ())
    run.store.put(f"{run.prefix}/dataset/{'9' * 64}/data-00000.parquet", b"being written")
    assert expired(run.store, run.prefix, keeping(1))[0] == []


def test_cut_off_anywhere_it_leaves_a_run_that_replays_and_goes_on_and_the_next_deletion_ends_it(
    tmp_path: Path,
) -> None:
    """All but the rest of a publication, which is small, and goes an hour later."""
    run = published(tmp_path / "run", (2, 3, 4))
    store, whole = run.store, dict(run.store.objects)
    digest = run.publish(Limits(100, SEEDS)).dataset_digest
    for deletions in itertools.count():
        store.objects = dict(whole)
        if ends_within(store, deletions, lambda: expire(run, keeping(1))):
            break
        if deletions % 8 == 0:
            assert replays(run)
        if deletions % 8 == 4:
            assert run.publish(Limits(100, SEEDS)).dataset_digest == digest
            assert replays(run)
        expire(run, keeping(1))
        assert len(names(run, "dataset")) == 1
        assert len(names(run, "publications")) <= 3
        written(run, "/publications/", UNKNOWN_SECONDS + 1)
        expire(run, keeping(1))
        assert len(names(run, "publications")) == 2
    assert deletions > 10


def test_what_other_runs_pin_is_not_read_where_nothing_would_go(run: HandMadeRun) -> None:
    """A store may hold a thousand runs."""
    listed: list[str] = []
    lists: Callable[[str], object] = run.store.list
    run.store.list = lambda prefix="": listed.append(prefix) or lists(prefix)
    assert expire(run, keeping(4)) == []
    assert listed
    assert all(prefix.startswith(f"{run.prefix}/") for prefix in listed)


def test_the_note_says_what_was_asked_for_last(run: HandMadeRun) -> None:
    assert noted_retention(run.store, run.prefix) is None
    for retention in (keeping(3, 60), keeping(1), None, None):
        note_retention(run.store, run.prefix, retention)
        assert noted_retention(run.store, run.prefix) == retention
    run.store.put(f"{run.prefix}/{NOTE_FILE}", b'{"publications": 3, "later": 1}')
    with pytest.raises(StorageError, match=r"retention.json: not of this version"):
        noted_retention(run.store, run.prefix)


def test_at_least_as_many_publications_are_kept_as_are_asked_for(run: HandMadeRun) -> None:
    head = read_head(run.store, run.prefix)
    stored = StoredRun(run.prefix, tuple(run.store.list(f"{run.prefix}/")), None)
    now = run.store.written[f"{run.prefix}/HEAD.json"] + 1000
    kept = [
        publications_to_keep(run.store, stored, head, keeping(n, ttl), now) for n, ttl in [(3, 0), (1, 0), (1, 9999)]
    ]
    assert kept == [3, 1, 4]
