"""Keys are worked on one at a time, never forgotten, and come back when they should."""

import asyncio
import time

import pytest

from seedmill.operator.queue import WorkQueue


async def taken(queue: WorkQueue[str], seconds: float = 0.5) -> str:
    return await asyncio.wait_for(queue.get(), seconds)


async def is_empty(queue: WorkQueue[str]) -> bool:
    try:
        key = await taken(queue, 0.02)
    except TimeoutError:
        return True
    queue.done(key)
    return False


async def test_a_key_that_is_added_twice_is_worked_on_once() -> None:
    queue = WorkQueue[str]()
    queue.add("a")
    queue.add("a")
    assert queue.depth == 1
    queue.done(await taken(queue))
    assert await is_empty(queue)


async def test_a_key_that_is_added_during_its_work_is_worked_on_once_more_and_not_at_the_same_time() -> None:
    queue = WorkQueue[str]()
    queue.add("a")
    await taken(queue)
    queue.add("a")
    queue.add("a")
    assert await is_empty(queue), "nobody else may have it meanwhile"
    queue.done("a")
    queue.done(await taken(queue))
    assert await is_empty(queue)


async def test_a_key_comes_back_when_it_asked_to() -> None:
    queue = WorkQueue[str]()
    queue.add("a")
    queue.done(await taken(queue), 0.05)
    assert await is_empty(queue)
    assert await taken(queue) == "a"


async def test_the_earlier_of_two_times_counts() -> None:
    queue = WorkQueue[str]()
    queue.add_after("a", 60)
    queue.add_after("a", 0.03)
    queue.add_after("a", 60)
    assert await taken(queue) == "a"
    queue.done("a")
    assert await is_empty(queue)


async def test_an_event_does_not_wait_for_the_time() -> None:
    queue = WorkQueue[str]()
    queue.add_after("a", 60)
    queue.add("a")
    queue.done(await taken(queue))
    assert await is_empty(queue), "the later time is gone"


async def test_pauses_grow_with_each_failure_and_end_with_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = WorkQueue[str](jitter=lambda: 1.0)
    pauses: list[float] = []
    monkeypatch.setattr(queue, "add_after", lambda key, seconds: pauses.append(seconds))
    for _ in range(14):
        queue.add("a")
        queue.retry(await taken(queue))
    queue.add("a")
    queue.done(await taken(queue))
    queue.add("a")
    queue.retry(await taken(queue))
    assert pauses[:4] == [0.2, 0.4, 0.8, 1.6]
    assert pauses[11:14] == [300.0] * 3
    assert pauses[14] == 0.2
    assert queue.retries == 15


async def test_a_key_that_fails_and_was_added_meanwhile_still_pauses() -> None:
    queue = WorkQueue[str](jitter=lambda: 1.0)
    queue.add("a")
    await taken(queue)
    queue.add("a")
    queue.retry("a")
    assert await is_empty(queue)
    assert await taken(queue) == "a"


async def test_ages_are_those_of_the_oldest() -> None:
    queue = WorkQueue[str]()
    assert (queue.oldest_seconds, queue.longest_work_seconds) == (0.0, 0.0)
    queue.add("a")
    await asyncio.sleep(0.03)
    queue.add("b")
    assert queue.oldest_seconds >= 0.02
    begun = time.monotonic()
    await taken(queue)
    assert queue.longest_work_seconds <= time.monotonic() - begun
