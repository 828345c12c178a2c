"""Slots of an endpoint: order, pauses, cancelled waiters."""

import asyncio

from seedmill.inference.limit import Limit
from seedmill.inference.slots import Slots


async def hold(slots: Slots, release: asyncio.Event, order: list[int], number: int) -> None:
    async with slots.slot():
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
    assert slots.load == 0
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
