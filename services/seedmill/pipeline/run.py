"""One run, from a checked spec to a published dataset: the same on a laptop and in a cluster.

    prepare (models, seeds, run.json) -> open the journal -> keep a window of samples in flight -> publish
        -> delete what was superseded, where `output.retention` says so

`execute` may be called again on the same store at any time: it goes on behind what is durable. It returns how the run
ended; what can never work is raised as Misconfigured, and a store that cannot even be opened as StorageError.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from seedmill.pipeline.checkpointer import Checkpointer
from seedmill.pipeline.expiry import Deleted, Expiry, note
from seedmill.pipeline.frontier import Frontier
from seedmill.pipeline.hard_stop import HardStop, gpus_of, hard_stops
from seedmill.pipeline.journal_writer import JournalWriter
from seedmill.pipeline.patience import Awaited, Dependency, Patience
from seedmill.pipeline.ports import Aggregation, Execution, Inference, Seeding
from seedmill.pipeline.preparation import Order, Prepared, check_environment, check_models, prepare
from seedmill.pipeline.progress import Phase, Progress, Published
from seedmill.pipeline.report import RunReport
from seedmill.pipeline.resume import new_frontier, resume
from seedmill.pipeline.reuse import ReusedOutputs, load_reuse
from seedmill.pipeline.runner import Runner, RunnerEnd, RunnerLimits
from seedmill.pipeline.walker import Walker
from seedmill.recipes.build import build
from seedmill.records.collection import CollectionProgress
from seedmill.records.ledger import Ledger
from seedmill.records.publication import End
from seedmill.records.run_file import RunFile
from seedmill.records.selection import PublishedOutcomes, WalkedRoot
from seedmill.storage.publications import Head, dataset_uri, open_outcomes, publications_up_to, read_head
from seedmill.storage.row_index import row_index
from seedmill.storage.store import StorageError

DIRECTORY_LINGER_SECONDS = 0.05
REMOTE_LINGER_SECONDS = 1.0


class Ending(StrEnum):
    """How a run ended. The first five are published."""

    TARGET_REACHED = End.TARGET_REACHED.value
    TARGET_NOT_REACHED = End.TARGET_NOT_REACHED.value
    BUDGET_EXHAUSTED = End.BUDGET_EXHAUSTED.value
    DEADLINE_EXCEEDED = End.DEADLINE_EXCEEDED.value
    GPU_HOURS_EXHAUSTED = End.GPU_HOURS_EXHAUSTED.value
    SUSPENDED = "Suspended"
    TAKEN_OVER = "TakenOver"
    TOO_MANY_FAILURES = "TooManyFailures"

    @property
    def reason(self) -> str:
        """The word for conditions and programs: GPU hours are a budget like the others, its message says which."""
        return Ending.BUDGET_EXHAUSTED.value if self is Ending.GPU_HOURS_EXHAUSTED else self.value


@dataclass(frozen=True, slots=True)
class Services:
    """The four services, as the pipeline sees them."""

    seeding: Seeding
    inference: Inference
    execution: Execution
    aggregation: Aggregation


@dataclass(frozen=True, slots=True)
class RunResult:
    """How it ended. `head` is the publication, if any; `damaged` are the keys of segments that did not count.

    `deleted` is what `output.retention` let go behind it, None where it was not asked.
    """

    ending: Ending
    run: RunFile
    head: Head | None
    ledger: Ledger
    damaged: tuple[str, ...] = ()
    deleted: Deleted | None = None


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
        recipe = build(spec)
        served = await check_models(recipe, self._services.inference, self._patience)
        gpus = gpus_of(spec.budget.max_gpu_hours, recipe, served)
        await check_environment(spec, recipe, self._services.execution, self._patience)
        self.progress.phase = Phase.COLLECTING
        prepared = await prepare(self._order, recipe, self._services.seeding, self._patience, self._note_collection)
        if self._publish:
            await note(store, prepared.run.prefix, spec.output.retention)
        report = RunReport(store, prepared.run.prefix, self.progress, gpus)
        await self._patience.store(report.load)
        head = await self._patience.store(read_head, store, prepared.run.prefix)
        self._note_publication(head, prepared.run)
        if head is not None and self._is_satisfied(head, prepared, report):
            ledger = Ledger.from_json(head.ledger)
            self.progress.ledger = lambda: ledger
            result = RunResult(Ending(head.end), prepared.run, head, ledger)
            may_delete = report.last_ending != ""  # else a process may be at work that has not said how it ended
        else:
            # Begun anew where its scratch files found no room: all that was paid by then is in the journal.
            result = await self._patience.storing(lambda: self._generate(prepared, head, report))
            self._note_publication(result.head, prepared.run)
            await self._patience.store(report.write, result.ending, result.ledger)
            may_delete = result.head is not None
        if self._publish and may_delete and (retention := spec.output.retention) is not None:
            self.progress.phase = Phase.DELETING
            expiry = Expiry(store, prepared.run.prefix, retention, self.progress.attempt)
            result = replace(result, deleted=await expiry.delete(lambda: self._stopped))
        self.progress.phase = Phase.ENDED
        return result

    async def _generate(self, prepared: Prepared, head: Head | None, report: RunReport) -> RunResult:
        store, prefix = self._order.store, prepared.run.prefix
        with ExitStack() as scratch:
            index = scratch.enter_context(row_index())
            outcomes: PublishedOutcomes = {}
            publications: list[str] = []
            if head is not None:
                publication = head.publication
                publications = await self._patience.store(publications_up_to, store, prefix, publication)
                outcomes = await self._patience.store(
                    lambda: scratch.enter_context(open_outcomes(store, prefix, publication))
                )
            journal = self._journal(prepared.run.prefix)
            scratch.callback(journal.abandon)
            checkpointer = None
            if not prepared.recipe.reads_pool:  # a pool needs the rows themselves
                checkpointer = Checkpointer(store, prefix, prepared.run.cfg, publications)
                journal.on_durable = checkpointer.note_durable
                scratch.callback(checkpointer.abandon)
            reuse = await self._patience.store(load_reuse, store, prepared.run.reuse)
            scratch.callback(reuse.close)
            frontier = new_frontier(prepared, prepared.decontaminator, outcomes, self._walked, index)
            return await self._generate_with(journal, frontier, checkpointer, reuse, prepared, report)

    def _journal(self, run_prefix: str) -> JournalWriter:
        store = self._order.store
        linger = REMOTE_LINGER_SECONDS if store.uri.startswith("s3://") else DIRECTORY_LINGER_SECONDS
        return JournalWriter(store, run_prefix, linger_seconds=linger, window=self._order.spec.max_in_flight)

    async def _generate_with(
        self,
        journal: JournalWriter,
        frontier: Frontier,
        checkpointer: Checkpointer | None,
        reuse: ReusedOutputs,
        prepared: Prepared,
        report: RunReport,
    ) -> RunResult:
        spec, run = self._order.spec, prepared.run
        retry = report.last_ending == Ending.TOO_MANY_FAILURES
        resumed = await resume(
            self._order.store, journal, frontier, run.cfg, self._patience, retry=retry, checkpointer=checkpointer
        )
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
            reuse,
        )
        stop = next(iter(hard_stops(spec.budget, report)), None)
        deadline = None if stop is None else stop.at
        limits = RunnerLimits(spec.max_in_flight, spec.failure_policy.max_failed_percent, deadline)
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
            if checkpointer is not None:
                await checkpointer.close()
            ending, head = await self._conclude(end, prepared, frontier, stop)
        finally:
            reporter.cancel()
        ledger = self.progress.ledger() if head is None else Ledger.from_json(head.ledger)
        return RunResult(ending, run, head, ledger, resumed.damaged)

    async def _conclude(
        self, end: RunnerEnd, prepared: Prepared, frontier: Frontier, stop: HardStop | None
    ) -> tuple[Ending, Head | None]:
        match end:
            case RunnerEnd.CUT:
                published = frontier.selection.ended or End.TARGET_NOT_REACHED
            case RunnerEnd.DEADLINE:
                published = End.DEADLINE_EXCEEDED if stop is None else stop.end
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
        # Not `published`: with what a hard stop left unsettled counted as stopped, the target may be reached after all.
        return Ending(head.end), head

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

    def _is_satisfied(self, head: Head, prepared: Prepared, report: RunReport) -> bool:
        """Whether these limits would publish the same again."""
        if head.limits != prepared.limits.to_json():
            return False
        end = End(head.end)
        passed = [stop.end for stop in hard_stops(self._order.spec.budget, report) if stop.at <= report.started]
        return not end.is_hard_stop or end in passed

    def _note_publication(self, head: Head | None, run: RunFile) -> None:
        if head is not None:
            uri = dataset_uri(self._order.store, run.prefix, head)
            self.progress.published = Published(uri, head.dataset_digest, head.rows)

    def _note_collection(self, progress: CollectionProgress) -> None:
        self.progress.collection = progress


def _journal_trouble(journal: JournalWriter) -> list[Awaited]:
    return [Awaited(Dependency.STORE, journal.trouble)] if journal.trouble else []
