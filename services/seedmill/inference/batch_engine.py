"""The engine `openai-batch`: prompts by the thousand to a provider's Batch API, at half the price, within 24 hours.

Prompts are gathered until none has come for a while, or as many as a batch may hold have; then the batch is handed in
and asked after until it has ended. Each prompt waits for its own line.

A batch is paid for, so three things must not make it be asked for twice. A caller that goes away may come back: calls
have a deadline of hours, runs are restarted. So a batch goes on without anyone who waits, and is cancelled at the
provider only after `abandon_seconds`. This process may end: then its batches go on at the provider, and the next
process finds them by their metadata, and their prompts by the ids in their input files. And a connection may break just
when a batch is handed in: then it is looked for before it is handed in again.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import structlog

from seedmill.inference.answers import Answer
from seedmill.inference.batch_lines import (
    BatchError,
    Line,
    Reply,
    answer_of,
    custom_ids,
    line_of,
    read_replies,
    without_reply,
)
from seedmill.inference.batch_provider import BatchProvider, ProvidersBatch, State
from seedmill.inference.dialect import Dialect, simpler
from seedmill.inference.endpoint_names import BatchName
from seedmill.inference.openai_engine import OpenAiEngine
from seedmill.inference.refusals import Refusal, error_of
from seedmill.inference.retry import Kind, Trouble
from seedmill.records.generation import GenerationRequest
from seedmill.serving.errors import ItemError, ServiceError

KEPT_SECONDS = 26 * 3600.0
"""How long ago a batch may have been handed in to be looked at again: its window, and a little."""

log = structlog.get_logger("seedmill.inference")


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is handed in, and how it is asked after. Sizes are OpenAI's bounds."""

    most_prompts: int = 50_000
    most_bytes: int = 190 << 20
    quiet_seconds: float = 5.0
    """It is handed in when no prompt has come for so long."""
    longest_gathering_seconds: float = 60.0
    first_poll_seconds: float = 5.0
    longest_poll_seconds: float = 60.0
    abandon_seconds: float = 600.0
    """How long it goes on, and is kept, with nobody waiting for it."""
    look_seconds: float = 60.0
    """How often, at most, the provider is asked for batches of other processes."""


@dataclass(eq=False, slots=True)
class _Batch:
    """One batch, from its first prompt until nobody wants its replies any more.

    `ended` gives the replies, or the error that concerns all of it. `ours`: this process handed it in.
    """

    ended: "asyncio.Future[dict[str, Reply]]"
    ours: bool = True
    lines: dict[str, bytes] = field(default_factory=dict[str, bytes])
    ids: set[str] = field(default_factory=set[str])
    size_bytes: int = 0
    gathering: bool = True
    changed_at: float = 0.0
    full: asyncio.Event = field(default_factory=asyncio.Event)
    waiters: Counter[str] = field(default_factory=Counter[str])
    deserted_at: float = 0.0
    errors: tuple[BatchError, ...] = ()


