"""Publishing and replaying a journal that was written by hand, and the service that does it."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seedmill.aggregation.client import AggregationClient
from seedmill.aggregation.replay import replay_head
from seedmill.aggregation.server import service
from seedmill.records.journal import Record
from seedmill.records.publication import End, Limits
from seedmill.serving.channel import Channels
from seedmill.serving.errors import InvalidRequest
from seedmill.serving.server import running_server
from seedmill.storage import StorageError, StoreFull, open_store
from seedmill.storage.publications import read_head, read_outcomes
from support.hand_made_run import SEEDS, HandMadeRun
from support.memory_store import MemoryStore


@pytest.fixture
def run(tmp_path: Path) -> HandMadeRun:
    return HandMadeRun(MemoryStore(), tmp_path)


ALL = Limits(100, SEEDS)


def whole(run: HandMadeRun) -> list[list[Record]]:
    """All samples: 2 and 5 are rejected, the others accepted."""
    ends = [run.accepted(number) for number in range(SEEDS)]
    ends[2] = run.rejected(2)
    ends[5] = run.rejected(5, "contaminated", "HumanEval/3")
    return ends


def test_publishes_dataset_outcomes_and_head(run: HandMadeRun) -> None:
    run.write(*(record for records in whole(run) for record in records))
    published = run.publish(ALL)
    head = read_head(run.store, run.prefix)
    assert head is not None
    assert (head.dataset_digest, head.rows, head.cut) == (published.dataset_digest, 9, SEEDS)
    assert head.ledger == {
        "requested": 12,
        "accepted": 9,
        "rejected": {"contaminated": 1, "near_duplicate": 1, "no_doctest": 1},
        "failed": {},
        "pending": 0,
    }
    manifest = json.loads(run.dataset("manifest.json"))
    assert manifest["digest"] == head.dataset_digest
    assert {each["name"] for each in manifest["files"]} >= {"README.md", "report.html", "data-00000.parquet"}
    outcomes = read_outcomes(run.store, run.prefix, head.publication)
    assert len(outcomes) == 12
    assert outcomes["7"].reason == "near_duplicate"


def test_card_and_report_count_contamination_and_steps(run: HandMadeRun) -> None:
    run.write(*(record for records in whole(run) for record in records))
    run.publish(ALL)
    card = run.dataset("README.md").decode()
    assert "| HumanEval | 164 |" in card
    assert "| `1d49078ba3e2b196` | 1 |" in card
    assert "| extract | 12 | 10 | 83 % |" in card
    assert "| selection | 10 | 9 | 90 % |" in card
    assert "no\\_docstring | 3 |" in card


def test_order_and_spread_of_segments_do_not_matter(run: HandMadeRun, tmp_path: Path) -> None:
    run.write(*(record for records in whole(run) for record in records))
    expected = run.publish(ALL).dataset_digest
    (tmp_path / "other").mkdir()
    other = HandMadeRun(MemoryStore(), tmp_path / "other")
    for records in reversed(whole(other)):
        other.write(*records)
    assert other.publish(ALL).dataset_digest == expected


def test_target_cuts_exactly_and_raising_it_only_appends(run: HandMadeRun) -> None:
    run.write(*(record for records in whole(run) for record in records))
    run.publish(Limits(4, SEEDS), End.TARGET_REACHED)
    first = run.rows()
    run.publish(ALL)
    assert len(first) == 4
    assert run.rows()[:4] == first


def test_what_lies_beyond_the_cut_changes_nothing(run: HandMadeRun, tmp_path: Path) -> None:
    limits = Limits(4, SEEDS)
    run.write(*(record for records in whole(run)[:6] for record in records))
    expected = run.publish(limits, End.TARGET_REACHED).dataset_digest
    (tmp_path / "other").mkdir()
    other = HandMadeRun(MemoryStore(), tmp_path / "other")
    other.write(*(record for records in whole(other) for record in records))
    assert other.publish(limits, End.TARGET_REACHED).dataset_digest == expected


def test_rule_12_a_late_write_does_not_change_a_published_row(run: HandMadeRun) -> None:
    """The lower attempt's record lands behind the publication, and stays out of the next two."""
    run.write(*(record for records in whole(run) for record in records), epoch=5)
    run.publish(ALL)
    before = run.rows()
    outcomes = read_outcomes(run.store, run.prefix, read_head(run.store, run.prefix).publication)
    run.write(*run.accepted(2), *run.rejected(0), *run.accepted(1, "another"), epoch=1)
    for _ in range(2):
        run.publish(ALL)
        assert run.rows() == before
        assert read_outcomes(run.store, run.prefix, read_head(run.store, run.prefix).publication) == outcomes


