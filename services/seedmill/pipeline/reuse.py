"""Finished steps of earlier runs, for `spec.reuse`: what is equal is not paid for again.

Equal means the same model, rendered prompt, sampling and counter. Without the counter all responses of one prompt would
become the same text (journal rule 15). Which publications are read is pinned in run.json when the run begins, so what
an earlier run makes later changes nothing here (rule 17).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from seedmill.filters.key_table import Keys
from seedmill.records.generation import GenerationRequest
from seedmill.records.journal import StepRecord, digest_of
from seedmill.storage.journal import read_segments
from seedmill.storage.key_file import KeyFile
from seedmill.storage.publications import published_segments
from seedmill.storage.row_file import RowFile
from seedmill.storage.scratch import scratch_place
from seedmill.storage.store import Store

JSON = Any
_KEY_BYTES = 16


def request_key(request: GenerationRequest) -> str:
    """Names a request by everything that decides its answer; its id is sample, step, part and try."""
    call, prompt = request.call, request.prompt
    turns = [[message.role, message.content] for message in prompt.messages]
    sampling = [call.sampling.temperature, call.sampling.top_p, call.sampling.max_tokens]
    return digest_of([request.id, request.seed, call.model, call.api, prompt.text, turns, prompt.stop, sampling])


class ReusedOutputs(Mapping[str, JSON]):
    """Outputs of Generate steps by request key, in scratch files: an earlier run may be as large as this one.

    Of several outputs of one request the first that was added counts. Raises StorageError when the disk is full.
    """

    def __init__(self, folder: Path) -> None:
        self._table = KeyFile(folder)
        self._outputs = RowFile(folder)

    def add(self, key: str, output: JSON) -> None:
        number = len(self._outputs)
        self._outputs.append(0, bytes.fromhex(key) + orjson.dumps(output))
        self._table.add(_table_key(key), np.array([number], np.uint32))

    def __getitem__(self, key: str) -> JSON:
        name = bytes.fromhex(key)
        for number in self._table.numbers(_table_key(key)):
            held = self._outputs.read(number)
            if held.startswith(name):
                return orjson.loads(held[len(name) :])
        raise KeyError(key)

    def __len__(self) -> int:
        """How many were added, repeats included."""
        return len(self._outputs)

    def __iter__(self) -> Iterator[str]:
        for number in range(len(self._outputs)):
            yield self._outputs.read(number)[:_KEY_BYTES].hex()

    def close(self) -> None:
        self._table.close()
        self._outputs.close()


def load_reuse(store: Store, publications: Sequence[str]) -> ReusedOutputs:
    """Outputs of Generate steps by request key, to be closed by the caller. Raises StorageError."""
    outputs = ReusedOutputs(scratch_place())
    try:
        for publication in publications:
            prefix, _, name = publication.partition("/publications/")
            for segment in read_segments(store, published_segments(store, prefix, f"publications/{name}")):
                for record in segment.records:
                    if isinstance(record, StepRecord) and "request" in record.notes:
                        outputs.add(record.notes["request"], record.output)
    except BaseException:
        outputs.close()
        raise
    return outputs


def _table_key(key: str) -> Keys:
    return np.array([int(key[:16], 16)], np.uint64)