class BatchEngine:
    """Made inside the event loop that uses it, ended with `close`; batches that are under way stay so."""

    def __init__(self, name: BatchName, key: str | None = None, limits: BatchLimits | None = None) -> None:
        self._name = name
        self._key = key
        self._limits = limits or BatchLimits()
        self._server = OpenAiEngine(name.base_url, key)
        self._provider = BatchProvider(name.base_url, key)
        self._dialect = Dialect()
        self._models: list[str] = []
        self._gathering: dict[tuple[str, str], _Batch] = {}
        self._by_id: dict[str, _Batch] = {}
        self._seen: set[str] = set()
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._lives: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Forget what is under way: it goes on at the provider, where the next process finds it."""
        under_way = [*self._lives, *([self._looking] if self._looking is not None else [])]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._provider.close()
        await self._server.close()

    async def list_models(self) -> list[str]:
        """What the provider lists. Raises Unavailable and Misconfigured."""
        self._models = await self._server.list_models()
        return self._models

    async def attempt(self, request: GenerationRequest) -> Answer:
        """Wait for the prompt's line, for as long as a day. Raises Trouble, ItemError, Misconfigured."""
        line = line_of(request, self._dialect)
        await self._look_for_others()
        batch = self._by_id.get(line.custom_id) or self._gather(line)
        async with self._waiting(batch, line.custom_id):
            replies = await asyncio.shield(batch.ended)
        reply = replies.get(line.custom_id)
        try:
            if reply is None:
                raise without_reply(line, list(batch.lines), batch.errors, self._name.base_url, self._models)
            return self._answer(reply, request)
        except (Trouble, ItemError):
            self._by_id.pop(line.custom_id, None)  # asked again, it is another line
            raise

    def _answer(self, reply: Reply, request: GenerationRequest) -> Answer:
        url = self._name.base_url
        said = answer_of(reply, request, url)
        if not isinstance(said, Refusal):
            return said
        if self._key:  # some servers repeat it
            said = replace(said, message=said.message.replace(self._key, "[key]"))
        other = simpler(self._dialect, said, len(request.prompt.stop))
        if other is not None:
            self._dialect = other
            raise Trouble(Kind.FAILED, f"{url} refuses a parameter and is asked without it: {said.message}")
        raise error_of(said, url, request.call.model, self._models, with_key=bool(self._key))

    def _gather(self, line: Line) -> _Batch:
        """Put the line into the batch that is being gathered for its lane, or begin one."""
        loop = asyncio.get_running_loop()
        batch = self._gathering.get(line.lane)
        if batch is not None and batch.size_bytes + len(line.raw) > self._limits.most_bytes:
            batch.full.set()
            batch = None
        if batch is None:
            batch = self._gathering[line.lane] = _Batch(loop.create_future())
            self._begin(self._hand_in(batch, line.lane), batch)
        batch.lines[line.custom_id] = line.raw
        batch.ids.add(line.custom_id)
        batch.size_bytes += len(line.raw)
        batch.changed_at = loop.time()
        self._by_id[line.custom_id] = batch
        if len(batch.lines) >= self._limits.most_prompts:
            batch.full.set()
            self._gathering.pop(line.lane, None)
        return batch

    @asynccontextmanager
    async def _waiting(self, batch: _Batch, custom_id: str) -> AsyncGenerator[None]:
        """Count who waits. A line that nobody waits for is not handed in."""
        batch.waiters[custom_id] += 1
        try:
            yield
        finally:
            batch.waiters[custom_id] -= 1
            if not batch.waiters[custom_id]:
                del batch.waiters[custom_id]
                if batch.gathering and (raw := batch.lines.pop(custom_id, None)) is not None:
                    batch.ids.discard(custom_id)
                    batch.size_bytes -= len(raw)
                    self._by_id.pop(custom_id, None)
            if not batch.waiters:
                batch.deserted_at = asyncio.get_running_loop().time()

    def _begin(self, life: Coroutine[None, None, None], batch: _Batch) -> None:
        batch.ended.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # waiters may have gone
        task = asyncio.create_task(self._live(life, batch))
        self._lives.add(task)
        task.add_done_callback(self._lives.discard)

    async def _live(self, life: Coroutine[None, None, None], batch: _Batch) -> None:
        """A batch's life, and what is left of it for those who come back."""
        try:
            await life
            await self._until_deserted(batch)
        except (Trouble, ServiceError) as error:
            batch.ended.set_exception(error)
        finally:
            if not batch.ended.done():
                batch.ended.set_exception(Trouble(Kind.UNREACHABLE, f"{self._name} is being closed"))
            for custom_id in batch.ids:
                if self._by_id.get(custom_id) is batch:
                    del self._by_id[custom_id]

    async def _hand_in(self, batch: _Batch, lane: tuple[str, str]) -> None:
        await self._gathered(batch)
        batch.gathering = False
        if self._gathering.get(lane) is batch:
            del self._gathering[lane]
        if not batch.lines:
            batch.ended.set_result({})
            return
        file_id = await self._provider.upload(b"".join(batch.lines.values()))
        handed_in = await self._create(file_id, lane[0])
        self._seen.add(handed_in.id)
        log.info("batch handed in", batch=handed_in.id, prompts=len(batch.lines), model=lane[1])
        batch.lines = dict.fromkeys(batch.lines, b"")  # their order is enough from here on
        await self._until_ended(batch, handed_in)

    async def _gathered(self, batch: _Batch) -> None:
        """Return when it is full, or nothing has come for a while."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not batch.full.is_set():
            now = loop.time()
            until = min(batch.changed_at + self._limits.quiet_seconds, began + self._limits.longest_gathering_seconds)
            if batch.changed_at and now >= until:
                return
            try:
                async with asyncio.timeout(max(0.01, until - now)):
                    await batch.full.wait()
            except TimeoutError:
                continue

    async def _create(self, file_id: str, route: str) -> ProvidersBatch:
        try:
            return await self._provider.create(file_id, route)
        except Trouble as trouble:
            if trouble.kind in (Kind.UNREACHABLE, Kind.REFUSED):
                raise
            # It may have been handed in all the same.
            for other in await self._provider.since(time.time() - KEPT_SECONDS):
                if other.input_file == file_id:
                    return other
            raise

    async def _until_ended(self, batch: _Batch, known: ProvidersBatch) -> None:
        """Ask after it until it has ended; a connection that breaks meanwhile changes nothing."""
        pause = self._limits.first_poll_seconds
        while True:
            try:
                known = await self._provider.state_of(known.id)
                if known.state is not State.UNDER_WAY:
                    replies = await self._replies(known)
                    break
                if batch.ours and self._is_deserted(batch):
                    await self._provider.cancel(known.id)
                    log.info("batch cancelled: nobody waits for it", batch=known.id)
                    raise ItemError("Cancelled", f"{self._name}: nobody waited for batch {known.id}")
            except Trouble as trouble:
                log.warning("batch not reached; asked again", batch=known.id, message=trouble.message)
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, self._limits.longest_poll_seconds)
        log.info("batch ended", batch=known.id, state=known.state, replies=len(replies))
        batch.errors = known.errors
        batch.ended.set_result(replies)

    async def _until_deserted(self, batch: _Batch) -> None:
        while True:
            if self._is_deserted(batch):
                return
            await asyncio.sleep(self._limits.abandon_seconds / 4)

    def _is_deserted(self, batch: _Batch) -> bool:
        now = asyncio.get_running_loop().time()
        return not batch.waiters and now - batch.deserted_at > self._limits.abandon_seconds

    async def _replies(self, ended: ProvidersBatch) -> dict[str, Reply]:
        replies: dict[str, Reply] = {}
        for file_id in (ended.error_file, ended.output_file):
            if file_id:
                replies |= read_replies(await self._provider.content(file_id))
        return replies

    async def _look_for_others(self) -> None:
        """Take up batches that another process handed in, so that their prompts are not paid for again.

        Those who want to know at the same time share the question, and its failure.
        """
        if asyncio.get_running_loop().time() - self._looked_at < self._limits.look_seconds:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        await asyncio.shield(self._looking)

    async def _look(self) -> None:
        for other in await self._provider.since(time.time() - KEPT_SECONDS):
            alive = other.state in (State.UNDER_WAY, State.COMPLETED)
            if other.ours and alive and other.id not in self._seen:
                await self._take_up(other)
        self._looked_at = asyncio.get_running_loop().time()

    async def _take_up(self, other: ProvidersBatch) -> None:
        ids = custom_ids(await self._provider.content(other.input_file))
        self._seen.add(other.id)
        loop = asyncio.get_running_loop()
        batch = _Batch(loop.create_future(), ours=False, ids=ids, gathering=False, deserted_at=loop.time())
        for custom_id in ids:
            self._by_id.setdefault(custom_id, batch)
        log.info("batch of another process taken up", batch=other.id, prompts=len(ids))
        self._begin(self._until_ended(batch, other), batch)
