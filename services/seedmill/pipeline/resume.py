"""From what the journal holds to a frontier that goes on behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seedmill.filters.decontamination import Decontaminator
from seedmill.filters.similarity import RowIndex
from seedmill.pipeline.frontier import Frontier
from seedmill.pipeline.journal_writer import JournalWriter
from seedmill.pipeline.patience import Patience
from seedmill.pipeline.preparation import Prepared
from seedmill.recipes.rebuild import rebuild
from seedmill.records.journal import RetryRecord, root_index
from seedmill.records.resolution import JournalIndex, Leaf, RootRecords
from seedmill.records.row import Row
from seedmill.records.selection import PublishedOutcome, Selection, WalkedRoot
from seedmill.storage.journal import delete_rolled_up, read_segments, worth_rolling_up
from seedmill.storage.store import Store


@dataclass(frozen=True, slots=True)
class Resumed:
    """What was found: roots begun and not settled, how many are settled, and the keys of segments that do not count."""

    begun: tuple[RootRecords, ...]
    settled: int
    damaged: tuple[str, ...]


def new_frontier(
    prepared: Prepared,
    decontaminator: Decontaminator,
    predecessor: Mapping[str, PublishedOutcome],
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
    store: Store, journal: JournalWriter, frontier: Frontier, cfg: str, patience: Patience, *, retry: bool
) -> Resumed:
    """Open the journal and fold in what is settled. With `retry`, failed ends are tried anew. Raises StorageError."""
    listing = await patience.storing(journal.open)
    index = JournalIndex(cfg)
    damaged: list[str] = []
    read = await patience.store(lambda: list(read_segments(store, listing.segments)))
    await patience.store(delete_rolled_up, store, read)
    journal.roll_up(worth_rolling_up(listing.segments))
    for segment in read:
        if segment.damage:
            damaged.append(segment.ref.key or segment.ref.rollup)
        index.add(segment.ref.attempt, segment.ref.number, segment.records)
    earlier = [attempt for attempt in listing.attempts if attempt != journal.attempt]
    if retry and earlier:
        record = RetryRecord(max(earlier))
        await journal.append([record])
        index.add(journal.attempt, 0, [record])
    index.finish({path: outcome.end for path, outcome in frontier.selection.predecessor.items()})
    begun: list[RootRecords] = []
    for root in index.roots():
        settled = root.settled()
        if settled is None:
            begun.append(root)
        else:
            frontier.settle(settled)
    frontier.advance()
    return Resumed(tuple(begun), frontier.selection.next_root + len(frontier.waiting), tuple(damaged))
