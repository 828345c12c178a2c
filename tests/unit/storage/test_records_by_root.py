"""A journal sorted in scratch files says of every root sample what one says that is in memory."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedmill.records.journal import EndRecord, Outcome, Record, RetryRecord, StepRecord, encode_segment
from seedmill.records.resolution import JournalIndex
from seedmill.records.selection import Kept, PublishedOutcome
from seedmill.records.tokens import Tokens
from seedmill.storage.journal import attempt_name, list_journal, read_segments, segment_key
from seedmill.storage.publications import OutcomeRow, Outcomes, OutcomesFile, read_outcomes
from seedmill.storage.records_by_root import RecordsByRoot
from support.memory_store import MemoryStore

RUN = "runs/local/test-00000000"
CFG = "cfg"


def some_records(luck: random.Random, roots: int) -> list[Record]:
    """Chains, children, failures, records of another configuration and retries, shuffled as kills would leave them."""
    records: list[Record] = []
    for _ in range(roots):
        path = str(luck.randrange(40))
        if luck.random() < 0.2:
            path += f"/{luck.randrange(2)}"
        cfg = CFG if luck.random() < 0.9 else "other"
        first = StepRecord(path, "one", luck.randrange(2), 0, cfg, "", {"text": "x" * luck.randrange(50)}, Tokens(1, 2))
        second = StepRecord(path, "two", 0, 0, cfg, first.digest, ["child", "child"], Tokens(3, 4))
        uses = (first.digest, second.digest)[: luck.randrange(3)]
        outcome = luck.choice(list(Outcome))
        end = EndRecord(
            path, outcome, cfg, luck.choice(["", "infra"]), chain=uses, uses=uses, notes={"n": luck.random()}
        )
        records += [each for each in (first, second, end) if luck.random() < 0.8]
    if luck.random() < 0.3:
        records.append(RetryRecord(attempt_name(1, "aaaaaaaa")))
    luck.shuffle(records)
    return records


@given(luck=st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_roots_are_those_of_an_index_in_memory(tmp_path_factory: pytest.TempPathFactory, luck: random.Random) -> None:
    store = MemoryStore()
    for attempt in (1, 2):
        for number in range(luck.randrange(4)):
            key = segment_key(RUN, attempt_name(attempt, "aaaaaaaa"), number)
            store.put(key, encode_segment(some_records(luck, luck.randrange(1, 12))))
    in_memory = JournalIndex(CFG)
    on_disk = RecordsByRoot(tmp_path_factory.mktemp("records"), CFG, roots_in_part=luck.choice([1, 7, 1000]))
    for segment in read_segments(store, list_journal(store, RUN).segments):
        in_memory.add(segment.ref.attempt, segment.ref.number, segment.records)
        on_disk.add(segment)
    ended = [path for root in in_memory.roots() for path in root.ends]
    published = {path: PublishedOutcome(Kept.FAILED, "stopped", "") for path in ended if luck.random() < 0.2}
    in_memory.finish(published)
    assert list(on_disk.roots(published)) == in_memory.roots()
    assert on_disk.highest_ended == max((root.index for root in in_memory.roots() if root.ends), default=-1)
    on_disk.close()


def test_outcomes_are_found_by_path_in_any_order(tmp_path: Path) -> None:
    """In groups of 4,096; children of one root may lie in two of them."""
    rows = [
        OutcomeRow(path, PublishedOutcome(Kept.KEPT if number % 3 else Kept.REJECTED, "why", f"{number:032x}"), number)
        for number, path in enumerate(f"{root}/{child}" for root in range(3000) for child in range(3))
    ]
    path = tmp_path / "outcomes.parquet"
    file = OutcomesFile(path)
    for row in rows:
        file.write(row)
    file.close()
    store = MemoryStore()
    store.put(f"{RUN}/publications/1-a/outcomes.parquet", path.read_bytes())
    assert read_outcomes(store, RUN, "publications/1-a") == {row.sample: row.outcome for row in rows}
    with path.open("rb") as opened:
        outcomes = Outcomes(opened)
        for row in (rows[0], rows[8999], rows[4095], rows[4096], rows[5000], rows[4094]):
            assert outcomes.get(row.sample) == row.outcome
        assert [outcomes.get(each) for each in ("3000/0", "7", "7/3")] == [None, None, None]


def test_a_run_without_outcomes_has_none(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.parquet"
    OutcomesFile(path).close()
    with path.open("rb") as opened:
        assert Outcomes(opened).get("0") is None
