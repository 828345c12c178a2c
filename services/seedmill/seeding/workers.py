"""A few child processes that parse documents (`worker.py`), used by as many threads.

Children are started afresh (`spawn` in spirit: the service has gRPC loaded and must not fork). When one dies the
document that it was at is counted, as `slow` or `crashed`, and the rest of its batch goes to its successor.
"""

import contextlib
import os
import queue
import selectors
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from seedmill.records.seed import Seed
from seedmill.seeding.documents import Document
from seedmill.seeding.extraction import Task
from seedmill.seeding.frames import pack_document, pack_task, read_frame, unpack_seed, write_frame
from seedmill.seeding.worker import TIMER_SIGNAL

_WALL_PER_CPU_SECOND = 12.0
_START_SECONDS = 60.0


@dataclass(slots=True)
class BatchResult:
    """What a batch of documents gave: seeds with their duplicate keys, counts as in `Extracted`."""

    documents: int
    seeds: list[tuple[str, Seed]] = field(default_factory=list[tuple[str, Seed]])
    skipped: Counter[str] = field(default_factory=Counter[str])
    changed: Counter[str] = field(default_factory=Counter[str])


class Workers:
    """`count` children for one task; a context manager that ends them. Raises RuntimeError when none can start."""

    def __init__(self, task: Task, count: int) -> None:
        self._count = count
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="seeding")
        self._idle: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        self._children = [_Child(task) for _ in range(count)]
        for child in self._children:
            self._idle.put(child)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.end()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def extract(self, batches: Iterable[Sequence[Document]]) -> Iterator[BatchResult]:
        """The result of each batch, in the order in which they end. Takes batches only as fast as they are done."""
        running: set[Future[BatchResult]] = set()
        for batch in batches:
            running.add(self._threads.submit(self._extract, batch))
            if len(running) > 2 * self._count:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)

    def _extract(self, batch: Sequence[Document]) -> BatchResult:
        result = BatchResult(len(batch))
        child = self._idle.get()
        try:
            rest = list(batch)
            while rest:
                answered = 0
                for answer in child.ask(rest):
                    answered += 1
                    if isinstance(answer, str):
                        result.skipped[answer] += 1
                    else:
                        seeds, skipped, changed = answer
                        result.seeds += [(key, unpack_seed(seed)) for key, seed in seeds]
                        result.skipped.update(skipped)
                        result.changed.update(changed)
                rest = rest[answered:]
        finally:
            self._idle.put(child)
        return result


class _Child:
    """One child process, started when it is asked first and after each death."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def ask(self, documents: Sequence[Document]) -> Iterator[Any]:
        """An answer for each document in order; after a string (why the child died) no more come."""
        process = self._running()
        with contextlib.suppress(BrokenPipeError):  # it died before; what follows counts it
            write_frame(_pipe(process.stdin), [pack_document(document) for document in documents])
        limit_seconds = self._task.limits.parse_cpu_seconds * _WALL_PER_CPU_SECOND
        for _ in documents:
            answer = _answer(process, limit_seconds)
            if answer is None:
                yield self._why_dead(process)
                return
            yield answer

    def end(self) -> None:
        """Kill the child; a thread that waits for it sees it dead, and starts no other."""
        self._ended = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._ended:
            raise RuntimeError("the collection was stopped")
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-m", "seedmill.seeding.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                start_new_session=True,  # Ctrl-C is for the service, which ends its children itself
            )
            write_frame(_pipe(self._process.stdin), pack_task(self._task))
            if _answer(self._process, _START_SECONDS) != "ready":
                raise RuntimeError("a worker of the seeding service does not start; its error is in the service's log")
        return self._process

    def _why_dead(self, process: "subprocess.Popen[bytes]") -> str:
        killed = process.poll() is None
        if killed:
            try:
                process.wait(1.0)  # its pipe closed a moment before it ended
                killed = False
            except subprocess.TimeoutExpired:
                process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                _pipe(pipe).close()
        self._process = None
        return "slow" if killed or code == -TIMER_SIGNAL else "crashed"


def _answer(process: "subprocess.Popen[bytes]", limit_seconds: float) -> Any:
    """The next answer, or None when the child died or says nothing for so long."""
    return read_frame(cast("BinaryIO", _Timed(_pipe(process.stdout), limit_seconds)))


class _Timed:
    """Reads an unbuffered pipe; what does not come in time reads as its end."""

    def __init__(self, pipe: BinaryIO, limit_seconds: float) -> None:
        self._pipe = pipe
        self._limit_seconds = limit_seconds

    def read(self, size: int) -> bytes:
        data = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            while len(data) < size and selector.select(self._limit_seconds):
                if not (more := self._pipe.read(size - len(data))):
                    break
                data += more
        return data


def _pipe(stream: Any) -> BinaryIO:
    return cast("BinaryIO", stream)
