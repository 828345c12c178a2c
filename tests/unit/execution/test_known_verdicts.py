"""What is answered without running it again, and what never is."""

import asyncio
from dataclasses import replace

import pytest

from seedmill.execution.known_verdicts import OVERHEAD_BYTES, Keys, VerdictCache, fingerprint
from seedmill.records.outputs import verdict_notes, verdict_output
from seedmill.records.verdict import Isolation, Program, Status, Verdict, VerdictKind

PROGRAM = Program("a", "python", "def f(): return 1", "assert f() == 1")
PASSED = Verdict("a", Status.PASS, "", VerdictKind.STRICT, "", 1, "digest", "runsc", 0.5, "out", "err")


@pytest.mark.parametrize(
    "change",
    [
        {"language": "bash"},
        {"solution": "def f(): return 2"},
        {"tests": "assert f() == 2"},
        {"timeout_seconds": 11.0},
        {"memory_bytes": 1 << 20},
        {"verdict": VerdictKind.STRICT},
        {"isolation": Isolation.FRESH},
    ],
    ids=lambda change: next(iter(change)),
)
def test_nothing_that_a_verdict_depends_on_is_left_out(change: dict[str, object]):
    assert fingerprint(PROGRAM, "digest") != fingerprint(replace(PROGRAM, **change), "digest")


def test_environments_are_never_crossed():
    assert fingerprint(PROGRAM, "one") != fingerprint(PROGRAM, "other")


def test_text_cannot_move_from_the_solution_to_the_tests():
    one, other = replace(PROGRAM, solution="ab", tests="c"), replace(PROGRAM, solution="a", tests="bc")
    assert fingerprint(one, "digest") != fingerprint(other, "digest")


def test_ids_do_not_matter_and_the_asker_gets_its_own():
    assert fingerprint(PROGRAM, "digest") == fingerprint(replace(PROGRAM, id="b"), "digest")
    cache = VerdictCache()
    cache.put(b"x", PASSED)
    assert cache.get(b"x", "b") == replace(PASSED, id="b", cached=True)
    assert cache.get(b"y", "b") is None


@pytest.mark.parametrize("status", Status)
def test_what_depends_on_the_machine_is_not_kept(status: Status):
    cache = VerdictCache()
    cache.put(b"x", replace(PASSED, status=status))
    kept = cache.get(b"x", "a") is not None
    assert kept == (status not in (Status.TIMEOUT, Status.MEMORY, Status.INFRA))


def test_a_process_that_the_machine_may_have_killed_is_not_kept():
    cache = VerdictCache()
    cache.put(b"x", replace(PASSED, status=Status.FAIL, reason="the tests process was ended by SIGKILL"))
    assert cache.get(b"x", "a") is None


def test_memory_is_bounded_and_what_was_used_last_stays():
    large = replace(PASSED, stdout="x" * 1000, stderr="")
    size = OVERHEAD_BYTES + 1000
    cache = VerdictCache(3 * size)
    for name in (b"1", b"2", b"3"):
        cache.put(name, large)
    assert cache.get(b"1", "a")
    cache.put(b"4", large)
    assert [name for name in (b"1", b"2", b"3", b"4") if cache.get(name, "a")] == [b"1", b"3", b"4"]
    assert cache.used_bytes == 3 * size
    cache.put(b"4", replace(large, stdout=""))
    assert cache.used_bytes == 2 * size + OVERHEAD_BYTES
    cache.put(b"5", replace(large, stdout="x" * 4 * size))
    assert cache.get(b"5", "a") is None


def test_without_room_nothing_is_kept():
    cache = VerdictCache(0)
    cache.put(b"x", PASSED)
    assert cache.get(b"x", "a") is None


def test_a_row_and_its_notes_do_not_tell_a_kept_verdict_from_a_new_one():
    kept = replace(PASSED, cached=True)
    assert verdict_output(kept) == verdict_output(PASSED)
    assert verdict_notes(kept) == verdict_notes(PASSED)


class Judge:
    """Counts how often it is asked, and answers when told."""

    def __init__(self, verdict: Verdict = PASSED) -> None:
        self.verdict = verdict
        self.asked = 0
        self.cancelled = 0
        self.go = asyncio.Event()

    async def __call__(self) -> Verdict:
        self.asked += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.verdict


async def test_programs_of_one_key_run_once_in_flight_and_afterwards():
    keys, judge = Keys(), Judge(replace(PASSED, status=Status.TIMEOUT))
    both = [asyncio.create_task(keys.once("run", "k", b"x", judge)) for _ in range(2)]
    await asyncio.sleep(0)
    judge.go.set()
    assert [joined for _, joined in await asyncio.gather(*both)] == [False, True]
    assert await keys.once("run", "k", b"x", judge) == (judge.verdict, True)
    assert judge.asked == 1


@pytest.mark.parametrize("other", [("other", "k", b"x"), ("run", "other", b"x"), ("run", "k", b"y"), ("run", "", b"x")])
async def test_another_run_key_or_program_is_run(other: tuple[str, str, bytes]):
    keys, judge = Keys(), Judge()
    judge.go.set()
    await keys.once("run", "k", b"x", judge)
    assert await keys.once(*other, judge) == (PASSED, False)
    assert judge.asked == 2


async def test_an_infra_is_run_again_and_so_is_an_exception():
    keys, judge = Keys(), Judge(replace(PASSED, status=Status.INFRA))
    judge.go.set()

    async def broken() -> Verdict:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await keys.once("run", "k", b"x", broken)
    await keys.once("run", "k", b"x", judge)
    assert await keys.once("run", "k", b"x", judge) == (judge.verdict, False)


async def test_it_is_cancelled_when_the_last_one_who_waits_has_gone():
    keys, judge = Keys(), Judge()
    one, other = (asyncio.create_task(keys.once("run", "k", b"x", judge)) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    assert not judge.cancelled
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert (judge.asked, judge.cancelled) == (1, 1)
    judge.go.set()
    assert await keys.once("run", "k", b"x", judge) == (PASSED, False)
