"""Gives each program a turn, a sandbox of its own for as long as it runs, and a verdict.

Whose turn it is decides `turns`, which sandbox `stock`, what need not run again `known_verdicts`. A program whose
sandbox is lost is tried once more in another one; lost twice it is `infra`, never `fail`; where sandboxes are lost one
after the other the service is away (`wellbeing`). Time in the queue counts against nobody. A caller that is cancelled
takes its program with it: the sandbox is killed and replaced.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import structlog

from seedmill.execution import metrics
from seedmill.execution.environments import STANDARD, Environment, environments
from seedmill.execution.judging import PROBE, digest_of, judge_in, may_be_gvisors, run_script_in
from seedmill.execution.known_verdicts import CACHE_BYTES, Keys, VerdictCache, fingerprint
from seedmill.execution.languages import Languages, Recipe
from seedmill.execution.level import Level, check_pod
from seedmill.execution.place import Ending, Place
from seedmill.execution.sandboxes.bundle import GuestPython, guest_python
from seedmill.execution.sandboxes.checkpoint import Starter
from seedmill.execution.sandboxes.folder import sweep_abandoned
from seedmill.execution.sandboxes.platform import AUTO, choose_platform
from seedmill.execution.sandboxes.runsc_build import find_runsc, runsc_version
from seedmill.execution.sandboxes.sandbox import SandboxKind, SandboxLost
from seedmill.execution.scripts import Script, ScriptOutcome, ScriptStatus, request_of
from seedmill.execution.stock import Stock
from seedmill.execution.turns import Turns
from seedmill.execution.wellbeing import Wellbeing
from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind
from seedmill.serving.errors import Misconfigured, Unavailable

QUEUE_PER_SLOT = 512
TRIES = 2
PROBE_PAUSE_SECONDS = 1.0

_Result = TypeVar("_Result")

log = structlog.get_logger("seedmill.execution")


class Pool:
    """Runs programs. Made anywhere, started inside the event loop that uses it.

    `platform` is gVisor's, or `auto`; `cache_bytes` is what verdicts may take that are kept for the same program.
    """

    def __init__(
        self,
        level: Level = Level.GVISOR,
        *,
        slots: int | None = None,
        languages: Languages | None = None,
        platform: str = AUTO,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._level = level
        self.languages = languages or Languages()
        self.slots = slots or os.cpu_count() or 1
        self._platform = platform
        self._turns = Turns(self.slots, QUEUE_PER_SLOT * self.slots)
        self._stock = Stock(self.slots, Starter())
        self._cache = VerdictCache(cache_bytes)
        self._keys = Keys()
        self._wellbeing = Wellbeing(self.slots)
        self._probing: asyncio.Task[None] | None = None
        self.kinds: Mapping[str, SandboxKind] = {}
        """What sandboxes are started as, by name of the environment."""

    @property
    def isolations(self) -> Sequence[Isolation]:
        """What this pool offers."""
        return self._level.isolations

    @property
    def environments(self) -> Mapping[str, str]:
        """Digests by name."""
        return {name: kind.environment.digest for name, kind in self.kinds.items()}

    @property
    def sandbox(self) -> str:
        """What verdicts call the sandbox; empty before the start."""
        return next((kind.name for kind in self.kinds.values()), "")

    @property
    def ready(self) -> bool:
        """Whether programs get verdicts at present."""
        return not self._wellbeing.away

    async def start(self) -> None:
        """Start the first sandbox. Raises Misconfigured when there is no gVisor, Unavailable when it does not start."""
        if self._level is Level.POD:
            check_pod()
        runsc = find_runsc() if self._level is Level.GVISOR else None
        if runsc is None and self._level is Level.GVISOR:
            raise Misconfigured(
                "SandboxMissing",
                "gVisor's runsc is not there, and programs do not run without a sandbox: run `seedmill setup sandbox`, "
                "or say --isolation=process to run them WITHOUT one",
            )
        await asyncio.to_thread(sweep_abandoned)
        python = await asyncio.to_thread(guest_python)
        known = await asyncio.to_thread(environments, python)
        binds = await asyncio.to_thread(self.languages.binds)
        if runsc is None:
            name = "gVisor pod" if self._level is Level.POD else "process"
            self.kinds = {each: SandboxKind(python, known[each], None, name) for each in known}
        else:
            self.kinds = await self._sandboxed(python, known, runsc, binds)
        await self._stock.open(self.kinds[STANDARD])

    async def close(self) -> None:
        """End every sandbox."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        await self._stock.close()

    async def run(self, program: Program, *, run: str = "", key: str = "") -> Verdict:
        """Judge one program, for `run`; programs of one `key` (not empty) run once.

        Raises Busy when the queue is full, Misconfigured for an isolation it does not offer, Unavailable while no
        sandbox gives verdicts.
        """
        self._refuse_unless_allowed(program)
        if problem := self.languages.problem_of(program.language) or _problem_of(program, self.kinds):
            return Verdict(program.id, Status.ERROR, problem, kind=VerdictKind.TOKEN, sandbox=self.sandbox)
        try:
            recipe = await self.languages.recipe(program.language)
        except Misconfigured as error:  # its compiler is there, and does not work
            reason = f"{error.reason}: {error.message}"
            return Verdict(program.id, Status.ERROR, reason, kind=VerdictKind.TOKEN, sandbox=self.sandbox)
        known_by = fingerprint(program, digest_of(self.kinds[program.environment], recipe))
        if (known := self._cache.get(known_by, program.id)) is not None:
            return known
        verdict, joined = await self._keys.once(run, key, known_by, lambda: self._run(program, recipe, run))
        if joined:
            return _renamed(verdict, program.id)
        self._cache.put(known_by, verdict)
        return verdict

    async def _run(self, program: Program, recipe: Recipe | None, run: str) -> Verdict:
        self._wellbeing.check()
        async with self._turns.turn(run):
            self._wellbeing.check()
            verdict = await self._judge(program, recipe)
        labels = (verdict.status, program.isolation, verdict.kind, program.language)
        metrics.programs.labels(*labels).inc()
        return verdict

    async def run_script(self, script: Script) -> ScriptOutcome:
        """Run a program without tests. Raises InvalidRequest, and Busy and Unavailable as `run` does."""
        request = request_of(script)

        async def work(place: Place) -> ScriptOutcome:
            return await run_script_in(place, request, script.seconds)

        self._wellbeing.check()
        async with self._turns.turn(""):
            self._wellbeing.check()
            try:
                return await self._in_sandboxes(self.kinds[STANDARD], work, fresh=False)
            except SandboxLost as lost:
                why = f"the sandbox was lost twice: {lost}"
        return ScriptOutcome(ScriptStatus.INFRA, why, None, 0.0, "", "", {}, {})

    async def _judge(self, program: Program, recipe: Recipe | None) -> Verdict:
        async def work(place: Place) -> Verdict:
            return await judge_in(place, program, recipe)

        fresh, kind = program.isolation is Isolation.FRESH, self.kinds[program.environment]
        try:
            verdict = await self._in_sandboxes(kind, work, fresh=fresh)
            if may_be_gvisors(verdict, kind):  # what another sandbox says is the program's own doing
                verdict = await self._in_sandboxes(kind, work, fresh=fresh)
            return verdict
        except SandboxLost as lost:
            why = f"the sandbox was lost twice: {lost}"
        return Verdict(program.id, Status.INFRA, why, sandbox=self.sandbox)

    async def _in_sandboxes(
        self, kind: SandboxKind, work: Callable[[Place], Awaitable[_Result]], *, fresh: bool
    ) -> _Result:
        """What `work` makes in a sandbox, or else in another one. Raises SandboxLost when both were, Unavailable."""
        for attempt in range(TRIES):
            if attempt:
                metrics.retries.inc()
            try:
                result = await self._in_sandbox(kind, work, fresh=fresh)
            except SandboxLost as lost:
                self._lost(str(lost))
                if attempt == TRIES - 1:
                    raise
                self._wellbeing.check()
            except Unavailable:  # a new one may have been killed while it started
                if attempt == TRIES - 1:
                    raise
            else:
                self._wellbeing.verdict()
                return result
        raise AssertionError("TRIES is at least 1")

    async def _in_sandbox(
        self, kind: SandboxKind, work: Callable[[Place], Awaitable[_Result]], *, fresh: bool
    ) -> _Result:
        """In one sandbox. Raises SandboxLost, Unavailable."""
        began = time.monotonic()
        try:
            place = await self._stock.take(kind, fresh=fresh)
        except Unavailable as error:
            self._lost(error.message)
            raise
        taken = time.monotonic()
        metrics.seconds.labels("sandbox").observe(taken - began)
        try:
            result = await work(place)
        except SandboxLost as lost:
            why = Ending.LOST if place.ending is None else place.ending
            log.warning("sandbox lost", reason=str(lost), words=place.sandbox.last_words(), served=place.served)
            self._stock.end(place, why)
            raise
        except BaseException:  # the caller is gone while it runs: it cannot be trusted any more
            self._stock.end(place, Ending.CANCELLED)
            raise
        metrics.seconds.labels("run").observe(time.monotonic() - taken)
        if fresh and place.ending is None:
            place.ending = Ending.FRESH
        if place.ending is None:
            self._stock.give_back(place)
        else:
            self._stock.end(place, place.ending)
        return result

    def _lost(self, words: str) -> None:
        if self._wellbeing.lost(words):
            log.error("no sandbox gives verdicts; programs wait until a probe passes", reason=words)
            self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        """Until one sandbox gives a verdict again."""
        kind = self.kinds[STANDARD]
        while self._wellbeing.away:
            try:
                place = await self._stock.take(kind, fresh=False)
            except Unavailable as error:
                self._wellbeing.lost(error.message)
            else:
                try:
                    await judge_in(place, PROBE)
                except SandboxLost as lost:
                    self._wellbeing.lost(str(lost))
                except BaseException:
                    self._stock.end(place, Ending.CANCELLED)
                    raise
                else:
                    self._stock.give_back(place)
                    self._wellbeing.verdict()
                    log.info("a probe passed; sandboxes give verdicts again")
                    return
                self._stock.end(place, Ending.LOST)
            await asyncio.sleep(PROBE_PAUSE_SECONDS)

    async def _sandboxed(
        self, python: GuestPython, known: Mapping[str, Environment], runsc: Path, binds: tuple[str, ...]
    ) -> Mapping[str, SandboxKind]:
        version = await asyncio.to_thread(runsc_version, runsc)

        def kind_on(platform: str) -> SandboxKind:
            return SandboxKind(python, known[STANDARD], runsc, f"runsc {version} {platform}", platform, binds)

        async def probe(place: Place) -> None:
            await judge_in(place, PROBE)

        platform = await choose_platform(self._platform, version, kind_on, probe)
        name = f"runsc {version} {platform}"
        return {each: SandboxKind(python, known[each], runsc, name, platform, binds) for each in known}

    def _refuse_unless_allowed(self, program: Program) -> None:
        if program.isolation not in self.isolations:
            offered = ", ".join(self.isolations)
            raise Misconfigured(
                "IsolationNotAllowed",
                f"isolation {program.isolation} is not offered by this service, which has {offered}",
            )


def _problem_of(program: Program, kinds: Mapping[str, SandboxKind]) -> str:
    """Why it cannot be run, as the verdict's reason; empty when it can."""
    if program.environment not in kinds:
        return f"EnvironmentUnknown: {program.environment!r} is not there; there is {', '.join(kinds)}"
    return ""


def _renamed(verdict: Verdict, program_id: str) -> Verdict:
    return replace(verdict, id=program_id, cached=True)
