"""From what the journal holds to a frontier that goes on behind it."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice

from seedmill.filters.decontamination import Decontaminator
from seedmill.filters.similarity import RowIndex
from seedmill.pipeline.checkpointer import Checkpointer, usable_boundaries
from seedmill.pipeline.frontier import Frontier
from seedmill.pipeline.journal_writer import JournalWriter
from seedmill.pipeline.patience import Patience
from seedmill.pipeline.preparation import Prepared
from seedmill.recipes.rebuild import rebuild
from seedmill.records.journal import Position, RetryRecord, root_index
from seedmill.records.resolution import Leaf, RootRecords
from seedmill.records.row import Row
from seedmill.records.selection import PublishedOutcomes, Selection, WalkedRoot
from seedmill.storage.checkpoints import Boundary, latest_checkpoint, read_rows
from seedmill.storage.journal import Listing, ReadSegment, delete_rolled_up, read_segments, worth_rolling_up
from seedmill.storage.records_by_root import RecordsByRoot
from seedmill.storage.scratch import scratch_place
from seedmill.storage.store import Store

FETCHED_AHEAD = 3
ROOTS_AT_ONCE = 32
"""Root samples that are walked before others of this process get their turn."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """What was found: roots begun and not settled, how many are settled, and the keys of segments that do not count."""

    begun: tuple[RootRecords, ...]
    settled: int
    damaged: tuple[str, ...]


def new_frontier(
    prepared: Prepared,
    decontaminator: Decontaminator,
    predecessor: PublishedOutcomes,
    on_walked: Callable[[WalkedRoot], None],
    index: RowIndex,
) -> Frontier:
    """A frontier at root 0. `index` is empty."""
    recipe, seeds = prepared.recipe, prepared.seeds

    def row_of(leaf: Leaf) -> Row:
        path = leaf.end.sample
        return recipe.row(rebuild(recipe, path, seeds.get(root_index(path)), leaf.chain))

    return Frontier(
        Selection(prepared.limits, recipe.cap, index, row_of, predecessor),
        index,
        decontaminator,
        recipe.block,
        recipe.reads_pool,
        on_walked,
    )


async def resume(
    store: Store,
    journal: JournalWriter,
    frontier: Frontier,
    cfg: str,
    patience: Patience,
    *,
    retry: bool,
    checkpointer: Checkpointer | None = None,
) -> Resumed:
    """Open the journal and fold in what is settled. With `retry`, failed ends are tried anew. Raises StorageError.

    What a checkpoint holds is not walked again, if the journal below it is the one that was folded.
    """
    listing = await patience.storing(journal.open)
    earlier = [attempt for attempt in listing.attempts if attempt != journal.attempt]
    boundaries: tuple[Boundary, ...] = ()
    noted: Mapping[int, int] = {}
    if checkpointer is not None and not (retry and earlier):
        checkpoint = await patience.store(latest_checkpoint, store, journal.run_prefix)
        selection = frontier.selection
        boundaries = usable_boundaries(checkpoint, checkpointer, selection.limits, selection.cap)
        noted = {} if checkpoint is None else checkpoint.sums
    read = await patience.store(_read, store, listing, cfg, boundaries, checkpointer)
    if checkpointer is not None:
        same_below = checkpointer.sums.same_below(noted)
        sound = [each for each in boundaries if each.state.root <= same_below]
        restored = await _restore(store, journal.run_prefix, frontier, sound, patience)
        if len(restored) < len(boundaries):
            read.records.close()
            read = await patience.store(_read, store, listing, cfg, restored, checkpointer)
        checkpointer.begin(journal.attempt, restored)
        frontier.on_step = checkpointer.note_walked
    with closing(read.records) as records:
        await patience.store(delete_rolled_up, store, read.rolled_up)
        journal.roll_up(worth_rolling_up(listing.segments))
        if retry and earlier:
            record = RetryRecord(max(earlier))
            await journal.append([record])
            records.retry(Position(journal.attempt, 0, 0), record)
        begun = await _fold(records, frontier)
    return Resumed(tuple(begun), frontier.selection.next_root + len(frontier.waiting), tuple(read.damaged))


async def _fold(records: RecordsByRoot, frontier: Frontier) -> list[RootRecords]:
    """Settle what is settled; root samples that are not."""
    begun: list[RootRecords] = []
    for number, root in enumerate(records.roots(frontier.selection.predecessor)):
        settled = root.settled()
        if settled is None:
            begun.append(root)
        else:
            frontier.settle(settled)
        if number % ROOTS_AT_ONCE == 0:
            await asyncio.sleep(0)
    frontier.advance()
    return begun


async def _restore(
    store: Store, run_prefix: str, frontier: Frontier, boundaries: Sequence[Boundary], patience: Patience
) -> list[Boundary]:
    """Take over the fold at the last of these boundaries, or at the last one before some rows that are gone."""
    restored: list[Boundary] = []
    fetching = deque[asyncio.Task[bytes | None]]()
    waiting = iter(boundaries)
    try:
        for boundary in boundaries:
            for each in islice(waiting, FETCHED_AHEAD - len(fetching)):
                fetching.append(asyncio.create_task(patience.store(read_rows, store, run_prefix, each)))
            rows = await fetching.popleft()
            if rows is None:
                break
            await asyncio.to_thread(frontier.index.restore, rows)
            restored.append(boundary)
    finally:
        for task in fetching:
            task.cancel()
    if restored:
        state = restored[-1].state
        frontier.selection.go_on_at(state.root, state.tokens, state.counts())
    return restored


@dataclass(slots=True)
class _Read:
    """A journal as it was read. `rolled_up` are segments that lie in a roll-up, which could be read."""

    records: RecordsByRoot
    damaged: list[str] = field(default_factory=list[str])
    rolled_up: list[ReadSegment] = field(default_factory=list[ReadSegment])


def _read(
    store: Store, listing: Listing, cfg: str, restored: Sequence[Boundary], checkpointer: Checkpointer | None
) -> _Read:
    """Read all segments; records of root samples below the last boundary are only counted in the sums."""
    from_root = restored[-1].state.root if restored else 0
    read = _Read(RecordsByRoot(scratch_place(), cfg))
    sums = None if checkpointer is None else checkpointer.sums
    if sums is not None:
        sums.parts.clear()
    try:
        for segment in read_segments(store, listing.segments):
            read.records.add(segment, from_root)
            if sums is not None:
                for number, line in enumerate(segment.lines):
                    sums.add(line.root, Position(segment.ref.attempt, segment.ref.number, number), line.data)
            if segment.damage:
                read.damaged.append(segment.ref.key or segment.ref.rollup)
            elif segment.from_rollup:
                read.rolled_up.append(replace(segment, lines=()))
    except BaseException:
        read.records.close()
        raise
    return read
