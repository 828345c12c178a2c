"""One root sample's way through the steps of a recipe.

A walker asks the journal for each step first and the services only for what is not there, so a resumed sample pays for
nothing twice. It writes one record a finished step and one end a candidate, and returns when all of them are durable.

A step that another run has paid for is taken from it when model, rendered prompt, sampling and counter are equal
(journal rule 15); its record here costs nothing.

Randomness is a function of (random seed, sample path, step, part, try): a restart draws the same numbers. All parts of
a step share one rendered prompt; each has its own API seed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from seedmill.pipeline.journal_writer import JournalWriter
from seedmill.pipeline.patience import Dependency, Patience
from seedmill.pipeline.ports import Execution, Inference
from seedmill.pipeline.progress import Progress
from seedmill.pipeline.reuse import request_key
from seedmill.recipes.rebuild import value_of
from seedmill.recipes.steps import JSON, Check, Execute, Expand, Generate, Recipe, Rejected, Sample, Sight, Step
from seedmill.records.generation import GenerationRequest, Prompt
from seedmill.records.journal import ROOT, EndRecord, Outcome, Position, StepRecord, root_index
from seedmill.records.outputs import completion_output, verdict_notes, verdict_output
from seedmill.records.randomness import Draw
from seedmill.records.resolution import RootRecords
from seedmill.records.seed import Seed
from seedmill.records.tokens import Tokens
from seedmill.records.verdict import Status
from seedmill.serving.errors import ItemError

T = TypeVar("T")

NO_CHILDREN = "no_children"
PROMPT_TOO_LONG = "prompt_too_long"


class Failed(Exception):
    """A candidate could not be finished for a reason that is not its own. `reason` is the ledger's word."""

    def __init__(self, step: str, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.step = step
        self.reason = reason


@dataclass(slots=True)
class _Course:
    """A candidate on its way: what it has, the records it rests on, and the record the next one is made from."""

    sample: Sample
    tip: str = ROOT
    chain: list[StepRecord] = field(default_factory=list[StepRecord])
    uses: list[StepRecord] = field(default_factory=list[StepRecord])
    tags: list[str] = field(default_factory=list[str])

    def fork(self, sample: Sample) -> "_Course":
        return _Course(sample, self.tip, list(self.chain), list(self.uses), list(self.tags))

    def take(self, record: StepRecord, value: JSON) -> None:
        self.chain.append(record)
        self.tip = record.digest
        self.sample = self.sample.with_value(record.step, value)


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A candidate was rejected at a step."""

    step: str
    rejected: Rejected


class Walker:
    """Walks root samples of one run. Stateless between samples; many walks run at once."""

    def __init__(
        self,
        recipe: Recipe,
        cfg: str,
        random_seed: int,
        inference: Inference,
        execution: Execution,
        journal: JournalWriter,
        patience: Patience,
        progress: Progress,
        reuse: Mapping[str, JSON] | None = None,
    ) -> None:
        self._recipe = recipe
        self._cfg = cfg
        self._random_seed = random_seed
        self._inference = inference
        self._execution = execution
        self._journal = journal
        self._patience = patience
        self._progress = progress
        self._reuse = reuse or {}
        self._records = 0

    async def walk(self, index: int, seed: Seed, known: RootRecords, sight: Sight) -> None:
        """Take a root sample as far as it goes. `known` gains what is made; all of it is durable on return.

        Raises Misconfigured or InvalidRequest when the run cannot work, CancelledError when cancelled.
        """
        course = _Course(Sample(str(index), seed))
        await self._finish(course, self._recipe.steps, known, sight)

    async def _finish(self, course: _Course, steps: Sequence[Step], known: RootRecords, sight: Sight) -> None:
        """Walk the steps, then write the end (or the ends of the children)."""
        try:
            outcome = await self._steps(course, steps, known, sight)
        except Failed as failed:
            end = self._end(course, Outcome.FAILED, failed.reason, failed.step, {"detail": str(failed)[:500]})
        else:
            if outcome is None:
                return
            end = outcome
        await self._write_end(end, known)

    async def _steps(
        self, course: _Course, steps: Sequence[Step], known: RootRecords, sight: Sight
    ) -> EndRecord | None:
        """The end of this candidate, or None when it became children that have ends of their own."""
        at = 0
        while at < len(steps):
            step = steps[at]
            judges = _judges_of(step, steps[at + 1 :])
            at += 1 + len(judges)
            match step:
                case Expand():
                    stopped = await self._expand(course, step, steps[at:], known, sight)
                    if stopped is None:
                        return None
                case Generate() if step.parts > 1 or judges:
                    stopped = await self._sample_parts(course, step, judges, known, sight)
                case Generate() | Execute() | Check():
                    stopped = await self._one(course, step, 0, known, sight)
            if stopped is not None:
                reason, detail = stopped.rejected.reason, stopped.rejected.detail
                return self._end(course, Outcome.REJECT, reason, stopped.step, {"detail": detail[:500]})
        return self._end(course, Outcome.ACCEPT)

    async def _one(
        self, course: _Course, step: Generate | Execute | Check, part: int, known: RootRecords, sight: Sight
    ) -> _Stopped | None:
        """One step of one candidate (or of one part of it)."""
        match step:
            case Generate():
                value = await self._generate(course, step, part, known, sight)
            case Execute():
                value = await self._execute(course, step, part, known)
            case Check():
                value = step.decide(course.sample, sight)
                if not isinstance(value, Rejected):
                    course.tags.extend(value)
                    return None
        return _Stopped(step.name, value) if isinstance(value, Rejected) else None

    async def _generate(
        self, course: _Course, step: Generate, part: int, known: RootRecords, sight: Sight
    ) -> JSON | Rejected:
        path = course.sample.path
        value: JSON | Rejected = Rejected("no_try")
        for try_ in range(step.tries):
            record = known.find(path, step.name, part, try_, course.tip)
            if record is None:
                prompt = step.render(course.sample, Draw(self._random_seed, path, step.name, try_), sight)
                if isinstance(prompt, Rejected):
                    return prompt
                if prompt.size_bytes > step.call.prompt_limit_tokens:
                    return Rejected(PROMPT_TOO_LONG, f"{prompt.size_bytes} bytes")
                record = await self._ask(course, step, part, try_, prompt)
                self._keep(record, known)
            course.uses.append(record)
            value = value_of(step, course.sample, record)
            if not isinstance(value, Rejected):
                course.take(record, value)
                return value
        return value

    async def _ask(self, course: _Course, step: Generate, part: int, try_: int, prompt: Prompt) -> StepRecord:
        path = course.sample.path
        api_seed = Draw(self._random_seed, path, step.name, part, try_, "api").bits64() & 0x7FFF_FFFF
        request = GenerationRequest(
            f"{path}:{step.name}:{part}:{try_}", step.call, prompt, api_seed, order=root_index(path)
        )
        key = request_key(request)
        earlier = self._reuse.get(key)
        if earlier is not None:
            notes = {"request": key, "reused": True}
            return StepRecord(path, step.name, part, try_, self._cfg, course.tip, earlier, notes=notes)
        completion = await self._item(step.name, Dependency.TEACHER, lambda: self._inference.generate(request))
        tokens = Tokens(completion.prompt_tokens, completion.completion_tokens)
        self._progress.paid(tokens)
        output = completion_output(completion)
        return StepRecord(path, step.name, part, try_, self._cfg, course.tip, output, tokens, {"request": key})

    async def _execute(self, course: _Course, step: Execute, part: int, known: RootRecords) -> JSON | Rejected:
        path = course.sample.path
        record = known.find(path, step.name, part, 0, course.tip)
        if record is None:
            program = step.program(course.sample)
            if isinstance(program, Rejected):
                return program
            program = replace(program, id=f"{path}:{step.name}:{part}")
            verdict = await self._item(step.name, Dependency.SANDBOX, lambda: self._execution.execute(program))
            if verdict.status is Status.INFRA:
                raise Failed(step.name, "infra", verdict.reason)
            record = StepRecord(
                path, step.name, part, 0, self._cfg, course.tip, verdict_output(verdict), notes=verdict_notes(verdict)
            )
            self._keep(record, known)
        course.uses.append(record)
        value = value_of(step, course.sample, record)
        if not isinstance(value, Rejected):
            course.take(record, value)
        return value

    async def _sample_parts(
        self, course: _Course, step: Generate, judges: Sequence[Execute | Check], known: RootRecords, sight: Sight
    ) -> _Stopped | None:
        """Sample parts in whole waves and take the lowest one that passes all judges (journal rule 13)."""
        waves = step.waves if step.parts > 1 else (1,)
        first = 0
        furthest: tuple[int, _Stopped] | None = None
        for wave in waves:
            forks = [course.fork(course.sample) for _ in range(wave)]
            stops = await _all(self._part(fork, step, judges, first + n, known, sight) for n, fork in enumerate(forks))
            before = len(course.uses)
            course.uses.extend(record for fork in forks for record in fork.uses[before:])
            for fork, stop in zip(forks, stops, strict=True):
                if stop is None:
                    course.sample, course.tip, course.chain, course.tags = (
                        fork.sample, fork.tip, fork.chain, fork.tags,
                    )  # fmt: skip
                    return None
                if furthest is None or len(fork.chain) > furthest[0]:
                    furthest = (len(fork.chain), stop)
            first += wave
        return furthest[1] if furthest else _Stopped(step.name, Rejected("no_parts"))

    async def _part(
        self,
        fork: _Course,
        step: Generate,
        judges: Sequence[Execute | Check],
        part: int,
        known: RootRecords,
        sight: Sight,
    ) -> _Stopped | None:
        for each in (step, *judges):
            if (stopped := await self._one(fork, each, part, known, sight)) is not None:
                return stopped
        return None

    async def _expand(
        self, course: _Course, step: Expand, rest: Sequence[Step], known: RootRecords, sight: Sight
    ) -> _Stopped | None:
        path = course.sample.path
        record = known.find(path, step.name, 0, 0, course.tip)
        if record is None:
            children = step.children(course.sample)
            if isinstance(children, Rejected):
                return _Stopped(step.name, children)
            if not children:
                return _Stopped(step.name, Rejected(NO_CHILDREN))
            record = StepRecord(path, step.name, 0, 0, self._cfg, course.tip, list(children))
            self._keep(record, known)
        course.uses.append(record)
        courses: list[_Course] = []
        for number, value in enumerate(record.output):
            if known.end(f"{path}/{number}", record.digest) is None:
                child = course.fork(replace(course.sample, path=f"{path}/{number}"))
                child.take(record, value)
                courses.append(child)
        await _all(self._finish(child, rest, known, sight) for child in courses)
        return None

    async def _item(self, step: str, dependency: Dependency, call: Callable[[], Awaitable[T]]) -> T:
        """One call to a service. While the dependency is away it waits; an item that cannot be answered fails."""
        try:
            return await self._patience.call(dependency, call)
        except ItemError as error:
            raise Failed(step, _snake(error.reason), error.message) from error

    def _keep(self, record: StepRecord, known: RootRecords) -> None:
        self._records += 1
        known.add_step(Position(self._journal.attempt, 0, self._records), record)
        self._journal.append([record])

    async def _write_end(self, end: EndRecord, known: RootRecords) -> None:
        self._records += 1
        position = Position(self._journal.attempt, 0, self._records)
        await self._journal.append([end])
        known.add_end(position, end)

    def _end(
        self, course: _Course, outcome: Outcome, reason: str = "", step: str = "", notes: dict[str, JSON] | None = None
    ) -> EndRecord:
        return EndRecord(
            course.sample.path,
            outcome,
            self._cfg,
            reason,
            step,
            tuple(course.tags),
            tuple(record.digest for record in course.chain),
            tuple(dict.fromkeys(record.digest for record in course.uses)),
            notes or {},
        )


def _judges_of(step: Step, following: Sequence[Step]) -> list[Execute | Check]:
    """The steps right behind a Generate step that judge its parts."""
    judges: list[Execute | Check] = []
    if isinstance(step, Generate):
        for each in following:
            if not isinstance(each, Execute | Check) or each.of != step.name:
                break
            judges.append(each)
    return judges


async def _all(calls: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """Run them together, all to their end; then raise the first exception, if any. Cancelling cancels all."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _snake(reason: str) -> str:
    """`PromptRefused` -> `prompt_refused`, the ledger's spelling."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in reason).lstrip("_")
