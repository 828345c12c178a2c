"""Deletes superseded publications of a run by itself, as `output.retention` says.

It comes last: the run's end is published and written down, so whatever happens here is a remark about the run and never
its end. Only the run's process does it, and it stops where another one has begun to work on the run, or has published.
What a kill leaves, the next process or `seedmill prune` deletes.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from seedmill.spec.output import Retention
from seedmill.storage.expiry import expired, note_retention
from seedmill.storage.journal import list_journal
from seedmill.storage.pruning import delete
from seedmill.storage.retention import Item, Kind
from seedmill.storage.store import StorageError, Store


@dataclass(frozen=True, slots=True)
class Deleted:
    """What went of a run. `trouble` says why more did not that should have, or is empty."""

    publications: int = 0
    datasets: int = 0
    size_bytes: int = 0
    trouble: str = ""


async def note(store: Store, prefix: str, retention: Retention | None) -> None:
    """Tell `seedmill prune`, so far as the store can be written: it is told again before anything is deleted."""
    with suppress(StorageError):
        await asyncio.to_thread(note_retention, store, prefix, retention)


@dataclass(slots=True)
class Expiry:
    """One deletion, by the process that is `attempt` in the journal (empty where it did not open it)."""

    store: Store
    prefix: str
    retention: Retention
    attempt: str
    _gone: list[Item] = field(default_factory=list[Item])
    _cancelled: Event = field(default_factory=Event)

    async def delete(self, is_stopped: Callable[[], bool]) -> Deleted:
        """Delete what the retention lets go, until `is_stopped`. Trouble with the store is told, never raised."""
        try:
            trouble = await asyncio.to_thread(self._delete, lambda: is_stopped() or self._cancelled.is_set())
        except StorageError as error:
            trouble = str(error)
        finally:
            self._cancelled.set()
        kinds = Counter(item.kind for item in self._gone)
        size_bytes = sum(item.size_bytes for item in self._gone)
        return Deleted(kinds[Kind.PUBLICATION], kinds[Kind.DATASET], size_bytes, trouble)

    def _delete(self, is_stopped: Callable[[], bool]) -> str:
        """What is in the way, or empty. Raises StorageError."""
        attempts = list_journal(self.store, self.prefix).attempts
        if self.attempt and max(attempts, default="") > self.attempt:
            return f"another process works on this run (attempt {max(attempts)})"
        note_retention(self.store, self.prefix, self.retention)
        items, heads = expired(self.store, self.prefix, self.retention)

        def may_go_on() -> bool:
            return not is_stopped() and list_journal(self.store, self.prefix).attempts == attempts

        if not delete(self.store, items, heads, self._gone.append, may_go_on):
            return ""
        return "it was stopped" if is_stopped() else "another process works on this run, or has published it"
