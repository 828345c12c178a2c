"""The engine as a whole: kills, order, failures, limits, with the real journal, frontier, walker and runner."""

import asyncio
import random
from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedmill.filters.similarity import RowIndex
from seedmill.pipeline.runner import RunnerEnd
from seedmill.records.generation import GenerationRequest
from seedmill.records.publication import Limits
from seedmill.records.row import Row
from seedmill.records.verdict import Program, Status
from seedmill.serving.errors import ItemError, Misconfigured, Unavailable
from seedmill.storage.store import StorageError, StoreFull
from support.engine import Engine, Sandbox, Teacher
from support.memory_store import MemoryStore
from support.recipes_for_engine import expanding_recipe, gated_recipe, parts_recipe, pool_recipe, tries_recipe


def noise(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big")


def answer(request: GenerationRequest) -> str:
    """A pure function of the request, so that two runs get the same answers."""
    number = noise(f"{request.prompt.text}{request.seed}")
    return f"no {number}" if number % 7 == 0 else f"w{number % 90_000} v{number % 71_000} u{number % 53_000}"


def jitter(request: GenerationRequest) -> float:
    return random.random() * 0.004


def mostly_passes(program: Program) -> Status:
    return Status.PASS if noise(program.solution) % 3 else Status.FAIL


def engine(recipe=None, accepted: int = 1000, roots: int = 24, **options) -> Engine:
    teacher = options.pop("teacher", None) or Teacher(answer, jitter)
    sandbox = options.pop("sandbox", None) or Sandbox(mostly_passes)
    limits = Limits(accepted, roots, options.pop("max_tokens", None))
    return Engine(recipe or parts_recipe(), limits, teacher, sandbox, **options)


async def calm_rows(recipe, **options):
    calm = engine(recipe, teacher=Teacher(answer), window=1, **options)
    assert await calm.run() is RunnerEnd.CUT
    return calm.rows()


@pytest.mark.parametrize("recipe", [parts_recipe(), tries_recipe(), expanding_recipe(), pool_recipe()])
async def test_window_and_order_of_answers_do_not_change_the_rows(recipe):
    expected = await calm_rows(recipe)
    assert len(expected) > 10
    for window in (2, 7, 24):
        busy = engine(recipe, window=window)
        assert await busy.run() is RunnerEnd.CUT
        assert busy.rows() == expected


@pytest.mark.parametrize("recipe", [parts_recipe(), tries_recipe(), expanding_recipe(), pool_recipe()])
async def test_rule_9_kills_do_not_change_the_rows_and_pay_again_only_what_was_not_durable(recipe):
    expected = await calm_rows(recipe)
    killed = engine(recipe, window=4)
    kills = 0
    while await killed.run(kill_after=0.01 + random.random() * 0.03) is None:
        kills += 1
        assert kills < 400
    assert killed.rows() == expected
    paid = Counter(killed.teacher.paid)
    twice = sum(count - 1 for count in paid.values())
    per_sample = sum(getattr(step, "parts", 1) * getattr(step, "tries", 1) for step in recipe.steps)
    assert twice <= kills * killed.window * per_sample


async def test_rules_2_and_3_a_gate_sees_the_same_rows_whatever_finishes_first():
    """The novelty gate looks at kept rows, so it rejects, and so costs, the same with every window and order."""

    def few_ideas(request: GenerationRequest) -> str:
        words = [f"word{noise(request.prompt.text) % 5}x{n}" for n in range(12)]
        return " ".join(words) if request.id.split(":")[1] == "idea" else f"{request.prompt.text} {request.id}"

    results = []
    for window in (1, 3, 8):
        made = engine(gated_recipe(block=4), roots=40, window=window, teacher=Teacher(few_ideas, jitter))
        await made.run()
        results.append((made.rows(), made.progress.ledger().to_json()["rejected"], sorted(made.teacher.paid)))
    assert results[0] == results[1] == results[2]
    assert results[0][1]["not_novel"] > 5


async def test_the_target_is_met_exactly_and_little_is_made_beyond_it():
    made = engine(accepted=9, roots=400, window=16)
    assert await made.run() is RunnerEnd.CUT
    assert len(made.rows()) == 9
    begun = {request.partition(":")[0] for request in made.teacher.paid}
    assert len(begun) < 9 + 2 * 16


async def test_a_raised_target_only_appends():
    first = engine(accepted=5)
    await first.run()
    rows = first.rows()
    first.limits = Limits(11, 24)
    await first.run()
    assert first.rows()[:5] == rows
    assert len(first.rows()) == 11
    assert first.rows() == (await calm_rows(parts_recipe()))[:11]


async def test_a_token_budget_is_never_exceeded_and_cuts_at_the_same_sample():
    rows = []
    for window in (1, 8):
        made = engine(window=window, max_tokens=8000)
        assert await made.run() is RunnerEnd.CUT
        assert made.progress.paid_tokens.total <= 8000
        rows.append(made.rows())
    assert rows[0] == rows[1] != []


async def test_rule_13_the_lowest_part_that_passes_is_taken_after_a_whole_wave():
    # Part 1 answers first and passes too, but part 0 is the one that counts.
    def slow_zero(request: GenerationRequest) -> float:
        return 0.02 if request.id.endswith(":response:0:0") else 0.0

    made = engine(roots=3, teacher=Teacher(lambda r: f"{r.id} text", slow_zero), sandbox=Sandbox())
    await made.run()
    assert [text.split()[0] for _, text in made.rows()] == [f"{n}:response:0:0" for n in range(3)]


async def test_responses_are_sampled_in_waves_and_later_waves_only_when_needed():
    sandbox = Sandbox(lambda program: Status.PASS if "ok" in program.solution else Status.FAIL)
    needed = {"0": 1, "1": 3, "2": 9}

    def reply(request: GenerationRequest) -> str:
        sample, _, part, _ = request.id.split(":")
        return f"ok {sample}" if int(part) == needed[sample] else f"wrong {request.id}"

    made = engine(roots=3, teacher=Teacher(reply), sandbox=sandbox, window=1)
    await made.run()
    paid = Counter(request.split(":")[0] for request in made.teacher.paid if ":response:" in request)
    assert paid == {"0": 2, "1": 6, "2": 6}
    assert made.progress.ledger().to_json()["rejected"] == {"verdict_fail": 1}


async def test_a_rejected_try_is_sampled_anew_and_its_tokens_count():
    refusals = Teacher(lambda r: "no" if not r.id.endswith(":2") else f"yes {r.id}")
    made = engine(tries_recipe(), roots=2, teacher=refusals)
    await made.run()
    assert len(made.rows()) == 2
    assert len(refusals.paid) == 6
    assert made.runner is not None


async def test_an_item_that_cannot_be_answered_fails_after_three_tries_and_harms_no_other(monkeypatch):
    monkeypatch.setattr("seedmill.pipeline.runner.FAILURE_PAUSE_SECONDS", (0.01, 0.02))
    made = engine(tries_recipe(), roots=6)
    generate = made.teacher.generate

    async def refuse(request: GenerationRequest):
        if request.id.startswith("3:"):
            made.teacher.paid.append(request.id)
            raise ItemError("PromptRefused", "HTTP 400")
        return await generate(request)

    made.teacher.generate = refuse
    assert await made.run() is RunnerEnd.CUT
    ledger = made.progress.ledger()
    assert ledger.failed == {"prompt_refused": 1}
    assert made.teacher.paid.count("3:idea:0:0") == 3
    assert ledger.requested == 6


async def test_too_many_failures_stop_the_run_and_a_retry_tries_them_anew(monkeypatch):
    monkeypatch.setattr("seedmill.pipeline.runner.FAILURE_PAUSE_SECONDS", (0.001, 0.001))
    made = engine(tries_recipe(), roots=400, max_failed_percent=5, window=32)
    generate = made.teacher.generate

    async def refuse(request: GenerationRequest):
        if int(request.id.split(":")[0]) % 4 == 0:
            raise ItemError("PromptRefused", "HTTP 400")
        return await generate(request)

    made.teacher.generate = refuse
    assert await made.run() is RunnerEnd.TOO_MANY_FAILURES
    made.teacher.generate = generate
    assert await made.run(retry=True) is RunnerEnd.CUT
    assert made.progress.ledger().failed == {}
    assert made.rows() == await calm_rows(tries_recipe(), roots=400)


async def test_failures_that_settle_together_with_the_last_candidate_are_too_many_as_well(monkeypatch):
    monkeypatch.setattr("seedmill.pipeline.runner.FAILURE_PAUSE_SECONDS", (0.001, 0.001))
    delay = {"0": 1.0}
    made = engine(
        tries_recipe(),
        roots=120,
        max_failed_percent=5,
        window=120,
        teacher=Teacher(answer, lambda request: delay.get(request.id.split(":")[0], 0.0)),
    )
    generate = made.teacher.generate

    async def refuse(request: GenerationRequest):
        if int(request.id.split(":")[0]) % 4 == 1:
            raise ItemError("PromptRefused", "HTTP 400")
        return await generate(request)

    made.teacher.generate = refuse
    assert await made.run() is RunnerEnd.TOO_MANY_FAILURES


async def test_a_teacher_that_is_away_is_waited_for_and_nothing_fails(monkeypatch):
    monkeypatch.setattr("seedmill.pipeline.patience.FIRST_PAUSE_SECONDS", 0.01)
    made = engine(tries_recipe(), roots=6)
    generate, away = made.teacher.generate, [20]

    async def sometimes(request: GenerationRequest):
        if away[0]:
            away[0] -= 1
            raise Unavailable("TeacherUnreachable", "connection refused")
        return await generate(request)

    made.teacher.generate = sometimes
    assert await made.run() is RunnerEnd.CUT
    assert made.progress.ledger().failed == {}


async def test_what_can_never_work_is_raised_and_nothing_durable_is_lost():
    made = engine(tries_recipe(), roots=30, window=2)
    generate = made.teacher.generate

    async def revoked(request: GenerationRequest):
        if int(request.id.split(":")[0]) >= 12:
            raise Misconfigured("Unauthorized", "HTTP 401")
        return await generate(request)

    made.teacher.generate = revoked
    with pytest.raises(Misconfigured):
        await made.run()
    made.teacher.generate = generate
    assert await made.run() is RunnerEnd.CUT
    assert max(Counter(made.teacher.paid).values()) == 1 or len(made.teacher.paid) <= 30 * 3 + 2 * 3
    assert made.rows() == await calm_rows(tries_recipe(), roots=30)


async def test_a_full_disk_is_waited_out_and_said(monkeypatch):
    monkeypatch.setattr("seedmill.pipeline.journal_writer.LONGEST_PAUSE_SECONDS", 0.02)
    full = [False]

    def before_put(key: str) -> None:
        if full[0] and key.endswith(".zst"):
            raise StorageError("no space left on device")

    made = engine(tries_recipe(), roots=40, store=MemoryStore(before_put))
    running = asyncio.create_task(made.run())
    await asyncio.sleep(0.02)
    full[0] = True
    await asyncio.sleep(0.15)
    assert made.journal is not None
    assert "no space left" in made.journal.blocked
    begun = len(set(made.teacher.paid))
    await asyncio.sleep(0.1)
    assert len(set(made.teacher.paid)) == begun  # nothing new is taken
    full[0] = False
    assert await running is RunnerEnd.CUT
    assert made.rows() == await calm_rows(tries_recipe(), roots=40)


async def test_where_the_fold_finds_no_room_what_is_in_flight_is_finished_first(monkeypatch):
    full = [True]

    class Index(RowIndex):
        def add(self, row: Row, root_index: int) -> None:
            if full[0] and len(self) == 5:
                raise StoreFull("no space left on device")
            super().add(row, root_index)

    monkeypatch.setattr("support.engine.RowIndex", Index)
    made = engine(tries_recipe(), roots=40, window=8)
    with pytest.raises(StoreFull):
        await made.run()
    assert len(made.settled_roots()) < 40
    full[0] = False
    assert await made.run() is RunnerEnd.CUT
    assert max(Counter(made.teacher.paid).values()) == 1
    assert made.rows() == await calm_rows(tries_recipe(), roots=40)


async def test_stop_drains_and_the_next_process_goes_on_without_paying_again():
    made = engine(parts_recipe(), roots=600, window=6)
    running = asyncio.create_task(made.run())
    await asyncio.sleep(0.05)
    assert made.runner is not None
    made.runner.stop()
    assert await running is RunnerEnd.DRAINED
    assert await made.run() is RunnerEnd.CUT
    assert max(Counter(made.teacher.paid).values()) == 1
    assert made.rows() == await calm_rows(parts_recipe(), roots=600)


async def test_rule_11_a_twin_that_starts_later_fences_the_older_process(monkeypatch):
    monkeypatch.setattr("seedmill.pipeline.journal_writer.FENCE_SECONDS", 0.02)
    old = engine(tries_recipe(), roots=400, window=2)
    young = engine(tries_recipe(), roots=400, window=2, store=old.store)
    first = asyncio.create_task(old.run())
    await asyncio.sleep(0.05)
    second = asyncio.create_task(young.run())
    assert await first is RunnerEnd.FENCED
    assert await second is RunnerEnd.CUT
    assert young.rows() == await calm_rows(tries_recipe(), roots=400)


async def test_rule_8_at_most_a_window_of_samples_is_not_durable():
    """What is begun and not durable never exceeds the window, however slow the store is."""
    import time

    def slow(key: str) -> None:
        if key.endswith(".zst"):
            time.sleep(0.02)

    made = engine(tries_recipe(), roots=60, window=5, store=MemoryStore(slow))
    running = asyncio.create_task(made.run())
    while not running.done():
        settled = made.settled_roots()
        begun = {int(request.split(":")[0]) for request in made.teacher.paid}
        assert len(begun - settled) <= 5
        await asyncio.sleep(0.002)
    assert made.settled_roots() == set(range(60))


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.lists(st.floats(0.002, 0.05), max_size=6), st.integers(1, 9), st.integers(3, 20))
def test_any_schedule_of_kills_windows_and_targets_gives_the_same_rows(luck, kills, window, accepted):
    async def schedule() -> None:
        random.seed(luck)
        expected = (await calm_rows(parts_recipe()))[:accepted]
        made = engine(accepted=accepted, window=window)
        for moment in kills:
            await made.run(kill_after=moment)
        assert await made.run() is RunnerEnd.CUT
        assert made.rows() == expected
        ledger = made.progress.ledger()
        assert ledger.requested == ledger.settled + ledger.pending
        assert ledger.accepted == len(expected)

    asyncio.run(schedule())


async def test_rule_15_reuse_takes_a_step_only_with_its_own_counter():
    first = engine(parts_recipe(), roots=12)
    await first.run()
    again = engine(parts_recipe(), roots=12, reuse=first.recorded())
    await again.run()
    assert again.teacher.paid == []
    assert again.rows() == first.rows()
    assert again.progress.ledger().accepted == len(first.rows())
    other = engine(parts_recipe(), roots=12, reuse=first.recorded(), random_seed=1)
    await other.run()
    assert other.teacher.paid  # another counter: nothing is equal
    texts = [text for _, text in again.rows()]
    assert len(set(texts)) == len(texts)
