"""Single items in, one long call for all of them.

Thousands of samples each ask for one completion, and a message costs as much as the rest of a row. Items that arrive
within a few milliseconds share a request, and all results of a replica come back in one stream, so that those of many
requests share a response. A call takes items for a minute, then the next one does, and the old one ends with its last
result: connections and replicas change, and no call outlives what servers allow.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import grpc

from seedmill.serving.batching import deliver
from seedmill.serving.channel import Channels
from seedmill.serving.errors import ServiceError, Unavailable
from seedmill.serving.status import from_rpc_error

Item = TypeVar("Item")
Result = TypeVar("Result")

TALK_SECONDS = 60.0


class Call(Protocol):
    """What of a bidirectional call of grpc.aio is used."""

    def __aiter__(self) -> AsyncIterator[Any]: ...

    async def write(self, request: Any) -> None: ...

    async def done_writing(self) -> None: ...

    def cancel(self) -> bool: ...


class Language(ABC, Generic[Item, Result]):
    """How a service is talked to."""

    @abstractmethod
    def open(self, channel: grpc.aio.Channel) -> Call:
        """Begin a call."""

    @abstractmethod
    def request(self, items: Sequence[tuple[str, Item]], given_up: Sequence[str]) -> Any:
        """The message with these items, and with ids of earlier ones that nobody waits for any more."""

    @abstractmethod
    def response(self, message: Any) -> tuple[Sequence[tuple[str, Result | ServiceError]], bool]:
        """What a message says of items by id, and whether the replica is about to stop."""


class Conversation(Generic[Item, Result]):
    """Gives each item to one of the service's replicas, in turn.

    A request is sent when `max_items` wait, or `linger_seconds` after the first of them. How many items are in flight
    is the submitters' affair. Made inside the event loop that uses it, ended with `close`.
    """

    def __init__(
        self,
        channels: Channels,
        language: Language[Item, Result],
        max_items: int = 64,
        linger_seconds: float = 0.002,
        talk_seconds: float = TALK_SECONDS,
    ) -> None:
        self._channels = channels
        self._language = language
        self._max_items = max_items
        self._linger_seconds = linger_seconds
        self._talk_seconds = talk_seconds
        self._waiting: dict[str, tuple[Item, asyncio.Future[Result]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._talks: dict[grpc.aio.Channel, _Talk[Item, Result]] = {}
        self._running: dict[asyncio.Task[None], _Talk[Item, Result]] = {}
        self._next_id = 0

    async def submit(self, item: Item) -> Result:
        """The item's result. Raises its ServiceError, Unavailable when the call ended before there was one.

        Cancelling gives the item up, at the service too.
        """
        loop = asyncio.get_running_loop()
        self._next_id += 1
        item_id = f"{self._next_id:x}"
        result: asyncio.Future[Result] = loop.create_future()
        self._waiting[item_id] = (item, result)
        if len(self._waiting) >= self._max_items:
            self._send()
        elif self._timer is None:
            self._timer = loop.call_later(self._linger_seconds, self._send)
        try:
            return await result
        except asyncio.CancelledError:
            if self._waiting.pop(item_id, None) is None:
                for talk in self._running.values():
                    talk.give_up(item_id)
            raise

    async def close(self) -> None:
        """Cancel every call and those who wait for it."""
        waiting, self._waiting = self._waiting, {}
        for _, result in waiting.values():
            result.cancel()
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, {}
        if waiting:
            self._talk(self._channels.pick()).say(waiting)

    def _talk(self, channel: grpc.aio.Channel) -> "_Talk[Item, Result]":
        """The call of this channel that takes items now."""
        talk = self._talks.get(channel)
        if talk is not None and talk.takes_items:
            if time.monotonic() - talk.began < self._talk_seconds:
                return talk
            talk.finish()
        talk = self._talks[channel] = _Talk(self._language, channel, self._max_items)
        task = asyncio.create_task(talk.run())
        self._running[task] = talk
        task.add_done_callback(self._ended)
        return talk

    def _ended(self, task: "asyncio.Task[None]") -> None:
        talk = self._running.pop(task)
        if self._talks.get(talk.channel) is talk:
            del self._talks[talk.channel]


class _Talk(Generic[Item, Result]):
    """One call: what is still to be said in it, and who waits for what it says."""

    def __init__(self, language: Language[Item, Result], channel: grpc.aio.Channel, max_items: int) -> None:
        self.channel = channel
        self.began = time.monotonic()
        self.takes_items = True
        self._language = language
        self._max_items = max_items
        self._results: dict[str, asyncio.Future[Result]] = {}
        self._unsaid: list[tuple[str, Item]] = []
        self._given_up: list[str] = []
        self._news = asyncio.Event()

    def say(self, items: "Mapping[str, tuple[Item, asyncio.Future[Result]]]") -> None:
        """Give these items to the service."""
        for item_id, (item, result) in items.items():
            self._unsaid.append((item_id, item))
            self._results[item_id] = result
        self._news.set()

    def give_up(self, item_id: str) -> None:
        """Nobody waits for this item any more, if it is one of this call."""
        if self._results.pop(item_id, None) is not None:
            self._given_up.append(item_id)
            self._news.set()

    def finish(self) -> None:
        """Say nothing more; the results of what was said still come."""
        self.takes_items = False
        self._news.set()

    async def run(self) -> None:
        """Talk until both sides have said all. Whoever still waits then learns why there is no result."""
        call = self._language.open(self.channel)
        writing = asyncio.create_task(self._write(call))
        error: Exception = Unavailable("ResultMissing", "the service ended before it gave a result")
        try:
            async for message in call:
                self._hear(message)
        except grpc.RpcError as raised:
            error = from_rpc_error(raised)
        except asyncio.CancelledError:
            for result in self._results.values():
                result.cancel()
            raise
        except Exception as raised:
            error = raised
        finally:
            self.takes_items = False
            writing.cancel()
            call.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            for result in self._results.values():
                if not result.done():
                    result.set_exception(error)

    def _hear(self, message: Any) -> None:
        outcomes, closing = self._language.response(message)
        if closing:
            self.finish()
        for item_id, outcome in outcomes:
            deliver(self._results.pop(item_id, None), outcome)

    async def _write(self, call: Call) -> None:
        """Say what there is to say. A call that cannot be written to any more says why to who reads it."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._unsaid or self._given_up:
                    items, self._unsaid = self._unsaid[: self._max_items], self._unsaid[self._max_items :]
                    given_up, self._given_up = self._given_up, []
                    await call.write(self._language.request(items, given_up))
                if not self.takes_items:
                    await call.done_writing()
                    return
        except (grpc.RpcError, asyncio.InvalidStateError):
            return
