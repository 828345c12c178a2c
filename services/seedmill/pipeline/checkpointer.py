"""Notes now and then how far the fold has come, so that the next process need not walk from the first root sample.

The journal is the truth, a checkpoint saves time. It is written beside the run and never waited for: when the store is
away, the next one holds what this one would have held.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256

from seedmill.pipeline.frontier import Frontier
from seedmill.records.journal import Position, Record, root_of
from seedmill.records.journal_sums import JournalSums
from seedmill.records.publication import Limits
from seedmill.records.selection import within_budget
from seedmill.records.tokens import Tokens
from seedmill.storage.checkpoints import Boundary, Checkpoint, FoldState, checkpoint_key
from seedmill.storage.store import StorageError, Store

CHECKPOINT_ROOTS = 4096


class Checkpointer:
    """Writes the checkpoints of one process. `publications` are the one that the fold goes on behind and all before it.

    `every` is a multiple of the roots in a part of `sums`, which hold what the journal holds.
    """

    def __init__(
        self,
        store: Store,
        run_prefix: str,
        cfg: str,
        publications: Sequence[str] = (),
        sums: JournalSums | None = None,
        every: int = CHECKPOINT_ROOTS,
    ) -> None:
        self.sums = JournalSums() if sums is None else sums
        self.every = every
        self.boundaries: list[Boundary] = []
        self.cfg = cfg
        self.publications = ("", *publications)
        self._store = store
        self._run_prefix = run_prefix
        self._attempt = ""
        self._number = 0
        self._writing: asyncio.Task[None] | None = None

    def begin(self, attempt: str, restored: Sequence[Boundary]) -> None:
        """From now on write under this attempt, behind the boundaries that were restored."""
        self._attempt = attempt
        self.boundaries = list(restored)

    def note_durable(self, segment: int, records: Sequence[Record], lines: Sequence[bytes]) -> None:
        """A segment of this process is durable."""
        for number, (record, line) in enumerate(zip(records, lines, strict=True)):
            self.sums.add(root_of(record), Position(self._attempt, segment, number), line)

    def note_walked(self, frontier: Frontier) -> None:
        """The fold took a step. At every `every`-th root sample a checkpoint is begun, unless one is being written."""
        selection = frontier.selection
        if selection.next_root % self.every or selection.ended is not None:
            return
        if not self._attempt or (self._writing is not None and not self._writing.done()):
            return
        rows = len(frontier.index)
        counts = selection.counts
        state = FoldState(
            selection.next_root, rows, selection.tokens, counts.accepted, dict(counts.rejected), dict(counts.failed)
        )
        first = self.boundaries[-1].state.rows if self.boundaries else 0
        packed = frontier.index.packed(first, rows)
        self._writing = asyncio.create_task(self._write(state, packed, self.sums.below(state.root)))

    async def close(self) -> None:
        """Wait for the checkpoint that is being written."""
        if self._writing is not None:
            await self._writing

    def abandon(self) -> None:
        """Stop at once."""
        if self._writing is not None:
            self._writing.cancel()

    async def _write(self, state: FoldState, packed: bytes, sums: dict[int, int]) -> None:
        number = self._number
        self._number += 1
        key = checkpoint_key(self._attempt, number, "rows")
        with suppress(StorageError):
            boundary = Boundary(state, key, await asyncio.to_thread(_digest, packed))
            boundaries = (*self.boundaries, boundary)
            checkpoint = Checkpoint(self.cfg, self.publications[-1], self.sums.roots_in_part, sums, boundaries)
            await asyncio.to_thread(self._put, number, packed, checkpoint)
            self.boundaries.append(boundary)

    def _put(self, number: int, packed: bytes, checkpoint: Checkpoint) -> None:
        """Rows first: what a checkpoint names is there. The one before is not needed any more."""
        base = self._run_prefix
        self._store.put(f"{base}/{checkpoint_key(self._attempt, number, 'rows')}", packed)
        self._store.put(f"{base}/{checkpoint_key(self._attempt, number, 'json')}", checkpoint.encode())
        if number:
            self._store.delete(f"{base}/{checkpoint_key(self._attempt, number - 1, 'json')}")


def usable_boundaries(
    checkpoint: Checkpoint | None, wanted: Checkpointer, limits: Limits, cap: Tokens
) -> tuple[Boundary, ...]:
    """The boundaries of a checkpoint that these limits do not cut off; none if it is another fold's.

    What was folded behind an earlier publication is what the later one holds: it folded the same journal behind the
    same publication. A journal that is not the same any more is found by its sums.
    """
    if (
        checkpoint is None
        or checkpoint.cfg != wanted.cfg
        or checkpoint.publication not in wanted.publications
        or checkpoint.roots_in_part != wanted.sums.roots_in_part
    ):
        return ()
    return tuple(each for each in checkpoint.boundaries if _is_before_the_cut(each.state, limits, cap))


def _is_before_the_cut(state: FoldState, limits: Limits, cap: Tokens) -> bool:
    """Tokens and rows only grow, so a fold that is before the cut here was before it all the way."""
    return (
        state.accepted < limits.accepted_samples
        and state.root < limits.max_candidates
        and within_budget(limits, state.tokens + cap)
    )


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
