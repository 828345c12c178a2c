"""Checkpoints of the fold over a run's journal: they save a resume the walk, and decide nothing.

    <run>/checkpoints/<attempt>/<n>.json    the latest: what the journal held, and the fold at some root samples
    <run>/checkpoints/<attempt>/<n>.rows    the rows that were kept between two of them, as the index needs them

A checkpoint can be made again from the journal, so it may be deleted at any time. It counts as far as the sums over the
journal's lines are still those that it notes; behind that the journal is walked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from seedmill.records.ledger import LedgerCounts
from seedmill.records.tokens import Tokens
from seedmill.storage.store import ObjectMissing, Store

FORMAT = 1


@dataclass(frozen=True, slots=True)
class FoldState:
    """The selection behind the root samples below `root`; `rows` are kept so far."""

    root: int
    rows: int
    tokens: Tokens
    accepted: int
    rejected: Mapping[str, int]
    failed: Mapping[str, int]

    def counts(self) -> LedgerCounts:
        """As the selection counts on."""
        counts = LedgerCounts(self.accepted)
        counts.rejected.update(self.rejected)
        counts.failed.update(self.failed)
        return counts


@dataclass(frozen=True, slots=True)
class Boundary:
    """One state, and the object with the rows that were kept since the boundary before; `key` is the run's."""

    state: FoldState
    key: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was noted. `publication` is the one that the fold went on behind, empty if there was none."""

    cfg: str
    publication: str
    roots_in_part: int
    sums: Mapping[int, int]
    boundaries: tuple[Boundary, ...]

    def encode(self) -> bytes:
        content = {
            "format": FORMAT,
            "cfg": self.cfg,
            "publication": self.publication,
            "rootsInPart": self.roots_in_part,
            "sums": {str(part): f"{value:032x}" for part, value in self.sums.items()},
            "boundaries": [_to_json(each) for each in self.boundaries],
        }
        return orjson.dumps(content)

    @staticmethod
    def decode(data: bytes) -> "Checkpoint | None":
        """None when this version cannot read it."""
        try:
            content = orjson.loads(data)
            if content["format"] != FORMAT:
                return None
            return Checkpoint(
                content["cfg"],
                content["publication"],
                content["rootsInPart"],
                {int(part): int(value, 16) for part, value in content["sums"].items()},
                tuple(_from_json(each) for each in content["boundaries"]),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            return None


def latest_checkpoint(store: Store, run_prefix: str) -> Checkpoint | None:
    """The one that was written last, or None. Raises StorageError."""
    keys = [entry.key for entry in store.list(f"{run_prefix}/checkpoints/") if entry.key.endswith(".json")]
    if not keys:
        return None
    try:
        return Checkpoint.decode(store.get(max(keys)))
    except ObjectMissing:
        return None


def read_rows(store: Store, run_prefix: str, boundary: Boundary) -> bytes | None:
    """The rows of a boundary; None when they are gone or damaged. Raises other StorageErrors."""
    try:
        data = store.get(f"{run_prefix}/{boundary.key}")
    except ObjectMissing:
        return None
    return data if sha256(data).hexdigest() == boundary.sha256 else None


def checkpoint_key(attempt: str, number: int, suffix: str) -> str:
    """Relative to the run's prefix."""
    return f"checkpoints/{attempt}/{number:06d}.{suffix}"


def _to_json(boundary: Boundary) -> dict[str, Any]:
    state = boundary.state
    return {
        "root": state.root,
        "rows": state.rows,
        "tokens": [state.tokens.prompt, state.tokens.completion],
        "accepted": state.accepted,
        "rejected": dict(state.rejected),
        "failed": dict(state.failed),
        "key": boundary.key,
        "sha256": boundary.sha256,
    }


def _from_json(content: Mapping[str, Any]) -> Boundary:
    prompt, completion = content["tokens"]
    state = FoldState(
        content["root"],
        content["rows"],
        Tokens(prompt, completion),
        content["accepted"],
        content["rejected"],
        content["failed"],
    )
    return Boundary(state, content["key"], content["sha256"])
