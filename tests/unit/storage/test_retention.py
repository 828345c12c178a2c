"""What may go of a store, and that whatever is cut off on the way leaves runs that replay and go on."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from seedmill.aggregation.replay import replay_head
from seedmill.records.publication import End, Limits
from seedmill.storage.journal import attempt_name, list_journal, roll_up, segment_key
from seedmill.storage.pruning import delete, heads_of
from seedmill.storage.publications import dataset_uri, read_head
from seedmill.storage.retention import (
    Item,
    Kind,
    pinned_by_others,
    stored_runs,
    superseded,
    unpinned_seeds,
    whole_run,
)
from seedmill.storage.store import StorageError, StoreAway
from support.hand_made_run import SEEDS, HandMadeRun
from support.memory_store import MemoryStore, ends_within

TARGETS = (2, 3, 4, 5)


def published(store: MemoryStore, folder: Path, targets: tuple[int, ...] = TARGETS) -> HandMadeRun:
    """A run whose target was raised again and again."""
    folder.mkdir(exist_ok=True)
    run = HandMadeRun(store, folder)
    run.write(*(record for number in range(SEEDS) for record in run.accepted(number)), epoch=5)
    for target in targets:
        run.publish(Limits(target, SEEDS), End.TARGET_REACHED)
    return run


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def run(store: MemoryStore, tmp_path: Path) -> HandMadeRun:
    return published(store, tmp_path / "run")


def items_of(store: MemoryStore, prefix: str, keep: int = 1) -> list[Item]:
    runs = stored_runs(store)
    stored = next(each for each in runs if each.prefix == prefix)
    return superseded(store, stored, pinned_by_others(runs), keep)


def prune(store: MemoryStore, prefix: str, keep: int = 1) -> list[Item]:
    items = items_of(store, prefix, keep)
    assert delete(store, items, heads_of(store, [prefix]), lambda item: None) == []
    return items


def names(store: MemoryStore, folder: str) -> list[str]:
    """What lies in this folder, in order of numbers where names begin with one."""
    found = {key.removeprefix(f"{folder}/").partition("/")[0] for key in store.objects if key.startswith(f"{folder}/")}
    return sorted(found)


def replays(run: HandMadeRun) -> bool:
    result = replay_head(run.store, run.prefix)
    return result.rebuilt_digest == result.published_digest


def test_the_latest_publication_stays_with_the_outcomes_before_it_and_all_else_goes(
    store: MemoryStore, run: HandMadeRun
) -> None:
    assert [item.kind for item in items_of(store, run.prefix)] == [Kind.PUBLICATION] * 2 + [Kind.DATASET] * 3
    prune(store, run.prefix)
    assert [name[0] for name in names(store, f"{run.prefix}/publications")] == ["3", "4"]
    head = read_head(store, run.prefix)
    assert head is not None
    assert names(store, f"{run.prefix}/dataset") == [head.dataset_digest]
    assert replays(run)
    assert items_of(store, run.prefix) == []


@pytest.mark.parametrize(("keep", "publications", "datasets"), [(1, 2, 1), (2, 3, 2), (3, 4, 3), (4, 4, 4), (9, 4, 4)])
def test_so_many_datasets_stay_as_are_asked_for(
    store: MemoryStore, run: HandMadeRun, keep: int, publications: int, datasets: int
) -> None:
    prune(store, run.prefix, keep)
    assert len(names(store, f"{run.prefix}/publications")) == publications
    assert len(names(store, f"{run.prefix}/dataset")) == datasets
    assert replays(run)


def test_a_pruned_run_goes_on_as_if_it_had_not_been(store: MemoryStore, run: HandMadeRun, tmp_path: Path) -> None:
    whole = published(MemoryStore(), tmp_path / "whole")
    prune(store, run.prefix)
    for each in (run, whole):
        each.publish(Limits(100, SEEDS))
    assert run.rows() == whole.rows()
    assert read_head(run.store, run.prefix).dataset_digest == read_head(whole.store, whole.prefix).dataset_digest
    assert replays(run)
    prune(store, run.prefix)
    assert replays(run)


def test_outcomes_of_what_is_kept_survive_a_late_write_after_a_prune(store: MemoryStore, run: HandMadeRun) -> None:
    """Rule 12 needs the predecessor of the next publication, which is the latest now."""
    prune(store, run.prefix)
    before = run.rows()
    run.write(*run.rejected(0), epoch=1)
    run.write(*run.rejected(1), epoch=7)
    run.publish(Limits(5, SEEDS), End.TARGET_REACHED)
    assert run.rows() == before
    assert replays(run)


@pytest.mark.parametrize("make", [lambda store, run: items_of(store, run.prefix), lambda store, run: entirely(store)])
def test_a_prune_that_is_cut_off_anywhere_leaves_a_run_that_replays_or_goes_on_and_the_next_one_ends_it(
    tmp_path: Path, make: Callable[[MemoryStore, HandMadeRun], list[Item]]
) -> None:
    run = published(MemoryStore(), tmp_path / "run", (2, 3, 4))
    store, whole = run.store, dict(run.store.objects)
    expected = run.publish(Limits(100, SEEDS)).dataset_digest
    for deletions in itertools.count():
        store.objects = dict(whole)
        if ends_within(
            store, deletions, lambda: delete(store, make(store, run), heads_of(store, [run.prefix]), lambda item: None)
        ):
            break
        if deletions % 5 == 0 and any(key.endswith("/HEAD.json") for key in store.objects):
            assert replays(run)
        if deletions % 5 == 1 and any(key.endswith(".zst") for key in store.objects):
            assert run.publish(Limits(100, SEEDS)).dataset_digest == expected
            assert replays(run)
        delete(store, make(store, run), heads_of(store, [run.prefix]), lambda item: None)
        assert make(store, run) == []
    assert deletions > 10


def entirely(store: MemoryStore) -> list[Item]:
    return [whole_run(stored) for stored in stored_runs(store)]


def test_publications_and_datasets_that_another_run_pinned_stay(
    store: MemoryStore, run: HandMadeRun, tmp_path: Path
) -> None:
    pinned = names(store, f"{run.prefix}/publications")[0]
    folder = tmp_path / "follower"
    folder.mkdir()
    follower = HandMadeRun(store, folder, spec_digest="4" * 64)
    described = replace(follower.run, seeds_publication=f"{run.prefix}/publications/{pinned}")
    store.put(f"{follower.prefix}/run.json", described.encode())
    prune(store, run.prefix)
    assert [name[0] for name in names(store, f"{run.prefix}/publications")] == ["1", "3", "4"]
    assert len(names(store, f"{run.prefix}/dataset")) == 2
    assert pinned_by_others(stored_runs(store)) == {f"{run.prefix}/publications/{pinned}": [follower.prefix]}


def test_what_a_publisher_left_that_was_cut_off_goes(store: MemoryStore, run: HandMadeRun) -> None:
    store.put(f"{run.prefix}/publications/5-00000000/segments.json", b"[]")
    store.put(f"{run.prefix}/dataset/{'9' * 64}/data-00000.parquet", b"half")
    gone = {item.name for item in prune(store, run.prefix, keep=9)}
    assert gone == {f"{run.prefix}/publications/5-00000000", f"{run.prefix}/dataset/{'9' * 64}"}
    assert replays(run)


def test_a_run_that_published_nothing_keeps_all(store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    run = HandMadeRun(store, tmp_path / "new")
    run.write(*run.accepted(0))
    store.put(f"{run.prefix}/dataset/{'9' * 64}/data-00000.parquet", b"being written")
    assert items_of(store, run.prefix) == []


def rolled(store: MemoryStore, run: HandMadeRun) -> str:
    """Forty segments of an attempt, rolled up; the key of the roll-up."""
    attempt = attempt_name(9, "0" * 8)
    for number in range(40):
        store.put(segment_key(run.prefix, attempt, number), store.get(list_journal(store, run.prefix).segments[0].key))
    return roll_up(store, run.prefix, attempt, 0, 39)


def test_segments_that_a_roll_up_holds_go_and_every_record_stays(store: MemoryStore, run: HandMadeRun) -> None:
    rollup = rolled(store, run)
    run.publish(Limits(5, SEEDS), End.TARGET_REACHED)
    before = len(list_journal(store, run.prefix).segments)
    [item] = [item for item in prune(store, run.prefix) if item.kind is Kind.SEGMENTS]
    assert (item.name, len(item.keys)) == (rollup, 40)
    assert len(list_journal(store, run.prefix).segments) == before
    assert replays(run)


def test_segments_stay_where_their_roll_up_is_damaged(store: MemoryStore, run: HandMadeRun) -> None:
    rollup = rolled(store, run)
    store.put(rollup, store.get(rollup)[:-3])
    run.publish(Limits(5, SEEDS), End.TARGET_REACHED)
    prune(store, run.prefix)
    assert len([key for key in store.objects if key.endswith(".jsonl.zst") and "rollup" not in key]) == 41
    assert replays(run)


def test_a_run_that_published_meanwhile_is_left_alone(store: MemoryStore, run: HandMadeRun) -> None:
    """Its new dataset may be one that was superseded: a lowered target publishes old bytes under their old name."""
    items, heads = items_of(store, run.prefix), heads_of(store, [run.prefix])
    run.publish(Limits(2, SEEDS), End.TARGET_REACHED)
    deleted: list[Item] = []
    assert delete(store, items, heads, deleted.append) == items
    assert deleted == []
    head = read_head(store, run.prefix)
    assert head is not None
    assert store.exists(f"{dataset_uri(store, run.prefix, head).removeprefix('memory:/')}/manifest.json")
    assert replays(run)


@pytest.mark.parametrize("number", [3, 2])
def test_nothing_is_offered_where_what_the_latest_publication_needs_is_lost(
    store: MemoryStore, run: HandMadeRun, number: int
) -> None:
    name = names(store, f"{run.prefix}/publications")[number]
    store.delete(f"{run.prefix}/publications/{name}/manifest.json")
    with pytest.raises(StorageError, match=rf"publications/{name}/manifest.json is missing"):
        items_of(store, run.prefix)


def test_a_dataset_that_is_published_anew_while_it_is_deleted_is_written_again(
    store: MemoryStore, run: HandMadeRun
) -> None:
    items, heads = items_of(store, run.prefix), heads_of(store, [run.prefix])
    dataset = next(item for item in items if item.kind is Kind.DATASET)
    deletes = store.delete

    def deleting(key: str) -> None:
        deletes(key)
        if key == dataset.keys[2]:
            for target in TARGETS[:-1]:
                run.publish(Limits(target, SEEDS), End.TARGET_REACHED)

    store.delete = deleting
    assert dataset in delete(store, items, heads, lambda item: None)
    assert all(store.exists(key) for key in dataset.keys)


def test_seeds_of_no_run_go_with_the_notes_that_name_them(store: MemoryStore, run: HandMadeRun) -> None:
    for prefix in ("seeds/old", "seeds/half"):
        store.put(f"{prefix}/part-00000.parquet", b"x" * 10)
    store.put("seeds/old/manifest.json", b"{}")
    store.put("seeds/finished/a-b.json", b'{"prefix": "seeds/old"}')
    store.put("seeds/finished/c-d.json", b'{"prefix": "seeds/test"}')
    items = unpinned_seeds(store, stored_runs(store))
    assert [(item.name, item.keys) for item in items] == [
        ("seeds/half", ("seeds/half/part-00000.parquet",)),
        ("seeds/old", ("seeds/finished/a-b.json", "seeds/old/manifest.json", "seeds/old/part-00000.parquet")),
    ]
    delete(store, items, {}, lambda item: None)
    assert names(store, "seeds") == ["finished", "test"]
    assert replays(run)


def test_a_run_file_that_nobody_can_read_ends_it_for_what_it_pins_is_unknown(
    store: MemoryStore, run: HandMadeRun
) -> None:
    store.put("runs/local/newer-00000000/run.json", b'{"format": 99}')
    with pytest.raises(StorageError, match=r"runs/local/newer-00000000/run.json.* what it needs is not known"):
        stored_runs(store)


def test_a_store_that_goes_away_on_the_way_is_an_error_and_the_rest_goes_later(
    store: MemoryStore, run: HandMadeRun
) -> None:
    def away(key: str) -> None:
        raise StoreAway("no answer")

    items = items_of(store, run.prefix)
    store.delete = away
    with pytest.raises(StoreAway):
        delete(store, items, heads_of(store, [run.prefix]), lambda item: None)
    del store.delete
    assert prune(store, run.prefix) == items
