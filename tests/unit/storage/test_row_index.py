"""The index on disk answers as the one in memory, whatever is in it and wherever a merge stands."""

import os
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedmill.filters.key_table import KeyTable, MemoryTable, QuickTable
from seedmill.filters.similarity import RowIndex
from seedmill.records.row import Row
from seedmill.storage.key_file import KeyFile
from seedmill.storage.row_file import RowFile
from seedmill.storage.row_index import row_index

WORDS = [f"word{i}" for i in range(60)]
KEYS = st.one_of(
    st.integers(0, 2**64 - 1),
    st.sampled_from([0, 1, 2**56, 2**63, 2**64 - 1]),  # ends of parts, and keys that many texts have
)


def texts(luck: random.Random, count: int) -> list[Row]:
    """Rows of which many are copies of earlier ones with a word or two changed in one of their parts."""
    rows: list[Row] = []
    for _ in range(count):
        if rows and luck.random() < 0.6:
            known = luck.choice(rows)
            instruction, code = known.instruction.split(), known.code.split()
            changed = luck.choice([instruction, code])
            for _ in range(luck.randrange(4)):
                changed[luck.randrange(len(changed))] = luck.choice(WORDS)
            if luck.random() < 0.5:
                luck.shuffle(instruction if changed is code else code)
        else:
            instruction = luck.choices(WORDS, k=luck.choice([2, 8, 40]))
            code = luck.choices(WORDS, k=luck.choice([3, 30, 60]))
        rows.append(Row(" ".join(instruction), " ".join(code), " ".join(code), "", "python"))
    return rows


@given(batches=st.lists(st.lists(KEYS, min_size=1, max_size=12), max_size=60), held=st.integers(1, 40))
@settings(max_examples=40)
def test_tables_in_memory_and_on_disk_answer_as_a_dict(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], held: int
) -> None:
    known: defaultdict[int, set[int]] = defaultdict(set)
    file = KeyFile(tmp_path_factory.mktemp("keys"), entries_in_memory=held)
    tables: list[KeyTable] = [MemoryTable(), QuickTable(), file]
    for number, batch in enumerate(batches):
        keys = np.array(batch, np.uint64)
        for table in tables:
            table.add(keys, np.full(len(keys), number, np.uint32))
        for key in batch:
            known[key].add(number)
        asked = np.array([*batch, 5, *batches[number // 2]], np.uint64)
        expected = sorted({each for key in asked.tolist() for each in known.get(key, ())})
        assert [table.numbers(asked) for table in tables] == [expected] * 3
    file.close()


def test_many_entries_in_small_parts_on_a_disk_that_takes_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, most = os.pwrite, 100
    monkeypatch.setattr(os, "pwrite", lambda handle, data, offset: write(handle, data[:most], offset))
    monkeypatch.setattr("seedmill.storage.key_file._PART_ENTRIES", 64)
    keys = np.random.default_rng(1).integers(0, 2**64, 60_000, np.uint64)
    numbers = np.arange(len(keys), dtype=np.uint32)
    file = KeyFile(tmp_path, entries_in_memory=10_000)
    for first in range(0, len(keys), 50):
        file.add(keys[first : first + 50], numbers[first : first + 50])
    for first in range(0, len(keys), 100):
        assert file.numbers(keys[first : first + 100]) == numbers[first : first + 100].tolist()
    file.close()


@given(luck=st.randoms(use_true_random=False), held=st.sampled_from([1, 60, 500, 5000]))
@settings(max_examples=12)
def test_rows_on_disk_are_like_the_same_rows_as_in_memory(
    tmp_path_factory: pytest.TempPathFactory, luck: random.Random, held: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    keys, log = KeyFile(folder, entries_in_memory=held), RowFile(folder)
    on_disk, in_memory = RowIndex(keys, log), RowIndex()
    for root, row in enumerate(texts(luck, 60)):
        below = luck.randrange(root + 1)
        match = in_memory.match(row)
        assert on_disk.match(row) == match
        assert on_disk.match(row, below) == in_memory.match(row, below)
        assert on_disk.find_instruction(row.instruction, below) == in_memory.find_instruction(row.instruction, below)
        if match is None or luck.random() < 0.2:
            on_disk.add(row, root)
            in_memory.add(row, root)
    keys.close()
    log.close()


def test_one_key_may_have_more_numbers_than_a_bucket_has_places() -> None:
    table = MemoryTable()
    for number in range(1000):
        table.add(np.array([7, number + 100], np.uint64), np.full(2, number, np.uint32))
    assert table.numbers(np.array([7], np.uint64)) == list(range(1000))
    assert table.numbers(np.array([500], np.uint64)) == [400]


def test_an_index_leaves_no_file_behind(tmp_path: Path) -> None:
    with row_index(tmp_path) as index:
        index.add(Row("Write a function that adds two numbers.", "a + b", "a + b", "", "python"), 0)
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


@given(luck=st.randoms(use_true_random=False), held=st.sampled_from([1, 100, 5000]), at_once=st.integers(1, 30))
@settings(max_examples=8)
def test_packed_rows_make_the_same_index_again(
    tmp_path_factory: pytest.TempPathFactory, luck: random.Random, held: int, at_once: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    keys, log = KeyFile(folder, entries_in_memory=held), RowFile(folder)
    again, index = RowIndex(keys, log), RowIndex()
    rows = texts(luck, 60)
    for root, row in enumerate(rows[:40]):
        index.add(row, 2 * root)
    for first in range(0, 40, at_once):
        again.restore(index.packed(first, min(40, first + at_once)))
    for root, row in enumerate(rows):
        below = luck.randrange(100)
        assert again.match(row, below) == index.match(row, below)
        assert again.match(row) == index.match(row)
        if root >= 40:
            again.add(row, 2 * root)
            index.add(row, 2 * root)
    keys.close()
    log.close()
