"""Deletes what `retention` says may go, one item after the other, in an order that may be cut off anywhere.

What a run has published may have changed since it was looked at: where HEAD.json is another one by now, nothing more of
that run is deleted, for what was superseded then may be what was published just now. It is read before each object; a
publisher whose dataset was being deleted when it found it there finds that out behind its HEAD.json, and writes it anew
(`aggregation/publish.py`). Segments go only where they were just read from their roll-up.
"""

from collections.abc import Callable, Iterable

from seedmill.storage.journal import delete_rolled_up, read_segments
from seedmill.storage.retention import HEAD_FILE, Item, Kind
from seedmill.storage.store import ObjectMissing, Store


def heads_of(store: Store, runs: Iterable[str]) -> dict[str, bytes]:
    """HEAD.json of each of these runs as it is now; empty where there is none. Raises StorageError."""
    return {run: _head(store, run) for run in runs}


def delete(
    store: Store,
    items: Iterable[Item],
    heads: dict[str, bytes],
    done: Callable[[Item], None],
    may_go_on: Callable[[], bool] = lambda: True,
) -> list[Item]:
    """Delete the items of runs whose HEAD.json is still the one in `heads`; the others are given back.

    `done` is told of each that is gone, `may_go_on` is asked before each. Raises StorageError: what was deleted by then
    is, and the rest can be later.
    """
    left: list[Item] = []
    for item in items:
        if may_go_on() and _delete(store, item, heads):
            done(item)
        else:
            left.append(item)
    return left


def _delete(store: Store, item: Item, heads: dict[str, bytes]) -> bool:
    """Whether all of it is gone now; not when its run has published meanwhile."""

    def is_as_it_was() -> bool:
        return not item.run or item.kind is Kind.RUN or _head(store, item.run) == heads[item.run]

    if item.kind is Kind.SEGMENTS:
        if is_as_it_was():
            delete_rolled_up(store, list(read_segments(store, item.segments)))
            return True
        return False
    for key in item.keys:
        if not is_as_it_was():
            return False
        store.delete(key)
    return True


def _head(store: Store, run: str) -> bytes:
    try:
        return store.get(f"{run}/{HEAD_FILE}")
    except ObjectMissing:
        return b""
