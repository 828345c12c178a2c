"""The one writer of a run's journal.

A process names itself `<epoch>-<random>`, writes `open`, and then reads all attempts: so of two that start at the same
time at least one sees the other, and a slow PUT of a process that died cannot land on a successor's key. Records gather
in memory and are flushed together; one PUT is under way at a time, in order, with key and bytes fixed at the first try
(journal rules 5-7). A sample is in flight until its last record is durable, so `append` returns a future.

Nobody else may write here, but an old process may still live. Whoever finds a higher attempt listed is *fenced*: it
takes nothing new. When the journal cannot be listed or flushed, it takes nothing new either, and `blocked` says why.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from seedmill.records.journal import Record, SegmentDamaged, encode_line, pack_segment
from seedmill.storage.journal import (
    ROLLUP_SEGMENTS,
    Listing,
    attempt_name,
    list_journal,
    newer_attempt,
    open_key,
    roll_up,
    segment_key,
)
from seedmill.storage.store import StorageError, Store

FENCE_SECONDS = 2.5
"""A listing at most 5 s old decides whether new work may be taken; listing twice as often leaves room for slow ones."""
LISTING_VALID_SECONDS = 5.0
FLUSH_RECORDS = 256
LONGEST_PAUSE_SECONDS = 10.0


class JournalWriter:
    """Appends records durably. `on_durable` is told of each segment that is: its number, its records, and their lines.

    `linger_seconds` is how long a record may wait for company (directory 0.05, S3 1). `window` is the run's: a flush
    also starts when half of it waits.
    """

    def __init__(
        self,
        store: Store,
        run_prefix: str,
        *,
        linger_seconds: float,
        window: int,
        random_hex: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._store = store
        self.run_prefix = run_prefix
        self._linger = linger_seconds
        self._flush_at = max(1, min(FLUSH_RECORDS, window // 2))
        self._random_hex = random_hex
        self._next_segment = 0
        self._waiting: list[tuple[Record, asyncio.Future[None]]] = []
        self._arrival = asyncio.Event()
        self._closing = False
        self._rolling = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._listed_at = 0.0
        self.attempt = ""
        self.fenced_by = ""
        self.flush_trouble = ""
        self.list_trouble = ""
        self.bytes_written = 0
        self.on_durable: Callable[[int, Sequence[Record], Sequence[bytes]], None] = lambda segment, records, lines: None

    @property
    def blocked(self) -> str:
        """Why nothing new may be taken, or empty."""
        if self.fenced_by:
            return f"another process has taken over this run (attempt {self.fenced_by})"
        return self.trouble

    @property
    def trouble(self) -> str:
        """What is wrong with the store, or empty."""
        if self.flush_trouble:
            return f"the journal cannot be written: {self.flush_trouble}"
        if self.list_trouble and time.monotonic() - self._listed_at > LISTING_VALID_SECONDS:
            return f"the journal cannot be listed: {self.list_trouble}"
        return ""

    async def open(self) -> Listing:
        """Name this attempt, then list what is there (this attempt included). Raises StorageError."""
        before = await asyncio.to_thread(list_journal, self._store, self.run_prefix)
        self.attempt = attempt_name(before.highest_epoch + 1, self._random_hex())
        await asyncio.to_thread(self._store.put, open_key(self.run_prefix, self.attempt), b"")
        listing = await asyncio.to_thread(list_journal, self._store, self.run_prefix)
        self._note_attempts(listing.attempts)
        self._tasks = [asyncio.create_task(self._flush_forever()), asyncio.create_task(self._watch_fence())]
        return listing

    def append(self, records: Sequence[Record]) -> "asyncio.Future[None]":
        """Take records, in order. The future is done when the last of them (and so all) is durable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.extend((record, done) for record in records)
        self._arrival.set()
        return done

    def roll_up(self, ranges: Sequence[tuple[str, int, int]]) -> None:
        """Roll up closed segments in the background. It only saves later reading, so a failure is no trouble."""
        if ranges:
            self._tasks.append(asyncio.create_task(self._roll_up(ranges)))

    async def close(self) -> None:
        """Flush what waits, then stop. Waits as long as the store is away; cancel to give up."""
        self._closing = True
        self._arrival.set()
        if self._tasks:
            flusher, *others = self._tasks
            await flusher
            for task in others:
                task.cancel()

    def abandon(self) -> None:
        """Stop at once; what waits is lost (and will be made again)."""
        for task in self._tasks:
            task.cancel()

    async def _flush_forever(self) -> None:
        while True:
            await self._arrival.wait()
            await self._gather_company()
            batch, self._waiting = self._waiting, []
            self._arrival.clear()
            if batch:
                await self._put(batch)
            if self._closing and not self._waiting:
                return
            if self._waiting:
                self._arrival.set()

    async def _gather_company(self) -> None:
        deadline = time.monotonic() + self._linger
        while not self._closing and len(self._waiting) < self._flush_at:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return
            self._arrival.clear()
            try:
                await asyncio.wait_for(self._arrival.wait(), remaining)
            except TimeoutError:
                return

    async def _put(self, batch: list[tuple[Record, "asyncio.Future[None]"]]) -> None:
        number = self._next_segment
        key = segment_key(self.run_prefix, self.attempt, number)
        segment = _Segment([record for record, _ in batch])
        self._next_segment += 1
        pause = 0.1
        while True:
            try:
                await asyncio.to_thread(segment.put, self._store, key)
                break
            except StorageError as error:
                self.flush_trouble = str(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        self.flush_trouble = ""
        self.bytes_written += len(segment.data)
        self.on_durable(number, segment.records, segment.lines)
        for _, done in batch:
            if not done.done():
                done.set_result(None)
        if self._next_segment % ROLLUP_SEGMENTS == 0:
            self.roll_up([(self.attempt, self._next_segment - ROLLUP_SEGMENTS, self._next_segment - 1)])

    async def _roll_up(self, ranges: Sequence[tuple[str, int, int]]) -> None:
        for attempt, first, last in ranges:
            async with self._rolling:  # one at a time: each is in memory
                with suppress(StorageError, SegmentDamaged):
                    await asyncio.to_thread(roll_up, self._store, self.run_prefix, attempt, first, last)

    async def _watch_fence(self) -> None:
        while True:
            await asyncio.sleep(FENCE_SECONDS)
            try:
                newer = await asyncio.to_thread(newer_attempt, self._store, self.run_prefix, self.attempt)
                self._note_attempts([newer] if newer else [])
                self.list_trouble = ""
            except StorageError as error:
                self.list_trouble = str(error)

    def _note_attempts(self, attempts: Sequence[str]) -> None:
        self._listed_at = time.monotonic()
        highest = max(attempts, default="")
        if highest > self.attempt:
            self.fenced_by = highest


class _Segment:
    """Records on their way to the store. They are encoded once, off the loop: a retry puts the same bytes (rule 6)."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.lines: list[bytes] = []
        self.data = b""

    def put(self, store: Store, key: str) -> None:
        """Raises StorageError."""
        if not self.data:
            self.lines = [encode_line(record) for record in self.records]
            self.data = pack_segment(self.lines)
        store.put(key, self.data)
