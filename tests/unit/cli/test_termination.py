"""The last message of a pod: whole JSON of at most 4 KiB, whatever the run has to tell."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.cli.dispatch import exit_status, status_of
from seedmill.cli.outcome import SENTENCES
from seedmill.cli.termination import MOST_BYTES, LastWords, ended, leave
from seedmill.pipeline.progress import Published
from seedmill.pipeline.run import Ending, RunResult
from seedmill.records.ledger import Ledger
from seedmill.records.run_file import RunFile
from seedmill.serving.errors import Misconfigured, ServiceError
from seedmill.storage import ReadOnlyStore, StorageError, StoreAway
from support.memory_store import MemoryStore

REASONS = st.dictionaries(st.text(min_size=1, max_size=200), st.integers(1, 10**9), max_size=200)


def result(rejected: dict[str, int], failed: dict[str, int], ending: Ending = Ending.TOO_MANY_FAILURES) -> RunResult:
    run = RunFile("n", "team", "1" * 64, {}, "r", "d", "seeds/x", "2" * 64, 1, "now", {})
    return RunResult(ending, run, None, Ledger(5, rejected, failed))


@given(REASONS, REASONS)
def test_a_message_is_whole_and_small_and_its_ledger_balances(rejected: dict[str, int], failed: dict[str, int]) -> None:
    data = ended(result(rejected, failed), MemoryStore(), 5, 7).to_bytes()
    assert len(data) <= MOST_BYTES
    words = json.loads(data)
    assert Ledger.from_json(words["ledger"]).requested == 5 + sum(rejected.values()) + sum(failed.values())
    assert sum(words["ledger"]["rejected"].values()) == sum(rejected.values())
    assert words["message"] == SENTENCES[Ending.TOO_MANY_FAILURES]


def test_the_rarest_reasons_are_merged_first() -> None:
    rejected = {f"reason_{number:03}_{'x' * 60}": number for number in range(1, 200)}
    words = json.loads(ended(result(rejected, {"infra": 1}), MemoryStore(), 5, 0).to_bytes())
    kept = {name for name in words["ledger"]["rejected"] if name != "other"}
    assert 10 < len(kept) < 199
    assert min(rejected[name] for name in kept) > max(rejected[name] for name in rejected.keys() - kept)
    assert words["ledger"]["failed"] == {"infra": 1}


ANY_TEXT = st.text(st.characters(), max_size=5000) | st.text(st.sampled_from('"\\\n\x01'), max_size=5000)


@given(ANY_TEXT, st.text(max_size=5000), st.text(max_size=5000), REASONS)
def test_messages_uris_and_names_of_any_length_fit(message: str, uri: str, run: str, rejected: dict[str, int]) -> None:
    published = Published(uri, "d" * 64, 7)
    data = LastWords("Misconfigured", message, 2, Ledger(1, rejected), 0, published, run).to_bytes()
    assert len(data) <= MOST_BYTES
    words = json.loads(data)
    assert message.encode(errors="replace").decode().startswith(words["message"])
    assert words["dataset"]["uri"] in (uri, "")  # half a URI would be another place
    assert (words["dataset"]["digest"], words["dataset"]["rows"]) == ("d" * 64, 7)


def test_bytes_that_are_no_text_do_not_keep_a_message_from_being_left() -> None:
    assert json.loads(LastWords("OSError", "no file \udcff", 1).to_bytes())["message"] == "no file ?"


def test_a_message_is_left_where_it_is_wanted_and_a_place_that_is_not_there_ends_nothing(tmp_path: Path) -> None:
    words = LastWords("TargetReached", "done", 0)
    leave(tmp_path / "last", words)
    assert (tmp_path / "last").read_bytes() == words.to_bytes()
    leave(tmp_path / "no" / "folder", words)


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (Ending.TARGET_REACHED, 0),
        (Ending.TARGET_NOT_REACHED, 0),
        (Ending.BUDGET_EXHAUSTED, 0),
        (Ending.DEADLINE_EXCEEDED, 0),
        (Ending.GPU_HOURS_EXHAUSTED, 0),
        (Ending.TOO_MANY_FAILURES, 5),
        (Ending.TAKEN_OVER, 75),
        (Ending.SUSPENDED, 143),
    ],
)
def test_a_job_fails_for_good_only_where_starting_again_cannot_help(ending: Ending, status: int) -> None:
    assert exit_status(ending, None) == status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Misconfigured("ModelNotServed", "…"), 2),
        (StorageError("no such bucket"), 2),
        (ReadOnlyStore("the keys may not write"), 2),
        (StoreAway("503"), 1),
        (ServiceError("InternalError", "trace 1234"), 1),
        (OSError(24, "Too many open files"), 1),
    ],
)
def test_what_may_pass_by_itself_does_not_end_the_job(error: Exception, status: int) -> None:
    assert status_of(error) == status
