"""Single items in, batches on the wire.

Thousands of samples each ask for one completion or one verdict; an RPC for each would cost more than the work. Items
that arrive within a few milliseconds share a call, and each submitter gets its own result as soon as it streams in.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from seedmill.serving.errors import ServiceError, Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


def deliver(waiter: "asyncio.Future[Result] | None", outcome: Result | ServiceError) -> None:
    """Give an item's outcome to who waits for it, if somebody still does."""
    if waiter is None or waiter.done():
        return
    if isinstance(outcome, ServiceError):
        waiter.set_exception(outcome)
    else:
        waiter.set_result(outcome)


@dataclass(slots=True)
class _Batch(Generic[Item, Result]):
    """What goes into one call: items by id, and who waits for them."""

    items: dict[str, Item] = field(default_factory=dict[str, Item])
    waiters: "dict[str, asyncio.Future[Result]]" = field(default_factory=dict[str, "asyncio.Future[Result]"])
    task: "asyncio.Task[None] | None" = None


class Batcher(Generic[Item, Result]):
    """`call(batch)` gets `(id, item)` pairs and yields `(id, result or ServiceError)` in any order, one for each.

    A batch is sent when it has `max_items`, or `linger_seconds` after its first item. Batches run beside each other:
    how many items are in flight is the submitters' affair.
    """

    def __init__(
        self,
        call: Callable[[list[tuple[str, Item]]], AsyncIterator[tuple[str, Result | ServiceError]]],
        max_items: int = 256,
        linger_seconds: float = 0.002,
    ) -> None:
        self._call = call
        self._max_items = max_items
        self._linger_seconds = linger_seconds
        self._open: _Batch[Item, Result] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_id = 0

    async def submit(self, item: Item) -> Result:
        """The item's result. Raises its ServiceError, or what the call raised before this item had its result.

        Cancelling takes the item out of a batch that was not sent; of one that was sent the others go on, and the call
        is cancelled when nobody waits for it any more.
        """
        loop = asyncio.get_running_loop()
        batch = self._open
        if batch is None:
            batch = self._open = _Batch()
            self._timer = loop.call_later(self._linger_seconds, self._send)
        self._next_id += 1
        item_id = f"{self._next_id:x}"
        waiter: asyncio.Future[Result] = loop.create_future()
        batch.items[item_id] = item
        batch.waiters[item_id] = waiter
        if len(batch.items) >= self._max_items:
            self._send()
        try:
            return await waiter
        except asyncio.CancelledError:
            self._give_up(batch, item_id)
            raise

    async def close(self) -> None:
        """Cancel every batch and those who wait for it."""
        if self._open is not None:
            self._send()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _send(self) -> None:
        batch, self._open = self._open, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if batch is None or not batch.items:
            return
        batch.task = asyncio.create_task(self._run(batch))
        self._tasks.add(batch.task)
        batch.task.add_done_callback(lambda task: self._ended(batch, task))

    def _give_up(self, batch: _Batch[Item, Result], item_id: str) -> None:
        batch.waiters.pop(item_id, None)
        if batch.task is None:
            batch.items.pop(item_id, None)
        elif not batch.waiters:
            batch.task.cancel()

    async def _run(self, batch: _Batch[Item, Result]) -> None:
        pairs = list(batch.items.items())
        batch.items = {}  # the prompts and programs: the call holds them while it needs them
        async for item_id, outcome in self._call(pairs):
            deliver(batch.waiters.pop(item_id, None), outcome)

    def _ended(self, batch: _Batch[Item, Result], task: "asyncio.Task[None]") -> None:
        """Whoever still waits learns why there is no result."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        for waiter in batch.waiters.values():
            if waiter.done():
                continue
            if task.cancelled():
                waiter.cancel()
            else:
                waiter.set_exception(error or Unavailable("ResultMissing", "the service ended before it gave a result"))
        batch.waiters.clear()
