"""A resume behind a checkpoint is the resume of the whole journal, or the checkpoint is passed over."""

import random
from hashlib import sha256

import pytest

from seedmill.pipeline.checkpointer import Checkpointer
from seedmill.pipeline.frontier import Frontier
from seedmill.pipeline.journal_writer import JournalWriter
from seedmill.pipeline.patience import Patience
from seedmill.pipeline.resume import resume
from seedmill.pipeline.runner import RunnerEnd
from seedmill.records.generation import GenerationRequest
from seedmill.records.journal import EndRecord, Outcome, StepRecord, encode_segment
from seedmill.records.journal_sums import JournalSums
from seedmill.records.publication import Limits
from seedmill.storage.checkpoints import latest_checkpoint
from seedmill.storage.journal import list_journal, segment_key
from support.engine import CFG, PREFIX, Engine, Sandbox, Teacher
from support.recipes_for_engine import expanding_recipe, parts_recipe, tries_recipe

ROOTS, EVERY = 24, 4


def answer(request: GenerationRequest) -> str:
    number = int.from_bytes(sha256(f"{request.prompt.text}{request.seed}".encode()).digest()[:4], "big")
    return f"no {number}" if number % 7 == 0 else f"w{number % 40} v{number % 3} u{number % 5}"


def engine(recipe=None, **options) -> Engine:
    limits = Limits(options.pop("accepted", 1000), ROOTS)
    return Engine(recipe or tries_recipe(), limits, Teacher(answer), Sandbox(), checkpoint_roots=EVERY, **options)


async def done(recipe=None, **options) -> Engine:
    """A run that came to its end, with some checkpoints: one at root 4, 8, 12, …, but for those that come too soon."""
    run = engine(recipe, **options)
    run.teacher.delay = lambda request: 0.005
    assert await run.run() is RunnerEnd.CUT
    assert len(checkpoint_of(run).boundaries) > 1
    return run


def last_root(run: Engine, below: int = ROOTS) -> int:
    """Of the last boundary up to a root."""
    return max((each.state.root for each in checkpoint_of(run).boundaries if each.state.root <= below), default=0)


def checkpoint_of(run: Engine):
    checkpoint = latest_checkpoint(run.store, PREFIX)
    assert checkpoint is not None
    return checkpoint


async def resumed(run: Engine, *, with_checkpoints: bool, retry: bool = False, cfg: str = CFG) -> tuple[Frontier, int]:
    """The frontier of the next process, and how many root samples it walked to come there."""
    journal = JournalWriter(run.store, PREFIX, linger_seconds=0.001, window=4)
    frontier = run.frontier()
    walked: list[int] = []
    frontier.on_walked = lambda root: walked.append(root.index)
    checkpointer = None
    if with_checkpoints:
        publications = (repr(sorted(run.predecessor.items())),)
        checkpointer = Checkpointer(run.store, PREFIX, cfg, publications, JournalSums(EVERY // 2), EVERY)
    await resume(run.store, journal, frontier, cfg, Patience(), retry=retry, checkpointer=checkpointer)
    journal.abandon()
    if checkpointer is not None:
        checkpointer.abandon()
    return frontier, len(walked)


def state(frontier: Frontier) -> object:
    selection = frontier.selection
    return (selection.next_root, selection.tokens, selection.counts, selection.ended, sorted(frontier.waiting))


async def walked_behind_the_checkpoint(run: Engine, **options) -> int:
    """How many roots the next process walks; it comes to the same as one that walks all."""
    whole, _ = await resumed(run, with_checkpoints=False, **options)
    frontier, walked = await resumed(run, with_checkpoints=True, **options)
    assert state(frontier) == state(whole)
    assert len(frontier.index) == len(whole.index)
    assert frontier.index.packed(0, len(whole.index)) == whole.index.packed(0, len(whole.index))
    return walked


def change_segment(run: Engine, number: int) -> None:
    key = list_journal(run.store, PREFIX).segments[number].key
    run.store.objects[key] = run.store.objects[key][:-3]


@pytest.mark.parametrize("recipe", [tries_recipe(), parts_recipe(), expanding_recipe()])
async def test_only_what_lies_behind_the_checkpoint_is_walked(recipe) -> None:
    run = await done(recipe)
    expected = ROOTS - last_root(run)
    assert await walked_behind_the_checkpoint(run) == expected < ROOTS


async def test_a_killed_process_goes_on_behind_its_checkpoint() -> None:
    run = engine(window=3)
    run.teacher.delay = lambda request: random.random() * 0.01
    while await run.run(kill_after=0.05) is None:
        if latest_checkpoint(run.store, PREFIX) is not None:
            assert await walked_behind_the_checkpoint(run) < ROOTS
    assert run.rows() == (await done()).rows()


async def test_a_damaged_segment_below_the_checkpoint_is_a_gap_as_without_one() -> None:
    run = await done(window=1)
    change_segment(run, len(list_journal(run.store, PREFIX).segments) // 3)
    assert await walked_behind_the_checkpoint(run) < ROOTS // 2
    frontier, _ = await resumed(run, with_checkpoints=True)
    assert 0 < frontier.selection.next_root < last_root(run)
    assert await run.run() is RunnerEnd.CUT
    assert run.rows() == (await done()).rows()


async def test_a_late_segment_of_an_older_process_is_not_overlooked() -> None:
    """It holds a lower end of root 9, so the law takes that one."""
    run = await done()
    record = StepRecord("9", "idea", 0, 0, CFG, "", {"text": "another", "finish": "stop", "endpoint": "x"})
    end = EndRecord("9", Outcome.REJECT, CFG, "late", "idea", uses=(record.digest,))
    run.store.put(segment_key(PREFIX, "000000-aaaaaaaa", 0), encode_segment([record, end]))
    expected = ROOTS - last_root(run, below=8)
    frontier, walked = await resumed(run, with_checkpoints=True)
    assert walked == expected
    assert frontier.selection.counts.rejected["late"] == 1
    assert await walked_behind_the_checkpoint(run) == expected


async def test_a_retry_is_a_reason_to_walk_everything() -> None:
    run = await done()
    _, walked = await resumed(run, with_checkpoints=True, retry=True)
    assert walked == ROOTS


async def test_another_configuration_does_not_take_it() -> None:
    run = await done()
    frontier, walked = await resumed(run, with_checkpoints=True, cfg="other")
    assert (frontier.selection.next_root, walked) == (0, 0)


async def test_a_lower_target_is_cut_before_the_checkpoint() -> None:
    run = await done()
    run.limits = Limits(7, ROOTS)
    assert await walked_behind_the_checkpoint(run) > 0


@pytest.mark.parametrize("damage", ["gone", "changed"])
async def test_rows_that_are_gone_are_made_again_from_the_journal(damage: str) -> None:
    run = await done()
    boundaries = checkpoint_of(run).boundaries
    middle = len(boundaries) // 2
    key = f"{PREFIX}/{boundaries[middle].key}"
    if damage == "gone":
        del run.store.objects[key]
    else:
        run.store.objects[key] = run.store.objects[key][:-1] + b"?"
    assert await walked_behind_the_checkpoint(run) == ROOTS - boundaries[middle - 1].state.root


async def test_a_checkpoint_that_cannot_be_read_is_passed_over() -> None:
    run = await done()
    for key in run.store.objects:
        if key.startswith(f"{PREFIX}/checkpoints/") and key.endswith(".json"):
            run.store.objects[key] = b'{"format": 1, "sums": 3}'
    assert await walked_behind_the_checkpoint(run) == ROOTS
