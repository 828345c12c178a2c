"""Completions and verdicts as the `output` of a step record, and back.

What may differ between two runs of the same thing (seconds, standard output) is not part of an output: it goes to the
record's notes.
"""

from typing import Any

from seedmill.records.generation import Completion, FinishReason
from seedmill.records.journal import StepRecord
from seedmill.records.verdict import Status, Verdict, VerdictKind

JSON = Any

NOTE_BYTES = 2048
"""How much of a test's standard output and error is kept in the journal, each."""


def completion_output(completion: Completion) -> JSON:
    return {"text": completion.text, "finish": completion.finish_reason, "model": completion.model}


def completion_of(record: StepRecord) -> Completion:
    """Raises KeyError or ValueError when the record is not of a Generate step."""
    return Completion(
        text=record.output["text"],
        finish_reason=FinishReason(record.output["finish"]),
        prompt_tokens=record.tokens.prompt,
        completion_tokens=record.tokens.completion,
        model=record.output["model"],
    )


def verdict_output(verdict: Verdict) -> JSON:
    return {
        "status": verdict.status,
        "reason": verdict.reason,
        "kind": verdict.kind,
        "downgrade": verdict.downgrade,
        "asserts": verdict.asserts_run,
        "environment": verdict.environment,
        "sandbox": verdict.sandbox,
    }


def verdict_notes(verdict: Verdict) -> dict[str, JSON]:
    return {
        "seconds": round(verdict.seconds, 4),
        "stdout": verdict.stdout[:NOTE_BYTES],
        "stderr": verdict.stderr[:NOTE_BYTES],
    }


def verdict_of(record: StepRecord) -> Verdict:
    """Raises KeyError or ValueError when the record is not of an Execute step."""
    return Verdict(
        id=record.sample,
        status=Status(record.output["status"]),
        reason=record.output["reason"],
        kind=VerdictKind(record.output["kind"]),
        downgrade=record.output["downgrade"],
        asserts_run=record.output["asserts"],
        environment=record.output["environment"],
        sandbox=record.output["sandbox"],
        seconds=record.notes.get("seconds", 0.0),
        stdout=record.notes.get("stdout", ""),
        stderr=record.notes.get("stderr", ""),
    )
