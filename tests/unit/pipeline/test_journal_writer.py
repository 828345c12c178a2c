"""The writer's side of the journal: names, order, one PUT at a time, keys and bytes fixed at the first try."""

import asyncio
import threading
import time

import pytest

from seedmill.pipeline.journal_writer import JournalWriter
from seedmill.records.journal import EndRecord, Outcome, decode_segment
from seedmill.storage.journal import (
    SegmentRef,
    delete_rolled_up,
    list_journal,
    newer_attempt,
    open_key,
    read_segments,
    roll_up,
    segment_key,
    worth_rolling_up,
)
from seedmill.storage.store import StorageError
from support.memory_store import MemoryStore

PREFIX = "runs/local/x-00000000"


def end(sample: int) -> EndRecord:
    return EndRecord(str(sample), Outcome.ACCEPT, "cfg")


def writer(store: MemoryStore, random_hex: str = "aaaaaaaa", **options) -> JournalWriter:
    return JournalWriter(
        store, PREFIX, **{"linger_seconds": 0.001, "window": 8, **options}, random_hex=lambda: random_hex
    )  # fmt: skip


def samples(store: MemoryStore) -> list[str]:
    segments = read_segments(store, list_journal(store, PREFIX).segments)
    return [record.sample for segment in segments for record in segment.records]


async def test_rule_5_a_late_put_of_a_dead_process_cannot_land_on_its_successors_key():
    store = MemoryStore()
    first = writer(store, "aaaaaaaa")
    await first.open()
    await first.append([end(0)])
    late = {key: data for key, data in store.objects.items() if key.endswith(".zst")}
    for key in late:
        store.delete(key)  # it was on its way when the process died
    first.abandon()
    second = writer(store, "bbbbbbbb")
    await second.open()
    await second.append([end(1)])
    second.abandon()
    for key, data in late.items():
        store.put(key, data)
    assert sorted(samples(store)) == ["0", "1"]


def test_the_next_attempt_is_found_whatever_older_ones_wrote_and_whatever_else_lies_there():
    store = MemoryStore()
    names = ["000001-ffffffff", "000002-aaaaaaaa", "000002-bbbbbbbb", "000010-00000000"]
    for name in names:
        store.put(open_key(PREFIX, name), b"")
        store.put(segment_key(PREFIX, name, 0), b"")
    store.put(f"{PREFIX}/journal/zzz/open", b"")
    store.put(f"{PREFIX}-other/journal/000099-aaaaaaaa/open", b"")
    assert [newer_attempt(store, PREFIX, name) for name in names] == [*names[1:], ""]


async def test_two_that_start_at_once_have_different_names_and_the_lower_is_fenced(monkeypatch):
    monkeypatch.setattr("seedmill.pipeline.journal_writer.FENCE_SECONDS", 0.01)
    store = MemoryStore()
    low, high = writer(store, "00000000"), writer(store, "ffffffff")
    await asyncio.gather(low.open(), high.open())
    assert low.attempt != high.attempt
    await asyncio.sleep(0.1)
    assert low.fenced_by == high.attempt
    assert not high.fenced_by
    assert "taken over" in low.blocked
    low.abandon()
    high.abandon()


async def test_rule_6_a_put_is_repeated_with_the_key_and_bytes_of_its_first_try():
    tries: list[tuple[str, int]] = []
    store = MemoryStore()

    def fail_twice(key: str) -> None:
        if key.endswith(".zst"):
            tries.append((key, 0))
            if len(tries) < 3:
                raise StorageError("timed out")

    store.before_put = fail_twice
    journal = writer(store)
    await journal.open()
    first = journal.append([end(0)])
    await asyncio.sleep(0.03)
    second = journal.append([end(1)])  # arrives while the first PUT is being repeated
    await asyncio.gather(first, second)
    journal.abandon()
    assert tries[0] == tries[1] == tries[2] != tries[3]
    contents = [
        [record.sample for record in decode_segment(store.objects[key])]
        for key in sorted(key for key in store.objects if key.endswith(".zst"))
    ]
    assert contents == [["0"], ["1"]]


