"""Slots of an endpoint: order, pauses, cancelled waiters."""

import asyncio

from seedmill.inference.limit import Limit
from seedmill.inference.slots import Claim, Moved, Slots


async def hold(slots: Slots, release: asyncio.Event, order: list[int], number: int) -> None:
    async with slots.slot(Claim()):
        order.append(number)
        await release.wait()


async def test_no_more_than_the_limit_enter_and_in_order():
    slots, release, order = Slots(Limit(2, 2)), asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(hold(slots, release, order, n)) for n in range(5)]
    await asyncio.sleep(0.01)
    assert order == [0, 1]
    assert slots.in_flight == 2
    release.set()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]
    assert slots.in_flight == 0


async def test_cancelled_waiters_leave_the_line_and_lose_no_slot():
    slots, release, order = Slots(Limit(1, 1)), asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(hold(slots, release, order, n)) for n in range(4)]
    await asyncio.sleep(0.01)
    tasks[1].cancel()
    release.set()
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert slots.in_flight == 0
    assert slots.waiting == 0
    await asyncio.wait_for(hold(slots, release, order, 9), 1)


async def test_cancelling_at_the_moment_of_ones_turn_passes_it_on():
    slots, release, order = Slots(Limit(1, 1)), asyncio.Event(), list[int]()
    first = asyncio.create_task(hold(slots, release, order, 0))
    second = asyncio.create_task(hold(slots, release, order, 1))
    third = asyncio.create_task(hold(slots, release, order, 2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0)
    second.cancel()  # it was just admitted, and has not run since
    release.set()
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert 2 in order
    assert slots.in_flight == 0


async def test_a_pause_holds_everyone_and_ends_by_itself():
    slots, release, order = Slots(Limit(4, 4)), asyncio.Event(), list[int]()
    release.set()
    slots.refused(slots.limit.generation, 0.1)
    task = asyncio.create_task(hold(slots, release, order, 0))
    await asyncio.sleep(0.03)
    assert order == []
    assert slots.is_paused()
    await asyncio.wait_for(task, 1)
    assert order == [0]
    assert slots.limit.size == 2


async def serve(slots: Slots, claims: list[Claim]) -> list[Claim]:
    """Who was served, in order, when each claim waits for a slot that was taken when it came."""
    served: list[Claim] = []
    first = asyncio.Event()

    async def use(claim: Claim) -> None:
        async with slots.slot(claim):
            served.append(claim)
            await asyncio.sleep(0.003)

    async def occupy() -> None:
        async with slots.slot(Claim("before")):
            await first.wait()

    occupant = asyncio.create_task(occupy())
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(use(claim)) for claim in claims]
    await asyncio.sleep(0)
    first.set()
    await asyncio.gather(occupant, *tasks)
    return served


async def test_a_small_run_is_not_shut_out_by_a_large_one():
    served = await serve(Slots(Limit(1, 1)), [*[Claim("large")] * 100, *[Claim("small")] * 5])
    assert [claim.run for claim in served[:20]].count("small") == 5


async def test_slots_are_shared_by_weight():
    served = await serve(Slots(Limit(1, 1)), [*[Claim("one", 1)] * 100, *[Claim("three", 3)] * 100])
    assert 60 <= [claim.run for claim in served[:100]].count("three") <= 90


async def test_long_prompts_count_for_as_long_as_they_take():
    """Prompts of one run take ten times as long: it gets half of the slots' time, not ten elevenths."""
    slots, loop = Slots(Limit(4, 4)), asyncio.get_running_loop()
    had = {"slow": 0.0, "quick": 0.0}

    async def use(run: str, seconds: float) -> None:
        while True:
            async with slots.slot(Claim(run)):
                began = loop.time()
                await asyncio.sleep(seconds)
                had[run] += loop.time() - began

    tasks = [asyncio.create_task(use(*each)) for each in [("slow", 0.03), ("quick", 0.003)] for _ in range(8)]
    await asyncio.sleep(1.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert 0.6 < had["slow"] / had["quick"] < 1.6
    assert slots.in_flight == slots.waiting == 0


async def test_within_a_run_the_lowest_order_goes_first():
    served = await serve(Slots(Limit(1, 1)), [Claim("r", order=order) for order in (5, 3, 9, 1)])
    assert [claim.order for claim in served] == [1, 3, 5, 9]


async def test_a_run_is_promised_its_share_beside_those_that_are_there():
    slots, release = Slots(Limit(12, 12)), asyncio.Event()
    assert slots.share("a", 1) == 12
    task = asyncio.create_task(hold(slots, release, [], 0))
    await asyncio.sleep(0)
    assert slots.share("a", 1) == 6
    assert slots.share("a", 3) == 9
    release.set()
    await task
    assert slots.share("a", 1) == 12


async def test_those_who_are_sent_away_leave_and_those_who_are_served_stay():
    slots, release, order = Slots(Limit(1, 1)), asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(hold(slots, release, order, n)) for n in range(3)]
    await asyncio.sleep(0)
    slots.send_away()
    release.set()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), Moved, Moved]
    assert slots.in_flight == slots.waiting == 0
    await asyncio.wait_for(hold(slots, release, order, 9), 1)
