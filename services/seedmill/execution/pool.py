"""Keeps sandboxes warm and gives each program one of its own for as long as it runs.

A program whose sandbox is lost is tried once more in another one; lost twice it is `infra`, never `fail`. Time in the
queue counts against nobody. A caller that is cancelled takes its program with it: the sandbox is killed and replaced.
"""

import asyncio
import os
from collections.abc import Sequence

from seedmill.execution.environments import STANDARD, standard_environment
from seedmill.execution.languages import Languages, Recipe, environment_digest
from seedmill.execution.level import Level, check_pod
from seedmill.execution.orphans import reap_orphans
from seedmill.execution.sandboxes.bundle import guest_python
from seedmill.execution.sandboxes.folder import sweep_abandoned
from seedmill.execution.sandboxes.runsc_build import find_runsc, runsc_version
from seedmill.execution.sandboxes.sandbox import PLATFORM, Sandbox, SandboxKind, SandboxLost
from seedmill.execution.scripts import Script, ScriptOutcome, ScriptStatus, outcome_of, request_of
from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind
from seedmill.serving.errors import Busy, Misconfigured, Unavailable

ENVIRONMENTS = (STANDARD,)
QUEUE_PER_SLOT = 512
HYGIENE_TESTS = 1000
TRIES = 2
RUNS = 3
"""Of one program, at most: strictly, by token where that finds what it cannot host, and on an empty solution."""


class Pool:
    """Runs programs. Made anywhere, started inside the event loop that uses it."""

    def __init__(
        self, level: Level = Level.GVISOR, *, slots: int | None = None, languages: Languages | None = None
    ) -> None:
        self._level = level
        self.languages = languages or Languages()
        self.slots = slots or os.cpu_count() or 1
        self._idle: asyncio.Queue[_Slot] = asyncio.Queue()
        self._all: list[_Slot] = []
        self._waiting = 0
        self.kind: SandboxKind | None = None

    @property
    def isolations(self) -> Sequence[Isolation]:
        """What this pool offers."""
        return self._level.isolations

    async def start(self) -> None:
        """Start every sandbox. Raises Misconfigured when there is no gVisor, Unavailable when it cannot be started."""
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
        environment = await asyncio.to_thread(standard_environment, python)
        if runsc is None:
            self.kind = SandboxKind(python, environment, None, "gVisor pod" if self._level is Level.POD else "process")
        else:
            version = await asyncio.to_thread(runsc_version, runsc)
            binds = await asyncio.to_thread(self.languages.binds)
            self.kind = SandboxKind(python, environment, runsc, f"runsc {version} {PLATFORM}", binds)
        self._all = [_Slot(number, self.kind) for number in range(self.slots)]
        await asyncio.gather(*(slot.renew() for slot in self._all))
        for slot in self._all:
            self._idle.put_nowait(slot)

    async def close(self) -> None:
        """End every sandbox."""
        await asyncio.gather(*(slot.close() for slot in self._all))

    async def run(self, program: Program) -> Verdict:
        """Judge one program. Raises Busy when the queue is full, Misconfigured for an isolation it does not offer."""
        self._refuse_unless_allowed(program)
        if problem := self.languages.problem_of(program.language) or _problem_of(program):
            return Verdict(program.id, Status.ERROR, problem, kind=VerdictKind.TOKEN, sandbox=self._name)
        if self._waiting >= QUEUE_PER_SLOT * self.slots:
            raise Busy("QueueFull", f"{self._waiting} programs wait", retry_after_seconds=1.0)
        try:
            recipe = await self.languages.recipe(program.language)
        except Misconfigured as error:  # its compiler is there, and does not work
            reason = f"{error.reason}: {error.message}"
            return Verdict(program.id, Status.ERROR, reason, kind=VerdictKind.TOKEN, sandbox=self._name)
        self._waiting += 1
        try:
            slot = await self._idle.get()
        finally:
            self._waiting -= 1
        try:
            return await self._judge(slot, program, recipe)
        finally:
            self._idle.put_nowait(slot)

    async def run_script(self, script: Script) -> ScriptOutcome:
        """Run a program without tests. Raises InvalidRequest, and Busy and Unavailable as `run` does."""
        request = request_of(script)
        if self._waiting >= QUEUE_PER_SLOT * self.slots:
            raise Busy("QueueFull", f"{self._waiting} programs wait", retry_after_seconds=1.0)
        self._waiting += 1
        try:
            slot = await self._idle.get()
        finally:
            self._waiting -= 1
        why = ""
        try:
            for _ in range(TRIES):
                try:
                    return await slot.run_script(request, script.seconds + 5)
                except SandboxLost as lost:
                    why = str(lost)
        finally:
            self._idle.put_nowait(slot)
        return ScriptOutcome(ScriptStatus.INFRA, f"the sandbox was lost twice: {why}", None, 0.0, "", "", {}, {})

    @property
    def _name(self) -> str:
        return "" if self.kind is None else self.kind.name

    async def _judge(self, slot: "_Slot", program: Program, recipe: Recipe | None) -> Verdict:
        why = ""
        for _ in range(TRIES):
            try:
                return await slot.judge(program, recipe, fresh=program.isolation is Isolation.FRESH)
            except SandboxLost as lost:
                why = str(lost)
        return Verdict(program.id, Status.INFRA, f"the sandbox was lost twice: {why}", sandbox=self._name)

    def _refuse_unless_allowed(self, program: Program) -> None:
        if program.isolation not in self.isolations:
            offered = ", ".join(self.isolations)
            raise Misconfigured(
                "IsolationNotAllowed",
                f"isolation {program.isolation} is not offered by this service, which has {offered}",
            )


