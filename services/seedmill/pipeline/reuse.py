"""Finished steps of earlier runs, for `spec.reuse`: what is equal is not paid for again.

Equal means the same model, rendered prompt, sampling and counter. Without the counter all responses of one prompt would
become the same text (journal rule 15). Which publications are read is pinned in run.json when the run begins, so what
an earlier run makes later changes nothing here (rule 17).
"""

from collections.abc import Sequence
from typing import Any

from seedmill.records.generation import GenerationRequest
from seedmill.records.journal import StepRecord, digest_of
from seedmill.storage.journal import read_segments
from seedmill.storage.publications import published_segments
from seedmill.storage.store import Store

JSON = Any


def request_key(request: GenerationRequest) -> str:
    """Names a request by everything that decides its answer; its id is sample, step, part and try."""
    call, prompt = request.call, request.prompt
    turns = [[message.role, message.content] for message in prompt.messages]
    sampling = [call.sampling.temperature, call.sampling.top_p, call.sampling.max_tokens]
    return digest_of([request.id, request.seed, call.model, call.api, prompt.text, turns, prompt.stop, sampling])


def load_reuse(store: Store, publications: Sequence[str]) -> dict[str, JSON]:
    """Outputs of Generate steps by request key. Raises StorageError."""
    outputs: dict[str, JSON] = {}
    for publication in publications:
        prefix, _, name = publication.partition("/publications/")
        for segment in read_segments(store, published_segments(store, prefix, f"publications/{name}")):
            for record in segment.records:
                if isinstance(record, StepRecord) and "request" in record.notes:
                    outputs.setdefault(record.notes["request"], record.output)
    return outputs