async def test_rule_7_one_put_is_under_way_at_a_time_and_in_order():
    lock, keys = threading.Lock(), []
    store = MemoryStore()

    def slow(key: str) -> None:
        if key.endswith(".zst"):
            assert lock.acquire(blocking=False), "two PUTs at once"
            time.sleep(0.004)
            keys.append(key)
            lock.release()

    store.before_put = slow
    journal = writer(store, window=2)
    await journal.open()
    await asyncio.gather(*(journal.append([end(n)]) for n in range(30)))
    journal.abandon()
    assert keys == sorted(keys)
    assert samples(store) == [str(n) for n in range(30)]


async def test_records_wait_for_company_but_not_for_long():
    store = MemoryStore()
    journal = writer(store, linger_seconds=0.05, window=1000)
    await journal.open()
    started = time.monotonic()
    await asyncio.gather(*(journal.append([end(n)]) for n in range(100)))
    assert time.monotonic() - started < 2
    assert len(list_journal(store, PREFIX).segments) == 1
    journal.abandon()


async def test_close_flushes_what_waits():
    store = MemoryStore()
    journal = writer(store, linger_seconds=60)
    await journal.open()
    journal.append([end(0)])
    await journal.close()
    assert samples(store) == ["0"]


async def test_a_store_that_cannot_be_opened_is_said_at_once():
    def read_only(key: str) -> None:
        raise StorageError("read-only file system")

    with pytest.raises(StorageError, match="read-only"):
        await writer(MemoryStore(read_only)).open()


async def test_a_damaged_segment_is_named_and_the_others_count():
    store = MemoryStore()
    journal = writer(store)
    await journal.open()
    await journal.append([end(0)])
    await journal.append([end(1)])
    journal.abandon()
    first = list_journal(store, PREFIX).segments[0]
    store.objects[first.key] = store.objects[first.key][:-3]
    read = list(read_segments(store, list_journal(store, PREFIX).segments))
    assert [bool(segment.damage) for segment in read] == [True, False]
    assert samples(store) == ["1"]


async def test_closed_segments_are_rolled_up_and_originals_go_later(monkeypatch):
    monkeypatch.setattr("seedmill.pipeline.journal_writer.ROLLUP_SEGMENTS", 4)
    store = MemoryStore()
    journal = writer(store, "aaaaaaaa")
    await journal.open()
    for number in range(9):
        await journal.append([end(number)])
    await asyncio.sleep(0.05)
    await journal.close()
    expected = [str(number) for number in range(9)]
    listing = list_journal(store, PREFIX)
    assert [bool(ref.rollup) for ref in listing.segments] == [True] * 8 + [False]
    assert all(ref.key for ref in listing.segments)
    read = list(read_segments(store, listing.segments))
    assert [record.sample for segment in read for record in segment.records] == expected
    delete_rolled_up(store, read)
    assert samples(store) == expected
    assert sum(1 for key in store.objects if key.endswith(".zst")) == 3


async def test_originals_stand_in_for_a_damaged_roll_up():
    store = MemoryStore()
    journal = writer(store)
    await journal.open()
    for number in range(3):
        await journal.append([end(number)])
    await journal.close()
    key = roll_up(store, PREFIX, journal.attempt, 0, 2)
    store.objects[key] = store.objects[key][:-2]
    read = list(read_segments(store, list_journal(store, PREFIX).segments))
    assert samples(store) == ["0", "1", "2"]
    delete_rolled_up(store, read)
    assert samples(store) == ["0", "1", "2"]


def test_only_long_unbroken_runs_are_worth_rolling_up():
    refs = [SegmentRef("000001-aaaaaaaa", n, "k", "") for n in range(600) if n != 40]
    refs += [SegmentRef("000002-aaaaaaaa", n, "k", "") for n in range(5)]
    assert worth_rolling_up(refs) == [
        ("000001-aaaaaaaa", 0, 39),
        *(("000001-aaaaaaaa", first, first + 63) for first in range(41, 553, 64)),
        ("000001-aaaaaaaa", 553, 599),
    ]
