"""A run without services: a test recipe, a teacher and a sandbox that are functions, and a store in memory.

`Engine.run()` is the life of one process. `kill_after` ends it as SIGKILL would: what waits to be written is lost.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from seedmill.filters.decontamination import Decontaminator
from seedmill.filters.similarity import RowIndex
from seedmill.pipeline.frontier import Frontier
from seedmill.pipeline.journal_writer import JournalWriter
from seedmill.pipeline.patience import Patience
from seedmill.pipeline.progress import Progress
from seedmill.pipeline.resume import resume
from seedmill.pipeline.runner import Runner, RunnerEnd, RunnerLimits
from seedmill.pipeline.walker import Walker
from seedmill.recipes.rebuild import rebuild
from seedmill.recipes.steps import Recipe
from seedmill.records.generation import Completion, FinishReason, GenerationRequest
from seedmill.records.journal import StepRecord, root_index
from seedmill.records.publication import Limits
from seedmill.records.resolution import JournalIndex, Leaf, SettledRoot
from seedmill.records.row import Row
from seedmill.records.seed import Seed, SeedKind, Source
from seedmill.records.selection import PublishedOutcome, Selection
from seedmill.records.tokens import Tokens
from seedmill.records.verdict import Program, Status, Verdict, VerdictKind
from seedmill.storage.journal import list_journal, read_segments
from support.memory_store import MemoryStore

PREFIX = "runs/local/test-00000000"
CFG = "test-cfg"


def seed_number(number: int) -> Seed:
    """A seed whose text is its number."""
    return Seed(f"{number:032x}", SeedKind.SNIPPET, "python", str(number), Source("c", "p", 1, "project", "1", "MIT"))


@dataclass
class Teacher:
    """Answers with `answer(request)`, a pure function; counts what was paid. `delay` reorders answers."""

    answer: Callable[[GenerationRequest], str]
    delay: Callable[[GenerationRequest], float] = lambda request: 0.0
    paid: list[str] = field(default_factory=list)

    wasted = Tokens()

    def room(self) -> int | None:
        return None

    async def check_models(self, models: Sequence[str]) -> list[str]:
        return ["fake"]

    async def generate(self, request: GenerationRequest) -> Completion:
        await asyncio.sleep(self.delay(request))
        self.paid.append(request.id)
        text = self.answer(request)
        return Completion(text, FinishReason.STOP, len(request.prompt.text), len(text), "fake")


@dataclass
class Sandbox:
    """Gives the status that `judge(program)` says."""

    judge: Callable[[Program], Status] = lambda program: Status.PASS
    ran: list[str] = field(default_factory=list)

    async def check_environment(self, name: str) -> str:
        return name

    async def execute(self, program: Program) -> Verdict:
        await asyncio.sleep(0)
        self.ran.append(program.id)
        return Verdict(program.id, self.judge(program), kind=VerdictKind.STRICT, asserts_run=1)


@dataclass
class Engine:
    """One run over a store. Every call of `run` is another process."""

    recipe: Recipe
    limits: Limits
    teacher: Teacher
    sandbox: Sandbox = field(default_factory=Sandbox)
    store: MemoryStore = field(default_factory=MemoryStore)
    window: int = 4
    max_failed_percent: int = 100
    deadline: float | None = None
    predecessor: dict[str, PublishedOutcome] = field(default_factory=dict)
    linger_seconds: float = 0.001
    random_seed: int = 0
    reuse: dict[str, object] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    runner: Runner | None = None
    journal: JournalWriter | None = None

    def frontier(self) -> Frontier:
        def row_of(leaf: Leaf) -> Row:
            path = leaf.end.sample
            return self.recipe.row(rebuild(self.recipe, path, seed_number(root_index(path)), leaf.chain))

        index = RowIndex()
        selection = Selection(self.limits, self.recipe.cap, index, row_of, self.predecessor)
        nothing = Decontaminator.load([])
        return Frontier(
            selection, index, nothing, self.recipe.block, self.recipe.reads_pool, self.progress.walked
        )  # fmt: skip

    async def run(self, kill_after: float | None = None, *, retry: bool = False) -> RunnerEnd | None:
        """Run to an end, or until killed (None)."""
        self.journal = JournalWriter(
            self.store,
            PREFIX,
            linger_seconds=self.linger_seconds,
            window=self.window,
            random_hex=lambda: f"{random.getrandbits(32):08x}",
        )
        frontier = self.frontier()
        resumed = await resume(self.store, self.journal, frontier, CFG, Patience(), retry=retry)
        walker = Walker(
            self.recipe,
            CFG,
            self.random_seed,
            self.teacher,
            self.sandbox,
            self.journal,
            Patience(),
            self.progress,
            self.reuse,
        )
        limits = RunnerLimits(self.window, self.max_failed_percent, self.deadline)
        self.runner = Runner(frontier, walker, self.journal, Seeds(), limits, self.progress, resumed.begun)
        self.progress.ledger = lambda: frontier.ledger(self.runner.begun_count if self.runner else 0)
        try:
            async with asyncio.timeout(kill_after):
                end = await self.runner.run()
                await self.journal.close()
                return end
        except TimeoutError:
            return None
        finally:
            self.journal.abandon()

    def rows(self) -> list[tuple[str, str]]:
        """(sample, instruction) of what would be published now, from the journal alone."""
        found: list[tuple[str, str]] = []
        frontier = self.frontier()
        frontier.on_walked = lambda root: found.extend(
            (each.sample, each.row.instruction) for each in root.decisions if each.row
        )
        for root in self._settled():
            frontier.settle(root)
        return found

    def recorded(self) -> dict[str, object]:
        """Outputs by request, as `pipeline.reuse.load_reuse` gives them."""
        segments = read_segments(self.store, list_journal(self.store, PREFIX).segments)
        steps = [record for segment in segments for record in segment.records if isinstance(record, StepRecord)]
        return {step.notes["request"]: step.output for step in steps if "request" in step.notes}

    def settled_roots(self) -> set[int]:
        """Roots that are settled by what is durable now."""
        return {root.index for root in self._settled()}

    def _settled(self) -> list[SettledRoot]:
        index = JournalIndex(CFG)
        for segment in read_segments(self.store, list_journal(self.store, PREFIX).segments):
            index.add(segment.ref.attempt, segment.ref.number, segment.records)
        index.finish()
        return [settled for root in index.roots() if (settled := root.settled()) is not None]


class Seeds:
    """Every number is a seed."""

    def get(self, index: int) -> Seed:
        return seed_number(index)
