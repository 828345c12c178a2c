"""The last message of a pod: whole JSON of at most 4 KiB, whatever the run has to tell."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.cli.dispatch import exit_status
from seedmill.cli.outcome import SENTENCES
from seedmill.cli.termination import MOST_BYTES, ended, refused
from seedmill.pipeline.run import Ending, RunResult
from seedmill.records.ledger import Ledger
from seedmill.records.run_file import RunFile
from support.memory_store import MemoryStore

REASONS = st.dictionaries(st.text(min_size=1, max_size=200), st.integers(1, 10**9), max_size=200)


def result(rejected: dict[str, int], failed: dict[str, int], ending: Ending = Ending.TOO_MANY_FAILURES) -> RunResult:
    run = RunFile("n", "team", "1" * 64, {}, "r", "d", "seeds/x", "2" * 64, 1, "now", {})
    requested = 5 + sum(rejected.values()) + sum(failed.values())
    counts = {"requested": requested, "accepted": 5, "rejected": rejected, "failed": failed, "pending": 0}
    return RunResult(ending, run, None, Ledger.from_json(counts))


@given(REASONS, REASONS)
def test_a_message_is_whole_and_small_and_its_ledger_balances(rejected: dict[str, int], failed: dict[str, int]) -> None:
    data = ended(result(rejected, failed), MemoryStore(), 5, 7)
    assert len(data) <= MOST_BYTES
    words = json.loads(data)
    ledger = words["ledger"]
    assert sum(ledger["rejected"].values()) == sum(rejected.values())
    assert sum(ledger["failed"].values()) == sum(failed.values())
    assert words["message"] == SENTENCES[Ending.TOO_MANY_FAILURES]


def test_the_rarest_reasons_are_merged_first() -> None:
    rejected = {f"reason_{number:03}_{'x' * 60}": number for number in range(1, 200)}
    words = json.loads(ended(result(rejected, {"infra": 1}), MemoryStore(), 5, 0))
    kept = {name for name in words["ledger"]["rejected"] if name != "other"}
    assert 10 < len(kept) < 199
    assert min(rejected[name] for name in kept) > max(rejected[name] for name in rejected.keys() - kept)
    assert words["ledger"]["failed"] == {"infra": 1}


@given(st.text(max_size=5000))
def test_a_refusal_of_any_length_fits(message: str) -> None:
    data = refused("Misconfigured", message, 2)
    assert len(data) <= MOST_BYTES
    assert message.startswith(json.loads(data)["message"])


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (Ending.TARGET_REACHED, 0),
        (Ending.TARGET_NOT_REACHED, 0),
        (Ending.BUDGET_EXHAUSTED, 0),
        (Ending.DEADLINE_EXCEEDED, 0),
        (Ending.TOO_MANY_FAILURES, 5),
        (Ending.TAKEN_OVER, 75),
        (Ending.SUSPENDED, 143),
    ],
)
def test_a_job_fails_for_good_only_where_starting_again_cannot_help(ending: Ending, status: int) -> None:
    assert exit_status(ending, None) == status