def test_a_deadline_counts_the_gaps_as_stopped_and_says_that_it_is_partial(run: HandMadeRun) -> None:
    ends = whole(run)
    run.write(*(record for number, records in enumerate(ends[:8]) for record in records if number not in (1, 4)))
    run.publish(ALL, End.DEADLINE_EXCEEDED)
    head = read_head(run.store, run.prefix)
    assert head.ledger["failed"] == {"stopped": 2}
    assert head.ledger["requested"] == 8
    assert "**Partial.**" in run.dataset("README.md").decode()
    run.write(*ends[1], *(record for records in ends[8:] for record in records))
    run.publish(ALL)
    assert read_head(run.store, run.prefix).ledger["failed"] == {"stopped": 2}


@pytest.mark.parametrize("end", [End.DEADLINE_EXCEEDED, End.GPU_HOURS_EXHAUSTED])
def test_a_hard_stop_may_reach_the_target_after_all_and_the_card_tells_of_the_gaps(run: HandMadeRun, end: End) -> None:
    """Sample 1 is not finished; with it counted as stopped, there are three rows before the last one."""
    run.write(*(record for number in (0, 2, 3, 4) for record in run.accepted(number)))
    run.publish(Limits(3, SEEDS), end)
    head = read_head(run.store, run.prefix)
    assert (head.end, head.rows, head.ledger["failed"]) == ("TargetReached", 3, {"stopped": 1})
    assert "> An earlier limit on time left 1 candidate unfinished" in run.dataset("README.md").decode()
    run.publish(ALL, end)
    assert read_head(run.store, run.prefix).end == end.value
    assert "**Partial.**" in run.dataset("README.md").decode()
    replayed = replay_head(run.store, run.prefix)
    assert replayed.rebuilt_digest == replayed.published_digest


def test_an_unsettled_journal_is_not_published_as_finished(run: HandMadeRun) -> None:
    run.write(*run.accepted(0))
    with pytest.raises(InvalidRequest, match="root sample 1 is not settled"):
        run.publish(ALL)
    assert read_head(run.store, run.prefix) is None


def test_publishing_again_is_the_same_dataset_under_another_publication(run: HandMadeRun) -> None:
    run.write(*(record for records in whole(run) for record in records))
    first, second = run.publish(ALL), run.publish(ALL)
    assert first.dataset_prefix == second.dataset_prefix
    assert [first.prefix.split("-")[0], second.prefix.split("-")[0]] == ["publications/1", "publications/2"]


