"""Results in groups: together when they finish together, at once when they do not, nothing left running."""

import asyncio

import pytest

from seedmill.serving.errors import InvalidRequest, Unavailable
from seedmill.serving.grouping import Grouping, in_groups


async def after(seconds: float, value: int) -> int:
    await asyncio.sleep(seconds)
    return value


async def long(cancelled: asyncio.Event) -> int:
    try:
        return await after(60.0, 3)
    except asyncio.CancelledError:
        cancelled.set()
        raise


async def test_what_finishes_together_shares_a_group() -> None:
    groups = [sorted(group) async for group in in_groups([after(0.0, 1), after(0.0, 2), after(0.2, 3)])]
    assert groups == [[1, 2], [3]]


async def test_no_work_is_no_group() -> None:
    assert [group async for group in in_groups([])] == []


async def test_the_first_group_does_not_wait_for_the_slowest() -> None:
    groups = in_groups([after(0.0, 1), after(60.0, 2)])
    assert await asyncio.wait_for(anext(groups), 5) == [1]
    await groups.aclose()


async def test_a_failure_comes_after_what_was_ready_and_ends_the_rest() -> None:
    cancelled = asyncio.Event()

    async def fail() -> int:
        raise Unavailable("SandboxUnavailable", "away")

    groups = in_groups([after(0.0, 1), fail(), long(cancelled)])
    assert await anext(groups) == [1]
    with pytest.raises(Unavailable):
        await anext(groups)
    assert cancelled.is_set()


async def test_whoever_is_cancelled_while_reading_cancels_the_work() -> None:
    cancelled = asyncio.Event()

    async def read() -> None:
        async for _ in in_groups([long(cancelled)]):
            pass

    reader = asyncio.create_task(read())
    await asyncio.sleep(0.02)
    reader.cancel()
    await asyncio.wait_for(cancelled.wait(), 5)


async def test_work_may_begin_while_groups_are_read_and_ends_when_it_is_said_to_be_complete() -> None:
    grouping = Grouping[int]()
    grouping.begin("a", after(0.0, 1))
    groups = grouping.groups()
    assert await anext(groups) == [1]
    grouping.begin("b", after(0.0, 2))
    with pytest.raises(ValueError, match="under way"):
        grouping.begin("b", after(0.0, 3))
    assert await anext(groups) == [2]
    grouping.complete()
    with pytest.raises(StopAsyncIteration):
        await anext(groups)


async def test_what_is_given_up_is_cancelled_and_has_no_result() -> None:
    grouping = Grouping[int]()
    cancelled = asyncio.Event()

    grouping.begin("a", long(cancelled))
    grouping.begin("b", after(0.05, 2))
    await asyncio.sleep(0)
    for name in ("a", "a", "stranger"):
        grouping.give_up(name)
    grouping.complete()
    assert [each for group in [group async for group in grouping.groups()] for each in group] == [2]
    assert cancelled.is_set()


@pytest.mark.parametrize("runs", [True, False])
async def test_what_cannot_go_on_ends_with_the_reason_and_cancels_the_rest(runs: bool) -> None:
    grouping = Grouping[int]()
    if runs:
        grouping.begin("a", after(60.0, 1))
    grouping.complete(InvalidRequest("BadPrompt", "no id"))
    with pytest.raises(InvalidRequest):
        _ = [group async for group in grouping.groups()]


async def test_a_group_is_given_when_somebody_asks_for_one() -> None:
    grouping = Grouping[int]()
    grouping.begin("a", after(60.0, 1))
    grouping.wake()
    groups = grouping.groups()
    assert await asyncio.wait_for(anext(groups), 5) == []
    await groups.aclose()
