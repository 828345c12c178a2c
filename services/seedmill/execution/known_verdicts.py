"""Verdicts that need no run: of a program that is asked for twice at a time, or that was judged before.

Two things, kept apart. A *key* names a request: who asks again after a broken call gets what the first call started or
found, whatever it was, unless that was `infra`. The *cache* knows programs: what was judged before, for whomever, under
the same language, environment, limits, isolation and kind of verdict, is not judged again. It holds facts about
programs only: how they end under a load or on a full machine (timeout, memory, SIGKILL, infra) is none.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import sha256

from seedmill.execution import metrics
from seedmill.records.verdict import Program, Status, Verdict

CACHE_BYTES = 64 << 20
KEYS = 2_000
"""Ended ones that are kept: far more than a client can have asked for when its connection broke."""

OVERHEAD_BYTES = 1_000
"""Of one verdict in memory, beside its texts."""

FACTS = frozenset((Status.PASS, Status.FAIL, Status.ERROR, Status.OUTPUT, Status.INCOMPLETE, Status.VACUOUS))


def fingerprint(program: Program, environment_digest: str) -> bytes:
    """What a verdict depends on, of the program's side. The id is not in it."""
    digest = sha256()
    for part in (
        program.language,
        program.solution,
        program.tests,
        environment_digest,
        program.verdict,
        program.isolation,
        repr((float(program.timeout_seconds), program.memory_bytes)),
    ):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()


class VerdictCache:
    """The verdicts of last use, at most `size_bytes` of them; 0 keeps none."""

    def __init__(self, size_bytes: int = CACHE_BYTES) -> None:
        self._size_bytes = size_bytes
        self._verdicts: OrderedDict[bytes, Verdict] = OrderedDict()
        self.used_bytes = 0

    def get(self, known_by: bytes, program_id: str) -> Verdict | None:
        """The verdict, under this program's id."""
        verdict = self._verdicts.get(known_by)
        if verdict is None:
            return None
        self._verdicts.move_to_end(known_by)
        metrics.known.labels("cache").inc()
        return replace(verdict, id=program_id, cached=True)

    def put(self, known_by: bytes, verdict: Verdict) -> None:
        """Keep it if it is a fact."""
        size = _size(verdict)
        if not is_fact(verdict) or size > self._size_bytes:
            return
        if (old := self._verdicts.pop(known_by, None)) is not None:
            self.used_bytes -= _size(old)
        self._verdicts[known_by] = verdict
        self.used_bytes += size
        while self.used_bytes > self._size_bytes:
            _, oldest = self._verdicts.popitem(last=False)
            self.used_bytes -= _size(oldest)


class Keys:
    """Programs by key: those that run, and those that ended lately."""

    def __init__(self, most: int = KEYS, size_bytes: int = CACHE_BYTES) -> None:
        self._most = most
        self._size_bytes = size_bytes
        self._used_bytes = 0
        self._running: dict[tuple[str, str, bytes], _Shared] = {}
        self._ended: OrderedDict[tuple[str, str, bytes], Verdict] = OrderedDict()

    async def once(
        self, run: str, key: str, known_by: bytes, judge: Callable[[], Awaitable[Verdict]]
    ) -> tuple[Verdict, bool]:
        """What `judge` gave under this key, and whether it was not run for this call.

        The same key with another program is another program. It is cancelled when nobody waits for it any more.
        """
        if not key:
            return await judge(), False
        name = (run, key, known_by)
        if (ended := self._ended.get(name)) is not None:
            metrics.known.labels("key").inc()
            return ended, True
        shared = self._running.get(name)
        joined = shared is not None
        if shared is None:
            task = asyncio.ensure_future(judge())
            shared = self._running[name] = _Shared(task, lambda: self._running.pop(name, None))
            task.add_done_callback(lambda task: self._done(name, task))
        else:
            metrics.known.labels("key").inc()
        return await shared.result(), joined

    def _done(self, name: tuple[str, str, bytes], task: "asyncio.Future[Verdict]") -> None:
        if (shared := self._running.get(name)) is not None and shared.task is task:
            del self._running[name]
        if task.cancelled() or task.exception() is not None or task.result().status is Status.INFRA:
            return
        self._ended[name] = task.result()
        self._used_bytes += _size(task.result())
        while len(self._ended) > self._most or self._used_bytes > self._size_bytes:
            _, oldest = self._ended.popitem(last=False)
            self._used_bytes -= _size(oldest)


class _Shared:
    """One run that several wait for."""

    def __init__(self, task: "asyncio.Future[Verdict]", forget: Callable[[], object]) -> None:
        self.task = task
        self._forget = forget
        self._waiters = 0

    async def result(self) -> Verdict:
        self._waiters += 1
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if self._waiters == 1 and not self.task.done():
                self._forget()  # who asks now must not wait for what is being cancelled
                self.task.cancel()
                await asyncio.gather(self.task, return_exceptions=True)
            raise
        finally:
            self._waiters -= 1


def is_fact(verdict: Verdict) -> bool:
    """Whether it says something of the program alone, and nothing of the machine or of its load."""
    return verdict.status in FACTS and not was_killed(verdict)


def was_killed(verdict: Verdict) -> bool:
    """Whether a process was ended by SIGKILL, and no limit says why."""
    return verdict.reason.endswith("SIGKILL")


def _size(verdict: Verdict) -> int:
    texts = (verdict.reason, verdict.downgrade, verdict.stdout, verdict.stderr)
    return OVERHEAD_BYTES + sum(4 * len(text) if not text.isascii() else len(text) for text in texts)