def test_rule_14_a_publisher_with_another_library_does_not_touch_what_is_published(
    run: HandMadeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal input and other bytes, as another version of a library writes them: another dataset beside the first."""
    run.write(*(record for records in whole(run) for record in records))
    assert isinstance(run.store, MemoryStore)
    first = run.publish(ALL)
    folder = f"{run.prefix}/{first.dataset_prefix}/"
    before = {key: data for key, data in run.store.objects.items() if key.startswith(folder)}
    write = pq.ParquetWriter
    monkeypatch.setattr(
        pq, "ParquetWriter", lambda *args, **options: write(*args, **{**options, "compression": "gzip"})
    )
    second = run.publish(ALL)
    assert second.dataset_prefix != first.dataset_prefix
    assert {key: data for key, data in run.store.objects.items() if key.startswith(folder)} == before


@pytest.mark.parametrize("puts", [0, 3, 6, 7, 9, 10])
def test_a_store_that_fails_half_way_leaves_what_was_published(run: HandMadeRun, tmp_path: Path, puts: int) -> None:
    """The manifest comes last and HEAD behind it, so whatever was not finished is not seen."""
    run.write(*(record for records in whole(run) for record in records))
    first = run.publish(Limits(4, SEEDS), End.TARGET_REACHED)
    left = iter(range(puts))

    def full(key: str) -> None:
        if next(left, None) is None:
            raise StoreFull("no space left")

    assert isinstance(run.store, MemoryStore)
    run.store.before_put = full
    with pytest.raises(StorageError):
        run.publish(ALL)
    head = read_head(run.store, run.prefix)
    assert head is not None
    assert head.publication == first.prefix
    run.store.before_put = lambda key: None
    whole_digest = run.publish(ALL).dataset_digest
    (tmp_path / "other").mkdir()
    other = HandMadeRun(MemoryStore(), tmp_path / "other")
    other.write(*(record for records in whole(other) for record in records))
    assert other.publish(ALL).dataset_digest == whole_digest


def test_a_publisher_that_comes_late_changes_nothing_that_is_published(run: HandMadeRun) -> None:
    """It was thought dead. What it went on behind may be deleted by now."""
    run.write(*(record for records in whole(run) for record in records))
    run.publish(Limits(3, SEEDS), End.TARGET_REACHED)
    late = run.store.before_put

    def before_put(key: str) -> None:
        if key.endswith("outcomes.parquet"):
            run.store.before_put = late
            run.publish(ALL)

    run.store.before_put = before_put
    with pytest.raises(StorageError, match="another process has published this run meanwhile"):
        run.publish(Limits(4, SEEDS), End.TARGET_REACHED)
    assert read_head(run.store, run.prefix).rows == 9
    result = replay_head(run.store, run.prefix)
    assert result.rebuilt_digest == result.published_digest


@pytest.mark.parametrize("gone", ["manifest.json", ""])
def test_a_dataset_that_was_being_deleted_when_it_was_found_is_written_again(run: HandMadeRun, gone: str) -> None:
    """Who deletes what was superseded begins with the manifest, and stops at the new HEAD.json."""
    run.write(*(record for records in whole(run) for record in records))
    first = run.publish(Limits(3, SEEDS), End.TARGET_REACHED)
    run.publish(ALL)
    folder = f"{run.prefix}/{first.dataset_prefix}/"
    files = {key: data for key, data in run.store.objects.items() if key.startswith(folder)}

    def before_put(key: str) -> None:
        if key.endswith("HEAD.json"):
            for each in files:
                if each.startswith(folder + gone):
                    run.store.delete(each)

    run.store.before_put = before_put
    assert run.publish(Limits(3, SEEDS), End.TARGET_REACHED).dataset_digest == first.dataset_digest
    assert {key: data for key, data in run.store.objects.items() if key.startswith(folder)} == files


def test_replay_is_byte_identical_also_behind_a_late_write(run: HandMadeRun, tmp_path: Path) -> None:
    run.write(*(record for records in whole(run) for record in records), epoch=5)
    run.publish(Limits(4, SEEDS), End.TARGET_REACHED)
    run.write(*run.accepted(2), epoch=1)
    run.publish(ALL)
    run.write(*run.rejected(1), epoch=2)
    result = replay_head(run.store, run.prefix, tmp_path / "again")
    assert result.rebuilt_digest == result.published_digest
    for path in (tmp_path / "again").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == run.dataset(path.relative_to(tmp_path / "again").as_posix())


def test_replay_notices_another_journal(run: HandMadeRun) -> None:
    run.write(*(record for records in whole(run) for record in records), epoch=1)
    run.publish(ALL)
    ends = whole(run)
    ends[0] = run.accepted(0, "tampered")
    run.write(*(record for records in ends for record in records), epoch=1)
    result = replay_head(run.store, run.prefix)
    assert result.rebuilt_digest != result.published_digest


def test_nothing_published_is_said(run: HandMadeRun) -> None:
    with pytest.raises(InvalidRequest, match="nothing was published yet"):
        replay_head(run.store, run.prefix)


async def test_service_publishes_for_its_client(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    run = HandMadeRun(store, tmp_path)
    run.write(*(record for records in whole(run) for record in records))
    address = f"unix:{tmp_path}/a.sock"
    async with running_server([service()], address):
        channels = Channels([address], "aggregation")
        client = AggregationClient(channels)
        published = await client.publish(store.uri, run.prefix, ALL, End.TARGET_NOT_REACHED)
        assert published.rows == 9
        with pytest.raises(InvalidRequest, match="nowhere"):
            await client.publish(store.uri, "runs/local/nowhere-00000000", ALL, End.TARGET_NOT_REACHED)
        await channels.close()
    head = read_head(store, run.prefix)
    assert head is not None
    assert head.dataset_digest == published.dataset_digest
