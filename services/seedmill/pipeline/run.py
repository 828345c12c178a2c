"""One run, from a checked spec to a published dataset: the same on a laptop and in a cluster.

    prepare (models, seeds, run.json) -> open the journal -> keep a window of samples in flight -> publish

`execute` may be called again on the same store at any time: it goes on behind what is durable. It returns how the run
ended; what can never work is raised as Misconfigured, and a store that cannot even be opened as StorageError.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from seedmill.pipeline.frontier import Frontier
from seedmill.pipeline.journal_writer import JournalWriter
from seedmill.pipeline.patience import Awaited, Dependency, Patience
from seedmill.pipeline.ports import Aggregation, Execution, Inference, Seeding
from seedmill.pipeline.preparation import (
    Order,
    Prepared,
    check_environment,
    check_models,
    prepare,
    refuse_what_is_missing,
)
from seedmill.pipeline.progress import Phase, Progress, Published
from seedmill.pipeline.report import RunReport
from seedmill.pipeline.resume import new_frontier, resume
from seedmill.pipeline.reuse import load_reuse
from seedmill.pipeline.runner import Runner, RunnerEnd, RunnerLimits
from seedmill.pipeline.walker import Walker
from seedmill.recipes.build import build
from seedmill.records.collection import CollectionProgress
from seedmill.records.ledger import Ledger
from seedmill.records.publication import End
from seedmill.records.run_file import RunFile
from seedmill.records.selection import WalkedRoot
from seedmill.storage.publications import Head, dataset_uri, read_head, read_outcomes
from seedmill.storage.store import StorageError

DIRECTORY_LINGER_SECONDS = 0.05
REMOTE_LINGER_SECONDS = 1.0


class Ending(StrEnum):
    """How a run ended. The first four are published."""

    TARGET_REACHED = End.TARGET_REACHED.value
    TARGET_NOT_REACHED = End.TARGET_NOT_REACHED.value
    BUDGET_EXHAUSTED = End.BUDGET_EXHAUSTED.value
    DEADLINE_EXCEEDED = End.DEADLINE_EXCEEDED.value
    SUSPENDED = "Suspended"
    TAKEN_OVER = "TakenOver"
    TOO_MANY_FAILURES = "TooManyFailures"


@dataclass(frozen=True, slots=True)
class Services:
    """The four services, as the pipeline sees them."""

    seeding: Seeding
    inference: Inference
    execution: Execution
    aggregation: Aggregation


@dataclass(frozen=True, slots=True)
class RunResult:
    """How it ended. `head` is the publication, if any; `damaged` are the keys of segments that did not count."""

    ending: Ending
    run: RunFile
    head: Head | None
    ledger: Ledger
    damaged: tuple[str, ...] = ()


class Run:
    """One run. `progress.snapshot()` may be called at any time; `stop()` drains, cancelling `execute` stops at once.

    With `publish=False` it ends behind the last sample (previews). `on_walked` sees each step of the selection.
    """

    def __init__(
        self,
        order: Order,
        services: Services,
        *,
        publish: bool = True,
        on_walked: Callable[[WalkedRoot], None] | None = None,
    ) -> None:
        self._order = order
        self._services = services
        self._publish = publish
        self._on_walked = on_walked
        self._patience = Patience()
        self._runner: Runner | None = None
        self._stopped = False
        self.progress = Progress(target=order.spec.target.accepted_samples, window=order.spec.max_in_flight)
        self.progress.waiting = self._patience.awaited
        self.progress.wasted = lambda: services.inference.wasted

    def stop(self) -> None:
        """Issue nothing new; `execute` returns when what is in flight is durable."""
        self._stopped = True
        if self._runner is not None:
            self._runner.stop()

    async def execute(self) -> RunResult:
        """Go on until the run ends. Raises Misconfigured, InvalidRequest and StorageError (nothing was lost)."""
        spec, store = self._order.spec, self._order.store
        refuse_what_is_missing(spec)
        recipe = build(spec)
        await check_models(recipe, self._services.inference, self._patience)
        await check_environment(spec, recipe, self._services.execution, self._patience)
        self.progress.phase = Phase.COLLECTING
        prepared = await prepare(self._order, recipe, self._services.seeding, self._patience, self._note_collection)
        report = RunReport(store, prepared.run.prefix, self.progress)
        await self._patience.store(report.load)
        head = await self._patience.store(read_head, store, prepared.run.prefix)
        self._note_publication(head, prepared.run)
        if head is not None and self._is_satisfied(head, prepared, report):
            ledger = Ledger.from_json(head.ledger)
            self.progress.ledger = lambda: ledger
            self.progress.phase = Phase.ENDED
            return RunResult(Ending(head.end), prepared.run, head, ledger)
        result = await self._generate(prepared, head, report)
        self._note_publication(result.head, prepared.run)
        await self._patience.store(report.write, result.ending, result.ledger)
        self.progress.phase = Phase.ENDED
        return result

    async def _generate(self, prepared: Prepared, head: Head | None, report: RunReport) -> RunResult:
        spec, store, run = self._order.spec, self._order.store, prepared.run
        outcomes = (
            {} if head is None else await self._patience.store(read_outcomes, store, run.prefix, head.publication)
        )
        frontier = new_frontier(prepared, prepared.decontaminator, outcomes, self._walked)
        journal = JournalWriter(
            store,
            run.prefix,
            linger_seconds=REMOTE_LINGER_SECONDS if store.uri.startswith("s3://") else DIRECTORY_LINGER_SECONDS,
            window=spec.max_in_flight,
        )
        retry = report.last_ending == Ending.TOO_MANY_FAILURES
        resumed = await resume(store, journal, frontier, run.cfg, self._patience, retry=retry)
        self.progress.attempt = journal.attempt
        walker = Walker(
            prepared.recipe,
            run.cfg,
            spec.random_seed,
            self._services.inference,
            self._services.execution,
            journal,
            self._patience,
            self.progress,
            await self._patience.store(load_reuse, store, run.reuse),
        )
        limits = self._runner_limits(report)
        runner = self._runner = Runner(
            frontier,
            walker,
            journal,
            prepared.seeds,
            limits,
            self.progress,
            resumed.begun,
            room=self._services.inference.room,
        )
        self._watch(frontier, runner, journal, prepared, resumed.settled)
        if self._stopped:
            runner.stop()
        reporter = asyncio.create_task(report.keep_current())
        try:
            end = await runner.run()
            await journal.close()
            ending, head = await self._conclude(end, prepared, frontier)
        finally:
            reporter.cancel()
            journal.abandon()
        ledger = self.progress.ledger() if head is None else Ledger.from_json(head.ledger)
        return RunResult(ending, run, head, ledger, resumed.damaged)

    async def _conclude(self, end: RunnerEnd, prepared: Prepared, frontier: Frontier) -> tuple[Ending, Head | None]:
        match end:
            case RunnerEnd.CUT:
                published = frontier.selection.ended or End.TARGET_NOT_REACHED
            case RunnerEnd.DEADLINE:
                published = End.DEADLINE_EXCEEDED
            case RunnerEnd.DRAINED:
                return Ending.SUSPENDED, None
            case RunnerEnd.FENCED:
                return Ending.TAKEN_OVER, None
            case RunnerEnd.TOO_MANY_FAILURES:
                return Ending.TOO_MANY_FAILURES, None
        if not self._publish:
            return Ending(published.value), None
        self.progress.phase = Phase.PUBLISHING
        store, prefix = self._order.store, prepared.run.prefix
        publish = partial(self._services.aggregation.publish, store.uri, prefix, prepared.limits, published)
        await self._patience.call(Dependency.AGGREGATION, publish)
        head = await self._patience.store(read_head, store, prefix)
        if head is None:
            raise StorageError(f"{store.uri}/{prefix}/HEAD.json is missing right after it was written")
        return Ending(published.value), head

    def _watch(
        self, frontier: Frontier, runner: Runner, journal: JournalWriter, prepared: Prepared, settled: int
    ) -> None:
        """Let `progress` see the run's parts."""
        self.progress.candidates = prepared.limits.max_candidates
        self.progress.resumed = settled
        self.progress.ledger = lambda: frontier.ledger(runner.begun_count)
        self.progress.counted = lambda: frontier.selection.tokens
        self.progress.waiting = lambda: [*_journal_trouble(journal), *self._patience.awaited()]
        self.progress.begin_generating()

    def _walked(self, root: WalkedRoot) -> None:
        self.progress.walked(root)
        if self._on_walked is not None:
            self._on_walked(root)

    def _runner_limits(self, report: RunReport) -> RunnerLimits:
        spec = self._order.spec
        allowed = spec.budget.active_deadline_seconds
        deadline = None if allowed is None else report.started + max(0.0, allowed - report.active_before)
        return RunnerLimits(spec.max_in_flight, spec.failure_policy.max_failed_percent, deadline)

    def _is_satisfied(self, head: Head, prepared: Prepared, report: RunReport) -> bool:
        """Whether these limits would publish the same again."""
        if head.limits != prepared.limits.to_json():
            return False
        allowed = self._order.spec.budget.active_deadline_seconds
        return head.end != End.DEADLINE_EXCEEDED or (allowed is not None and report.active_before >= allowed)

    def _note_publication(self, head: Head | None, run: RunFile) -> None:
        if head is not None:
            uri = dataset_uri(self._order.store, run.prefix, head)
            self.progress.published = Published(uri, head.dataset_digest, head.rows)

    def _note_collection(self, progress: CollectionProgress) -> None:
        self.progress.collection = progress


def _journal_trouble(journal: JournalWriter) -> list[Awaited]:
    return [Awaited(Dependency.STORE, journal.trouble)] if journal.trouble else []
