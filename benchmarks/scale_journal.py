"""Writes the journal of a run that was begun, as its process would have written it: for runs that are too long to wait
for. Segments of 256 records, 64 of them in a roll-up; a step and an end for each root sample, accepted."""

from collections.abc import Iterator
from itertools import islice

from scale_teacher import answer
from seedmill.records.generation import Completion, FinishReason
from seedmill.records.journal import EndRecord, Outcome, Record, StepRecord, encode_segment, pack_rollup
from seedmill.records.outputs import completion_output
from seedmill.records.run_file import RunFile
from seedmill.records.tokens import Tokens
from seedmill.storage import Store
from seedmill.storage.journal import ROLLUP_SEGMENTS, attempt_name, list_journal, open_key, rollup_key

RECORDS_IN_SEGMENT = 256


def write_journal(store: Store, run_prefix: str, rows: int) -> None:
    """The records of root samples 0 to `rows`, by an attempt behind all that there are."""
    run = RunFile.decode(store.get(f"{run_prefix}/run.json"))
    attempt = attempt_name(list_journal(store, run_prefix).highest_epoch + 1, "0ca1e000")
    store.put(open_key(run_prefix, attempt), b"")
    records = _records(run.cfg, rows)
    first = 0
    while segments := [each for _ in range(ROLLUP_SEGMENTS) if (each := list(islice(records, RECORDS_IN_SEGMENT)))]:
        last = first + len(segments) - 1
        packed = pack_rollup(enumerate(map(encode_segment, segments), first))
        store.put(rollup_key(run_prefix, attempt, first, last), packed)
        first = last + 1


def _records(cfg: str, rows: int) -> Iterator[Record]:
    for number in range(rows):
        text = answer(str(number).encode())
        completion = Completion(text, FinishReason.STOP, 300, len(text) // 4, "scripted")
        step = StepRecord(
            str(number), "problem", 0, 0, cfg, "", completion_output(completion), Tokens(300, len(text) // 4),
            {"request": f"{number:032x}"},
        )  # fmt: skip
        yield step
        yield EndRecord(str(number), Outcome.ACCEPT, cfg, chain=(step.digest,), uses=(step.digest,))