class _Slot:
    """A place for one sandbox at a time."""

    def __init__(self, number: int, kind: SandboxKind) -> None:
        self._number = number
        self._kind = kind
        self._sandbox: Sandbox | None = None
        self._served = 0

    async def renew(self) -> None:
        """A new sandbox instead of the old one. Raises Unavailable."""
        await self.close()
        self._sandbox = await Sandbox.start(self._kind, self._number)
        self._served = 0
        reap_orphans()

    async def close(self) -> None:
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            await sandbox.close()

    async def run_script(self, request: dict[str, object], longest_seconds: float) -> ScriptOutcome:
        """As `judge`, without a verdict. Raises SandboxLost, Unavailable."""
        if self._sandbox is None or self._served >= HYGIENE_TESTS:
            await self.renew()
        sandbox = self._sandbox
        if sandbox is None:
            raise Unavailable("SandboxUnavailable", "no sandbox could be started")
        self._served += 1
        try:
            outcome = outcome_of(await sandbox.judge(request, longest_seconds))
            if outcome.status is ScriptStatus.INFRA:
                raise SandboxLost(outcome.reason)
        except BaseException:
            await asyncio.shield(self.close())
            raise
        return outcome

    async def judge(self, program: Program, recipe: Recipe | None, *, fresh: bool) -> Verdict:
        """Judge in this slot's sandbox; in a new one if `fresh` or there is none. Raises SandboxLost, Unavailable."""
        if self._sandbox is None or (fresh and self._served) or self._served >= HYGIENE_TESTS:
            await self.renew()
        sandbox = self._sandbox
        if sandbox is None:
            raise Unavailable("SandboxUnavailable", "no sandbox could be started")
        self._served += 1
        longest = RUNS * (3 * program.timeout_seconds + 1) + 5
        request: dict[str, object] = {
            "id": program.id,
            "solution": program.solution,
            "tests": program.tests,
            "verdict": program.verdict.value,
            "cpu_seconds": program.timeout_seconds,
            "memory_bytes": program.memory_bytes,
        }
        try:
            if recipe is not None:
                request["toolchain"] = recipe.told(program.memory_bytes)
                longest += recipe.compile_seconds
            reply = await sandbox.judge(request, longest)
            verdict = _verdict(reply, self._kind, recipe)
        except BaseException:  # lost, or the caller is gone while it runs: it cannot be trusted any more
            await asyncio.shield(self.close())
            raise
        if verdict.status is Status.INFRA:
            await self.close()
            raise SandboxLost(verdict.reason)
        return verdict


def _problem_of(program: Program) -> str:
    """Why it cannot be run, as the verdict's reason; empty when it can."""
    if program.environment not in ENVIRONMENTS:
        return f"EnvironmentUnknown: {program.environment!r} is not there; there is {', '.join(ENVIRONMENTS)}"
    return ""


def _verdict(reply: dict[str, object], kind: SandboxKind, recipe: Recipe | None) -> Verdict:
    environment = kind.environment.digest
    if recipe is not None:
        environment = environment_digest(environment, recipe.digest)
    try:
        return Verdict(
            id=str(reply["id"]),
            status=Status(str(reply["status"])),
            reason=str(reply["reason"]),
            kind=VerdictKind(str(reply["kind"])),
            downgrade=str(reply["downgrade"]),
            asserts_run=int(str(reply["asserts"])),
            environment=environment,
            sandbox=kind.name,
            seconds=float(str(reply["seconds"])),
            compile_seconds=float(str(reply.get("compile_seconds", 0.0))),
            stdout=str(reply["stdout"]),
            stderr=str(reply["stderr"]),
        )
    except (KeyError, ValueError) as error:
        raise SandboxLost(f"an answer that is no verdict: {error}") from error
